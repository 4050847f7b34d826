import { expect, test } from '@jest/globals';
import { seededRandom } from './seeded-random.ts';

test('a seed gives the numbers on which splits and fault tests rely', () => {
  const first = (seed: number) => {
    const next = seededRandom(seed);
    return [next(), next(), next()].map((value) => Math.floor(value * 1e6));
  };
  expect([first(0), first(7), first(-1), first(4_294_967_295)]).toEqual([
    [266_429, 329, 223_272],
    [11_704, 61_958, 976_907],
    [896_422, 189_478, 715_652],
    [896_422, 189_478, 715_652],
  ]);
});
