import { expect, test } from '@jest/globals';
import { expectedBy } from './expected.ts';

const none = { proposals: 0, choices: 0 };
test.each([
  ['Как вас зовут и ваш номер телефона?', ['phone', 'name']],
  ['Продиктуйте, пожалуйста, номер.', ['phone']],
  ['Назовите номер заказа.', ['number']],
  ['На чьё имя записать?', ['name']],
  ['По какому адресу приехать?', ['address']],
  ['Скажите вашу электронную почту.', ['email']],
  ['На какой день вас записать? Какое время удобно?', ['time']],
  ['Мы находимся по адресу: Садовая, 12.', []],
  ['Наш телефон 200-300. Что ещё подсказать?', []],
  ['Есть время в пятницу.', []],
])('«%s» asks for %j', (reply, expected) => {
  expect(expectedBy(reply, none)).toEqual(expected);
});

test('options ask for a choice, and a proposal for a yes or a no', () => {
  expect(expectedBy('Есть свободное время.', { proposals: 0, choices: 3 })).toEqual(['choice']);
  expect(expectedBy('Записать вас?', { proposals: 1, choices: 2 })).toEqual(['choice', 'consent']);
  expect(expectedBy(null, none)).toEqual([]);
});
