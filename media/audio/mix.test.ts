import { expect, test } from '@jest/globals';
import { decode, encode } from './g711.ts';
import { mix } from './mix.ts';

const level = (pcmu: Uint8Array, at: number): number => decode('PCMU', pcmu)[at] ?? 0;
const of = (samples: readonly number[]): Uint8Array => encode('PCMU', Int16Array.from(samples));

test('two signals are added, and what is too loud is cut at full scale', () => {
  const mixed = mix(of([1_000, 30_000, -30_000, 0]), of([2_000, 30_000, -30_000, 500]));
  expect(level(mixed, 0)).toBeGreaterThan(2_800);
  expect(level(mixed, 0)).toBeLessThan(3_200);
  expect([level(mixed, 1) > 30_000, level(mixed, 2) < -30_000]).toEqual([true, true]);
  expect(level(mixed, 3)).toBeGreaterThan(450);
});
