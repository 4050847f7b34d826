import { expect, test } from '@jest/globals';
import { fitted, shortened } from './options.ts';

test.each([
  ['fits', 'короткое', 20, 'короткое'],
  ['is cut at its end', 'Стрижка и укладка волос', 20, 'Стрижка и укладка в…'],
  ['ends in no space', 'Стрижка и окрашивание', 11, 'Стрижка и…'],
  ['is cut between characters', '👩‍👩‍👧‍👦👩‍👩‍👧‍👦', 20, '👩‍👩‍👧‍👦…'],
  ['is one long character', `e${'\u0301'.repeat(40)}`, 20, `e${'\u0301'.repeat(18)}…`],
])('a title that %s', (_, title, max, expected) => {
  expect(shortened(title, max)).toBe(expected);
  expect(expected.length).toBeLessThanOrEqual(max);
});

test('titles that are alike once shortened are numbered, also a hundred of them', () => {
  const options = Array.from({ length: 100 }, (_, n) => ({ id: `o${n}`, title: `${'ж'.repeat(60)}${n}` }));
  const shown = fitted({ as: 'buttons', options }, { buttons: 100, list: 100 }, { buttons: 20, list: 24 }).options;
  expect(new Set(shown.map(({ title }) => title)).size).toBe(100);
  expect(Math.max(...shown.map(({ title }) => title.length))).toBe(20);
  expect([shown[0]?.title, shown[9]?.title]).toEqual([`${'ж'.repeat(19)}…`, `${'ж'.repeat(16)}… 10`]);
});
