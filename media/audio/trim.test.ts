import { expect, test } from '@jest/globals';
import { trimHead } from './trim.ts';

const sound = (length: number) => Int16Array.from({ length }, (_, nth) => 8_000 * Math.sin(nth / 3));

test('silence before a sound is cut to 20 ms, and nothing of the sound with it', () => {
  const [before, spoken] = [new Int16Array(2_400), sound(1_600)];
  const trimmed = trimHead(Int16Array.from([...before, ...spoken]));
  expect(trimmed.length).toBe(160 + 1_600);
  expect([...trimmed.subarray(160)]).toEqual([...spoken]);
});

test('a sound without silence before it is unchanged, and silence alone becomes nothing', () => {
  expect([...trimHead(sound(800))]).toEqual([...sound(800)]);
  expect(trimHead(new Int16Array(8_000)).length).toBe(0);
});
