import { expect, test } from '@jest/globals';
import { type Counters, createRates, percentileMs } from './rates.ts';

const counted = (instances: Readonly<Record<string, readonly [startedAtMs: number, requests: number, errors: number]>>): Counters =>
  new Map(
    Object.entries(instances).map(([instance, [startedAtMs, requests, errors]]) => [
      instance,
      { startedAtMs, totals: new Map([['crm.find', { requests, errors, buckets: [requests] }]]) },
    ]),
  );
const unknown = { perSecond: null, errorsPerSecond: null, p95Ms: null };

test('a rate is that of the last minute over all instances, and unknown before the second sample', () => {
  const rates = createRates();
  rates.add(0, counted({ a: [0, 1_000, 0], b: [0, 10, 0] }));
  expect(rates.of('crm.find', ['a', 'b'])).toEqual(unknown);
  rates.add(10_000, counted({ a: [0, 1_050, 10], b: [0, 60, 0] }));
  expect(rates.of('crm.find', ['a', 'b'])).toMatchObject({ perSecond: 10, errorsPerSecond: 1 });
  expect(rates.of('crm.find', ['b'])).toMatchObject({ perSecond: 5, errorsPerSecond: 0 });
  expect(rates.of('crm.other', ['a', 'b'])).toMatchObject({ perSecond: 0, errorsPerSecond: 0, p95Ms: null });
  for (let at = 20_000; at <= 600_000; at += 1_000) rates.add(at, counted({ a: [0, 1_050, 10], b: [0, 60, 0] }));
  expect(rates.of('crm.find', ['a', 'b'])).toMatchObject({ perSecond: 0, errorsPerSecond: 0 });
});

test('an instance that started since then counts from zero, and one that only was not heard before does not count as traffic', () => {
  const rates = createRates();
  rates.add(100_000, counted({ a: [0, 1_000, 0] }));
  rates.add(110_000, counted({ a: [0, 1_000, 0], fresh: [105_000, 20, 0], unheard: [0, 9_000, 0] }));
  expect(rates.of('crm.find', ['a', 'fresh', 'unheard'])).toMatchObject({ perSecond: 2 });
});

test('a restart is no negative rate', () => {
  const rates = createRates();
  rates.add(0, counted({ old: [0, 1_000, 5] }));
  rates.add(10_000, counted({ young: [2_000, 30, 0] }));
  expect(rates.of('crm.find', ['young'])).toMatchObject({ perSecond: 3, errorsPerSecond: 0 });
});

test.each([
  [[100], 4.75],
  [[0, 0, 0, 100], 48.75],
  [[90, 0, 10], 17.5],
  [Array.from({ length: 15 }, (_, slot) => (slot === 14 ? 5 : 0)), 10_000],
  [[], null],
])('of durations %j the 95th percentile is %s ms', (buckets, ms) => {
  const found = percentileMs(buckets, 0.95);
  if (ms === null) expect(found).toBeNull();
  else expect(found).toBeCloseTo(ms, 6);
});
