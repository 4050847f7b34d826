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
  ['нет ли у вас', [], 1_200],
  ['нет ли у вас времени', [], 500],
  ['у меня даже', [], 1_200],
])('after «%s», where %j is expected, a turn ends after %d ms', (said, expects, silenceMs) => {
  expect(createEndOfTurn(rules).silenceMs(said, expects)).toBe(silenceMs);
});

test('the digits of a phone that earlier turns contained count, so that its rest ends as a finished sentence does', () => {
  const silence = (soFar: string) =>
    createEndOfTurn(rules).silenceMs('сто двадцать три сорок пять шестьдесят семь', ['phone'], undefined, soFar);
  expect([silence(''), silence('8916'), silence('891')]).toEqual([1_200, 500, 1_200]);
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

test('a pause where more was expected says nothing about how the customer speaks', () => {
  const end = createEndOfTurn(rules);
  end.silenceMs('мой телефон', []);
  end.wentOn(900);
  expect(end.silenceMs('запишите меня', [])).toBe(500);
});

test.each<readonly [said: string, sounding: number | null, silenceMs: number]>([
  ['запишите меня на завтра', 0.9, 500],
  ['запишите меня на завтра', null, 500],
  ['запишите меня на завтра', 0.5, 600],
  ['запишите меня на завтра', 0.05, 700],
  ['а сколько стоит стрижка', 0.05, 500],
  ['работаете ли вы завтра', 0.05, 500],
  ['когда я была у вас в прошлый раз в пятницу', 0.05, 700],
  ['мой телефон', 0.9, 1_200],
])('after «%s», which has ended by its sound with a likelihood of %d, a turn ends after %d ms', (said, sounding, silenceMs) => {
  expect(createEndOfTurn(rules).silenceMs(said, [], { sounding, judged: null })).toBeCloseTo(silenceMs, 6);
});

test('a pause that was foreseen by the sound makes the silence of finished sentences no longer than its share', () => {
  const end = createEndOfTurn(rules);
  end.silenceMs('запишите меня', [], { sounding: 0, judged: null });
  end.wentOn(700);
  expect(end.silenceMs('запишите меня', [], { sounding: 1, judged: null })).toBeCloseTo(600, 6);
});

test('no silence becomes longer than twice the usual by sound and habit together', () => {
  const end = createEndOfTurn(rules);
  end.silenceMs('запишите меня', [], { sounding: 1, judged: null });
  end.wentOn(1_150);
  expect(end.silenceMs('запишите меня', [], { sounding: 0, judged: null })).toBe(1_000);
});

test.each<readonly [said: string, judged: number, silenceMs: number]>([
  ['запишите меня на завтра', 0.9, 400],
  ['запишите меня на завтра', 0.6, 450],
  ['запишите меня на завтра', 0.4, 750],
  ['запишите меня на завтра', 0.1, 1_000],
  ['запишите меня на', 0.9, 1_200],
])(
  'after «%s», which the recogniser takes for finished with %d, a turn ends after %d ms, whatever the sound',
  (said, judged, silenceMs) => {
    for (const sounding of [null, 0, 1]) expect(createEndOfTurn(rules).silenceMs(said, [], { sounding, judged })).toBeCloseTo(silenceMs, 6);
  },
);
