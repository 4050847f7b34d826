import type { Words } from '../kit/words.ts';

export const todayWords = {
  title: ['Сегодня', 'Today'],
  approvals: ['Ждут согласования', 'Waiting for approval'],
  oldest: ['старейшее {age}', 'the oldest for {age}'],
  chatsWaiting: ['Чаты без ответа', 'Chats without an answer'],
  urgent: ['Срочные без ответа', 'Urgent without an answer'],
  forPerson: ['Ждут человека', 'Waiting for a person'],
  unassigned: ['Ничьи', 'No one’s'],
  mine: ['Мои', 'Mine'],
  callsNow: ['Звонки сейчас', 'Calls now'],
  callsMissed: ['Звонки требуют внимания', 'Calls that need attention'],
  reviews: ['Нужно разобрать', 'Need a review'],
  stuck: ['Застряли запуски', 'Stuck runs'],
  servicesUnwell: ['Сервисы не отвечают', 'Services that do not respond'],
  providersUnwell: ['Провайдеры и каналы не работают', 'Providers and channels that do not work'],
  uncounted: ['нет данных', 'no data'],
  deadLetters: ['Недоставленные', 'Dead letters'],
  services: ['Сервисы и связи', 'Services and connections'],
  allWell: ['Все работают.', 'All work.'],
  notWell: [
    { one: 'Не работает {n}', few: 'Не работают {n}', many: 'Не работают {n}', other: 'Не работает {n}' },
    { one: '{n} is not well', other: '{n} are not well' },
  ],
  sales: ['Работа с клиентами', 'Customers'],
  system: ['Система', 'System'],
  moreThan: ['больше {n}', 'more than {n}'],
} as const satisfies Words;
