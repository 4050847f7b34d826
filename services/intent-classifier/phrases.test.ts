import { expect, test } from '@jest/globals';
import { wordsOf } from './features.ts';
import { holdsWord, phrase } from './phrases.ts';

const fits = (written: string, text: string) => phrase(written)(wordsOf(text));

test.each([
  ['верн* деньги', 'Верните  ДЕНЬГИ, пожалуйста', true],
  ['верн* деньги', 'верните мои деньги', false],
  ['верн* … деньги', 'верните мне мои деньги', true],
  ['верн* … деньги', 'верните деньги', true],
  ['верн* … деньги', 'верните раз два три четыре пять шесть деньги', false],
  ['счёт', 'выставьте счет', true],
  ['счет', 'выставьте счета', false],
  ['как … дела', 'дела как сажа бела', false],
  ['через 0 минут', 'буду через 15 минут', true],
  ['где ... курьер*', 'где же наконец ваш курьер?', true],
  ['= да', 'Да!', true],
  ['=да', 'да 👍', true],
  ['= да', 'да где же мой заказ', false],
  ['= да', 'ну да', false],
  ['= спасибо …', 'спасибо вам большое', true],
  ['= спасибо …', 'спасибо, но букет завял на второй день', false],
  ['= … спасибо', 'большое спасибо', true],
  ['= … спасибо', 'большое спасибо, а когда?', false],
])('the phrase «%s» in «%s»: %s', (written, text, expected) => {
  expect(fits(written, text)).toBe(expected);
});

test.each(['*', '…', '... *', '!?', '=', '= …'])('a phrase without a word fits nothing, however it came into the table: %s', (written) => {
  expect([holdsWord(written), fits(written, 'да'), fits(written, '')]).toEqual([false, false, false]);
});

test('the worst phrase and the longest text cost milliseconds', () => {
  const worst = phrase('а* … '.repeat(40)); // as long as a phrase may be
  const words = wordsOf('а '.repeat(300)); // as much of a message as is read
  const times = Array.from({ length: 20 }, () => {
    const began = performance.now();
    worst(words);
    return performance.now() - began;
  });
  expect(Math.min(...times)).toBeLessThan(50); // the others had the machine's other work in them
});
