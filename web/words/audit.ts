import type { Words } from '../kit/words.ts';

export const auditWords = {
  title: ['Журнал', 'Audit log'],
  at: ['Когда', 'When'],
  who: ['Кто', 'Who'],
  key: ['Ключ или сеанс', 'Key or session'],
  method: ['Что', 'What'],
  target: ['Над чем', 'Target'],
  outcome: ['Исход', 'Outcome'],
  done: ['выполнено', 'done'],
  requestId: ['Номер запроса', 'Request id'],
  client: ['Клиент', 'Client'],
  clientHint: ['staff — люди на этих страницах', 'staff: people on these pages'],
  filter: ['Показать', 'Show'],
  refresh: ['Обновить', 'Refresh'],
} as const satisfies Words;
