import type { Words } from '../kit/words.ts';

export const sessionsWords = {
  title: ['Открытые сеансы', 'Open sessions'],
  empty: ['Открытых сеансов нет.', 'There are no open sessions.'],
  isThis: ['этот сеанс', 'this session'],
  times: [
    'Вход {created}, последний запрос {seen}, действует до {expires}',
    'Logged in {created}, last request {seen}, open until {expires}',
  ],
  end: ['Завершить сеанс', 'End the session'],
  endWarning: ['В этом сеансе придётся войти снова.', 'That session will have to log in again.'],
  ended: ['Сеанс завершён.', 'The session has ended.'],
} as const satisfies Words;
