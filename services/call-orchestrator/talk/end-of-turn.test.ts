import { expect, test } from '@jest/globals';
import { createEndOfTurn, type Expected } from './end-of-turn.ts';

const rules = { silenceMs: 500, dictationMs: 1_200, learnsSilence: true };

test.each<readonly [said: string, expects: readonly Expected[], silenceMs: number]>([
  ['запишите меня на стрижку', [], 500],
  ['запишите меня на', [], 1_200],
  ['мой адрес', [], 1_200],
  ['какой у вас адрес', [], 500],
  ['где ваш дом', [], 500],
  ['мой телефон', [], 1_200],
  ['какой у вас телефон', [], 500],
  ['девятьсот двенадцать', ['phone'], 1_200],
  ['девятьсот двенадцать сто двадцать три сорок пять шестьдесят семь', ['phone'], 500],
  ['завтра', ['time'], 500],
])('after «%s», where %j is expected, a turn ends after %d ms', (said, expects, silenceMs) => {
  expect(createEndOfTurn(rules).silenceMs(said, expects)).toBe(silenceMs);
});

test('who paused longer than usual in a sentence is given that time, up to twice the usual', () => {
  const end = createEndOfTurn(rules);
  const silence = () => end.silenceMs('запишите меня', []);
  expect(silence()).toBe(500);
  end.wentOn(620);
  expect(silence()).toBe(720);
  end.wentOn(1_150);
  expect(silence()).toBe(1_000);
});

test('a pause where more was expected tells nothing of how the customer speaks', () => {
  const end = createEndOfTurn(rules);
  end.silenceMs('мой телефон', []);
  end.wentOn(900);
  expect(end.silenceMs('запишите меня', [])).toBe(500);
});
