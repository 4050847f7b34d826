import { expect, test } from '@jest/globals';
import { cacheConformance } from './conformance.ts';
import { memoryCache } from './memory.ts';

cacheConformance('memory', () => memoryCache({ now: Date.now }));

test('a bucket refills evenly: after half the window half of it is back', async () => {
  let at = 1_000_000;
  const cache = memoryCache({ now: () => at });
  const limit = { limit: 10, windowMs: 60_000 };
  await cache.take('a', limit, 10);
  at += 30_000;
  expect(await cache.take('a', limit, 5)).toEqual({ isAllowed: true, remaining: 0, resetMs: 60_000, retryAfterMs: 0 });
  expect(await cache.take('a', limit)).toMatchObject({ isAllowed: false, retryAfterMs: 6_000 });
});

test('names that strangers make up do not fill the memory', async () => {
  const cache = memoryCache({ now: () => 0, most: 3 });
  for (const key of ['a', 'b', 'c', 'd']) await cache.set(key, key, 1_000);
  expect([await cache.get('a'), await cache.get('d')]).toEqual([null, 'd']);
});
