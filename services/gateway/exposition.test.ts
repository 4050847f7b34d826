import { expect, test } from '@jest/globals';
import type { MetricReport } from '../../contracts/kit/metric.ts';
import { scraped } from '../../test/kit/exposition.ts';
import { exposition } from './exposition.ts';

const told = (more: Partial<MetricReport>): MetricReport => ({
  name: 'sold_total',
  type: 'counter',
  help: 'Sold.',
  labels: ['shop'],
  bounds: [],
  isShared: false,
  series: [[['north'], 1]],
  ...more,
});

test('instances that tell the same metric stand in one family', () => {
  const text = exposition();
  text.add(told({}), { instance: 'a' });
  text.add(told({ name: 'left', type: 'gauge', labels: [], series: [[[], 7]] }), {});
  text.add(told({}), { instance: 'b' });
  expect(text.text()).toBe(
    '# HELP sold_total Sold.\n# TYPE sold_total counter\nsold_total{instance="a",shop="north"} 1\nsold_total{instance="b",shop="north"} 1\n' +
      '# HELP left Sold.\n# TYPE left gauge\nleft 7\n',
  );
  expect(scraped(text.text())).toHaveLength(3);
});

test('a histogram counts what is at or below each bound', () => {
  const text = exposition();
  text.add(told({ name: 'waited_seconds', type: 'histogram', bounds: [0.5, 2], series: [[['north'], 5.25, 2, 0, 1]] }), {});
  expect(scraped(text.text()).map(({ name, labels: { le }, value }) => [name, le, value])).toEqual([
    ['waited_seconds_bucket', '0.5', 2],
    ['waited_seconds_bucket', '2', 2],
    ['waited_seconds_bucket', '+Inf', 3],
    ['waited_seconds_sum', undefined, 5.25],
    ['waited_seconds_count', undefined, 3],
  ]);
});

test('no label or help text breaks a line', () => {
  const text = exposition();
  const shop = 'a "b" \\ c\nd';
  text.add(told({ help: 'one\ntwo \\ three', series: [[[shop], 1]] }), {});
  expect(scraped(text.text())).toEqual([{ name: 'sold_total', labels: { shop }, value: 1 }]);
});

test('a series that comes twice stands once, and a metric of another type is left out', () => {
  const text = exposition();
  text.add(told({ isShared: true }), { service: 's' });
  text.add(told({ isShared: true, series: [[['north'], 2]] }), { service: 's' });
  text.add(told({ type: 'gauge', series: [[['south'], 3]] }), { service: 's' });
  expect(scraped(text.text()).map(({ value }) => value)).toEqual([1]);
});
