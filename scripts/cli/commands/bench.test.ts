import { expect, test } from '@jest/globals';
import { rateOf } from '../kernel/rate.ts';
import { budgetsOf } from './bench.ts';

const measured = { requests: 1000, errors: 2, seconds: 1, perSecond: 1000, p50Ms: 1, p90Ms: 5, p95Ms: 10, p99Ms: 60, maxMs: 90 };

test('a budget is missed where the measure is over it, and only there', () => {
  const budgets = budgetsOf('p99<50ms, p50<50ms, errors<0.1%, errors<1%, rate>900, max<0.1s');
  expect(budgets.filter(({ isMet }) => !isMet(measured)).map(({ what }) => what)).toEqual(['p99<50ms', 'errors<0.1%']);
});

test('a budget or a rate that cannot be read is refused', () => {
  expect(() => budgetsOf('p98<50ms')).toThrow(/expected parts like p99<50ms/);
  expect(() => rateOf('0')).toThrow(/--rate/);
  expect([rateOf('5'), rateOf('5/s'), rateOf('30/m'), rateOf(undefined)]).toEqual([5, 5, 0.5, undefined]);
});
