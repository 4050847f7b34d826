import { expect, test } from '@jest/globals';
import { counter, gauge, histogram } from '../../contracts/kit/metric.ts';
import { createMetrics } from './metrics.ts';

const sold = counter('sold_total', { help: 'Sold.', labels: { fruit: ['apple', 'pear'], shop: 'any' } });
const waited = histogram('waited_seconds', { help: 'Waited.', labels: { shop: 'any' }, bounds: [1, 2] });
const stock = gauge('stock', { help: 'Left.', isShared: true });

function setup() {
  const clock = { at: 1_000_000 };
  const warned: string[] = [];
  const metrics = createMetrics({ now: () => clock.at, log: { warn: (_, message) => void warned.push(message) } });
  const series = async (name: string) => (await metrics.reports()).find((each) => each.name === name)?.series;
  return { clock, warned, metrics, series };
}

test('a report has the definition of the metric, and _OTHER for a label value outside its list', async () => {
  const { metrics } = setup();
  metrics.count(sold, { fruit: 'apple', shop: 'north' });
  metrics.count(sold, { fruit: 'apple', shop: 'north' }, 2);
  metrics.count(sold, { fruit: 'plum', shop: 'north' });
  expect(await metrics.reports()).toEqual([
    {
      name: 'sold_total',
      type: 'counter',
      help: 'Sold.',
      labels: ['fruit', 'shop'],
      bounds: [],
      isShared: false,
      series: [
        [['apple', 'north'], 3],
        [['_OTHER', 'north'], 1],
      ],
    },
  ]);
});

test('a value falls into the bucket whose bound it does not exceed', async () => {
  const { metrics, series } = setup();
  for (const value of [0.5, 1, 1.5, 9]) metrics.observe(waited, { shop: 'north' }, value);
  expect(await series('waited_seconds')).toEqual([[['north'], 12, 2, 1, 1]]);
});

test('a flood of labels is counted completely in a bounded number of series, far below the maximum message size', async () => {
  const { metrics } = setup();
  const many = Array.from({ length: 8 }, (_, n) =>
    histogram(`flood_${n}_seconds`, { help: 'Flood.', labels: { a: 'any', b: 'any', c: 'any' } }),
  );
  for (const of of many)
    for (let n = 0; n < 2_000; n += 1) metrics.observe(of, { a: `${n} `.repeat(100), b: `${n} `.repeat(100), c: `${n} `.repeat(100) }, n);
  const told = await metrics.reports();
  for (const { series } of told) {
    expect(series.length).toBeLessThanOrEqual(501);
    expect(series.reduce((sum, [, , ...buckets]) => sum + buckets.reduce((left, right) => left + right, 0), 0)).toBe(2_000);
    expect(series.at(-1)?.[0]).toEqual(['_OTHER', '_OTHER', '_OTHER']);
  }
  expect(JSON.stringify(told).length).toBeLessThan(600_000);
});

test('a sample is read once while it is fresh, and reported for some minutes after a later reading fails', async () => {
  const { clock, warned, metrics, series } = setup();
  let left = 7;
  let reads = 0;
  metrics.sample(async () => {
    reads += 1;
    if (left < 0) throw new Error('no shop');
    return [{ of: stock, labels: {}, value: left }];
  });
  expect(await series('stock')).toEqual([[[], 7]]);
  left = -1;
  expect(await series('stock')).toEqual([[[], 7]]);
  expect(reads).toBe(1);
  clock.at += 6_000;
  expect(await series('stock')).toEqual([[[], 7]]);
  expect(await series('stock')).toEqual([[[], 7]]);
  expect(warned).toHaveLength(1);
  clock.at += 150_000;
  expect(await series('stock')).toBeUndefined();
});

test('a reading that hangs delays no report, is not started twice, and is reported once it ends', async () => {
  const { metrics, series } = setup();
  const shop = Promise.withResolvers<number>();
  let reads = 0;
  metrics.count(sold, { fruit: 'pear', shop: 'north' });
  metrics.sample(async () => {
    reads += 1;
    return [{ of: stock, labels: {}, value: await shop.promise }];
  });
  expect(await series('sold_total')).toBeDefined();
  expect(await series('stock')).toBeUndefined();
  expect(reads).toBe(1);
  shop.resolve(3);
  expect(await series('stock')).toEqual([[[], 3]]);
});
