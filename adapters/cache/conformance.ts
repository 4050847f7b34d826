/** Tests that every cache must pass. */
import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { OpenCache } from './port.ts';

/** Limits that do not refill during a test: the next take is allowed after ten seconds or more. */
const slowLimit = fc
  .record({ limit: fc.integer({ min: 1, max: 120 }), eachMs: fc.integer({ min: 10_000, max: 30_000 }), oddMs: fc.nat({ max: 9_999 }) })
  .map(({ limit, eachMs, oddMs }) => ({ limit, windowMs: limit * eachMs + oddMs }));

export function cacheConformance(name: string, setup: () => OpenCache | Promise<OpenCache>): void {
  test(`${name}: a bucket gives its limit at once, then tells how long to wait`, async () => {
    const cache = await setup();
    const bucket = randomUUID();
    const limit = { limit: 5, windowMs: 60_000 };
    const taken = [];
    for (let each = 0; each < 6; each += 1) taken.push(await cache.take(bucket, limit));
    expect(taken.map(({ isAllowed }) => isAllowed)).toEqual([true, true, true, true, true, false]);
    expect(taken.map(({ remaining }) => remaining)).toEqual([4, 3, 2, 1, 0, 0]);
    expect(taken[0]?.retryAfterMs).toBe(0);
    // 12 s refill one take; the machine may have been slow since the first.
    expect(taken[5]?.retryAfterMs).toBeGreaterThan(1_000);
    expect(taken[5]?.retryAfterMs).toBeLessThanOrEqual(12_000);
    expect(taken[4]?.resetMs).toBeGreaterThan(40_000);
    await cache.close();
  });

  test(`${name}: whatever its limit and window, a bucket gives its limit and not one more or less`, async () => {
    const cache = await setup();
    const costs = fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(slowLimit, costs, async (limit, first) => {
        const bucket = randomUUID();
        let left = limit.limit;
        for (const cost of first) {
          const { isAllowed, remaining } = await cache.take(bucket, limit, cost);
          expect(isAllowed).toBe(cost <= left);
          if (isAllowed) left -= cost;
          expect(remaining).toBe(left);
        }
        const rest = await Promise.all(Array.from({ length: left + 2 }, () => cache.take(bucket, limit)));
        expect(rest.filter(({ isAllowed }) => isAllowed)).toHaveLength(left);
        expect(rest.at(-1)?.retryAfterMs).toBeLessThanOrEqual(Math.ceil(limit.windowMs / limit.limit));
      }),
      {
        numRuns: 60,
        examples: [
          [{ limit: 60, windowMs: 1_000_000 }, []],
          [{ limit: 49, windowMs: 3_600_000 }, [7, 3]],
        ],
      },
    );
    await cache.close();
  });

  test(`${name}: a refused take costs nothing, and buckets do not share`, async () => {
    const cache = await setup();
    const [one, other] = [randomUUID(), randomUUID()];
    const limit = { limit: 3, windowMs: 60_000 };
    expect(await cache.take(one, limit, 2)).toMatchObject({ isAllowed: true, remaining: 1 });
    expect(await cache.take(one, limit, 2)).toMatchObject({ isAllowed: false, remaining: 1 });
    expect(await cache.take(one, limit, 1)).toMatchObject({ isAllowed: true, remaining: 0 });
    expect(await cache.take(other, limit, 3)).toMatchObject({ isAllowed: true });
    await cache.close();
  });

  test(`${name}: an empty bucket fills again little by little`, async () => {
    const cache = await setup();
    const bucket = randomUUID();
    const limit = { limit: 600, windowMs: 60_000 };
    expect(await cache.take(bucket, limit, 600)).toMatchObject({ isAllowed: true });
    const until = Date.now() + 10_000;
    let taken = await cache.take(bucket, limit);
    while (!taken.isAllowed && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      taken = await cache.take(bucket, limit);
    }
    expect(taken.isAllowed).toBe(true);
    await cache.close();
  });

  test(`${name}: of a hundred takes at once a bucket of ten gives ten`, async () => {
    const cache = await setup();
    const bucket = randomUUID();
    const all = await Promise.all(Array.from({ length: 100 }, () => cache.take(bucket, { limit: 10, windowMs: 600_000 })));
    expect(all.filter(({ isAllowed }) => isAllowed)).toHaveLength(10);
    await cache.close();
  });

  test(`${name}: a value is there until it is deleted or its time is over`, async () => {
    const cache = await setup();
    const [kept, short, gone] = [randomUUID(), randomUUID(), randomUUID()];
    await cache.set(kept, 'ёлка', 60_000);
    await cache.set(gone, 'x', 60_000);
    await cache.delete(gone);
    await cache.set(short, 'x', 1);
    const until = Date.now() + 5_000;
    while ((await cache.get(short)) !== null && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
    expect([await cache.get(kept), await cache.get(gone), await cache.get(short), await cache.get(randomUUID())]).toEqual([
      'ёлка',
      null,
      null,
      null,
    ]);
    await cache.close();
  });
}
