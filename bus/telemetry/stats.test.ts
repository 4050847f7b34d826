import { expect, test } from '@jest/globals';
import { count, counterOf, statsOf } from './stats.ts';

test('percentiles are right to 13 % from microseconds to minutes', () => {
  for (const scale of [0.01, 1, 100, 60_000]) {
    const counter = counterOf('shop.add', 'server');
    for (let n = 1; n <= 1000; n += 1) count(counter, (n / 1000) * scale, 'ok', '');
    const { p50Ms, p95Ms, p99Ms } = statsOf(counter);
    for (const [found, right] of [
      [p50Ms, 0.5],
      [p95Ms, 0.95],
      [p99Ms, 0.99],
    ] as const)
      expect(Math.abs(found / (right * scale) - 1)).toBeLessThan(0.13 + 0.002 / scale);
  }
});

test('a call falls into the bucket whose bound it does not exceed', () => {
  const counter = counterOf('shop.add', 'server');
  for (const ms of [0, 5, 5.1, 10_000, 10_001]) count(counter, ms, ms === 5.1 ? 'internal' : 'ok', 'broke');
  expect(statsOf(counter)).toMatchObject({ requests: 5, errors: 1, lastError: 'broke', codes: { ok: 4, internal: 1 } });
  expect(statsOf(counter).buckets).toEqual([2, 1, ...Array(11).fill(0), 1, 1]);
});

test('a new counter is zero everywhere', () => {
  expect(statsOf(counterOf('shop.add', 'client'))).toMatchObject({ requests: 0, p50Ms: 0, p99Ms: 0, lastError: '', codes: { ok: 0 } });
});
