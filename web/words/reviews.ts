import type { Words } from '../kit/words.ts';

export const reviewsWords = {
  title: ['Разбор', 'Reviews'],
  intro: [
    'Здесь то, о чём неизвестно, подействовало ли оно. Узнайте у другой системы или у клиента и ответьте.',
    'Rows whose outcome is unknown. Find out from the other system or from the customer, and answer.',
  ],
  empty: ['Разбирать нечего.', 'Nothing is in review.'],
  behind: ['За ней ждёт', 'Wait behind it'],
  behindText: [
    {
      one: 'За ней ждёт {n} строка, она продолжится после ответа.',
      few: 'За ней ждут {n} строки, они продолжатся после ответа.',
      many: 'За ней ждут {n} строк, они продолжатся после ответа.',
      other: 'За ней ждёт {n} строки, они продолжатся после ответа.',
    },
    { one: '{n} row waits behind it and continues after the answer.', other: '{n} rows wait behind it and continue after the answer.' },
  ],
  question: ['Что произошло на самом деле?', 'What happened in fact?'],
  answer_happened: ['Это произошло', 'It happened'],
  answer_try_again: ['Не произошло, попробовать снова', 'It did not happen: try again'],
  answer_give_up: ['Не произошло, больше не пробовать', 'It did not happen: give up'],
  effect_happened: ['Строка считается выполненной; ничего не отправляется.', 'The row counts as done; nothing is sent.'],
  effect_try_again: [
    'Строка исполняется снова; если первая попытка подействовала, действие случится дважды. Вызов вместо этого завершится ошибкой, и вызвавший может его повторить.',
    'The row is attempted again; if the first attempt took effect, the effect happens twice. A call fails instead, and its caller may repeat it.',
  ],
  effect_give_up: ['Строка отменяется; ничего не отправляется.', 'The row is cancelled; nothing is sent.'],
  output: ['Результат, насколько он известен, JSON', 'The output, as far as it is known, JSON'],
  why: ['Откуда это известно (необязательно)', 'How you know (optional)'],
  resolve: ['Ответить', 'Answer'],
  resolved: ['Отвечено: {answer}.', 'Answered: {answer}.'],
  closed: ['Строка уже разобрана.', 'The row has been resolved.'],
} as const satisfies Words;
