import { expect, test } from '@jest/globals';
import { wordsOf } from './features.ts';
import { phrase } from './phrases.ts';

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
])('the phrase «%s» in «%s»: %s', (written, text, expected) => {
  expect(fits(written, text)).toBe(expected);
});

test.each(['*', '…', '... *', '!?'])('a phrase without a word is refused: %s', (written) => {
  expect(() => phrase(written)).toThrow('needs a word');
});

test('the worst phrase and the longest text take no longer than a blink', () => {
  const worst = phrase('а* … '.repeat(33).slice(0, 200));
  const words = wordsOf('а '.repeat(300));
  const began = performance.now();
  worst(words);
  expect(performance.now() - began).toBeLessThan(250);
});
