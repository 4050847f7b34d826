import { expect, test } from '@jest/globals';
import { twoSides } from './two-sides.ts';

const of = (value: number, ms: number): Int16Array => new Int16Array(ms * 8).fill(value);
/** The values of one side, each with how many ms it lasts. */
function runs(both: Int16Array, side: 0 | 1): [value: number, ms: number][] {
  const found: [number, number][] = [];
  for (let at = side; at < both.length; at += 2) {
    const value = both[at] ?? 0;
    const last = found.at(-1);
    if (last?.[0] === value) last[1] += 1 / 8;
    else found.push([value, 1 / 8]);
  }
  return found;
}

test('what is queued plays on after it was queued, beside what is spoken', () => {
  const sides = twoSides(1_000);
  sides.right(of(7, 40), 1_000);
  sides.right(of(8, 20), 1_005);
  for (let at = 0; at < 4; at += 1) sides.left(of(1 + at, 20), 1_020 + 20 * at);
  const both = sides.take(1_080);
  expect(runs(both, 0)).toEqual([
    [1, 20],
    [2, 20],
    [3, 20],
    [4, 20],
  ]);
  expect(runs(both, 1)).toEqual([
    [7, 40],
    [8, 20],
    [0, 20],
  ]);
  expect(sides.take(1_080)).toHaveLength(0);
});

test('what was queued and is dropped is not heard, and the next piece begins at its time', () => {
  const sides = twoSides(0);
  sides.right(of(7, 500), 0);
  sides.clearRight(60);
  sides.right(of(8, 20), 100);
  expect(runs(sides.take(140), 1)).toEqual([
    [7, 60],
    [0, 40],
    [8, 20],
    [0, 20],
  ]);
});

test('a late piece leaves no hole and loses nothing; a pause is silence', () => {
  const sides = twoSides(0);
  sides.left(of(1, 20), 20);
  sides.left(of(2, 20), 110);
  expect(runs(sides.take(40), 0)).toEqual([
    [1, 20],
    [2, 20],
  ]);
  sides.left(of(3, 20), 540);
  expect(runs(sides.take(460), 0)).toEqual([
    [0, 400],
    [3, 20],
  ]);
});
