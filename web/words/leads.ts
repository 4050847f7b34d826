import type { Words } from '../kit/words.ts';

export const leadsWords = {
  title: ['Лиды', 'Leads'],
  empty: ['Таких лидов в CRM нет.', 'The CRM has no such leads.'],
  phone: ['Телефон', 'Phone'],
  phoneHint: ['в любом написании', 'in any spelling'],
  name: ['Имя', 'Name'],
  nameHint: ['начало имени или фамилии', 'the beginning of the given or the family name'],
  find: ['Найти', 'Find'],
  status: ['Состояние', 'State'],
  any: ['любое', 'any'],
  source: ['Источник', 'Source'],
  created: ['Открыт', 'Opened'],
  id: ['Номер', 'Id'],
  comment: ['Что хочет', 'Comment'],
  one: ['Лид', 'Lead'],
  client: ['Найти клиента', 'Find the client'],
  calls: ['Звонки по лиду', 'Calls of the lead'],
  noCalls: ['Звонков по лиду нет.', 'There are no calls about the lead.'],
  notFound: ['Этого лида нет среди показанных: откройте его из списка.', 'This lead is not in the list: open it from there.'],
  fromCrm: ['Лиды читаются из CRM при каждом открытии.', 'Leads are read from the CRM each time.'],
  refresh: ['Обновить', 'Refresh'],
} as const satisfies Words;
