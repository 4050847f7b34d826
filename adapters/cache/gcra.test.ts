import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Bucket, takeFrom } from './gcra.ts';

const limits = fc.record({ limit: fc.integer({ min: 1, max: 10_000_000 }), windowMs: fc.integer({ min: 1, max: 3_600_000 }) });
const start = 1_800_000_000_000;

test('a take that was refused is allowed after its retryAfterMs, and not a millisecond before', () => {
  fc.assert(
    fc.property(limits, fc.nat({ max: 5_000 }), fc.integer({ min: 1, max: 1_000 }), (limit, laterMs, wanted) => {
      const cost = Math.min(wanted, limit.limit);
      const [, full] = takeFrom(undefined, start, limit, limit.limit);
      const now = start + laterMs;
      const [{ isAllowed, retryAfterMs }] = takeFrom(full, now, limit, cost);
      if (isAllowed) return;
      expect(retryAfterMs).toBeGreaterThan(0);
      expect(takeFrom(full, now + retryAfterMs, limit, cost)[0].isAllowed).toBe(true);
      expect(takeFrom(full, now + retryAfterMs - 1, limit, cost)[0].isAllowed).toBe(false);
    }),
  );
});

test('however takes are spread, a bucket never gives more than its limit and what has drained meanwhile, and never less', () => {
  const gaps = fc.array(fc.nat({ max: 2_000 }), { maxLength: 200 });
  fc.assert(
    fc.property(limits, gaps, ({ limit: many, windowMs }, waits) => {
      const limit = { limit: Math.min(many, 50), windowMs };
      let bucket: Bucket | undefined;
      let now = start;
      // The same bucket in exact fractions of units.
      const full = BigInt(limit.limit) * BigInt(limit.windowMs);
      let left = full;
      for (const wait of waits) {
        now += wait;
        left += BigInt(wait) * BigInt(limit.limit);
        if (left > full) left = full;
        const [{ isAllowed, remaining }, after] = takeFrom(bucket, now, limit, 1);
        expect(isAllowed).toBe(left >= BigInt(limit.windowMs));
        if (isAllowed) left -= BigInt(limit.windowMs);
        expect(remaining).toBe(Number(left / BigInt(limit.windowMs)));
        bucket = after;
      }
    }),
  );
});

test('a clock that is set back neither fills the bucket nor holds it shut', () => {
  const limit = { limit: 10, windowMs: 10_000 };
  const [, empty] = takeFrom(undefined, start, limit, 10);
  const [refused, kept] = takeFrom(empty, start - 3_600_000, limit, 1);
  expect(refused).toMatchObject({ isAllowed: false, retryAfterMs: 1_000 });
  expect(takeFrom(kept, start - 3_600_000 + 1_000, limit, 1)[0]).toMatchObject({ isAllowed: true });
});
