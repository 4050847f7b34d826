import type { Words } from '../kit/words.ts';

export const systemSettingsWords = {
  title: ['Настройки системы', 'Settings of the system'],
  text: [
    'Значения, с которыми экземпляры работают сейчас, и откуда они взяты. Секреты не показываются. Меняются они на сервере: «polyb config».',
    'The values with which the instances run now, and where they come from. Secrets are not shown. They are changed on the server: “polyb config”.',
  ],
  search: ['Найти настройку', 'Find a setting'],
  onlySet: ['Только заданные', 'Only those that are set'],
  name: ['Настройка', 'Setting'],
  value: ['Значение', 'Value'],
  origin: ['Откуда', 'From'],
  what: ['Что значит', 'Meaning'],
  secretSet: ['секрет, задан', 'a secret, set'],
  secretUnset: ['секрет, не задан', 'a secret, not set'],
  unset: ['не задано', 'not set'],
  byDefault: ['по умолчанию', 'default'],
  environment: ['переменная окружения', 'the environment'],
  differs: ['не у всех: {n} экз.', 'not all: {n} inst.'],
  count: [
    { one: '{n} настройка', few: '{n} настройки', many: '{n} настроек', other: '{n} настройки' },
    { one: '{n} setting', other: '{n} settings' },
  ],
  nothing: ['Таких настроек нет.', 'There is no such setting.'],
  channels: ['Каналы и провайдеры', 'Channels and providers'],
  channelsText: [
    'Как отвечают внешние системы, по последним обращениям к ним.',
    'How external systems respond, as of the latest requests to them.',
  ],
  noChannels: ['Обращений к внешним системам ещё не было.', 'There were no requests to external systems yet.'],
  works: ['работает', 'works'],
  failed: ['не работает', 'does not work'],
  target: ['Что', 'What'],
  state: ['Состояние', 'State'],
  since: ['С', 'Since'],
  service: ['Сервис', 'Service'],
  everywhere: ['все сервисы', 'all services'],
} as const satisfies Words;
