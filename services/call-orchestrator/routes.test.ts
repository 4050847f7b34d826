import { expect, test } from '@jest/globals';
import { parseRoutes, routeOfLine } from './routes.ts';

const written = '+74951234567=script, 100=person:+79995550000 101=queue:+79995550001/sip:anna@10.0.0.5';

test('a number has the route of its entry, with or without a plus, and an unlisted one has none', () => {
  const routes = parseRoutes(written) ?? new Map();
  for (const number of ['+74951234567', '74951234567']) expect(routeOfLine(routes, number)).toEqual({ kind: 'script' });
  expect(routeOfLine(routes, '100')).toEqual({ kind: 'people', people: ['+79995550000'], rounds: 1 });
  expect(routeOfLine(routes, '101')).toEqual({ kind: 'people', people: ['+79995550001', 'sip:anna@10.0.0.5'], rounds: 10 });
  expect(routeOfLine(routes, '102')).toBeUndefined();
});

test('every unlisted number has the route of *', () => {
  expect(routeOfLine(parseRoutes('100=person:+79995550000, *=script') ?? new Map(), '102')).toEqual({ kind: 'script' });
});

test.each([
  '100',
  '100=robot',
  '100=person',
  '100=person:nobody',
  '100=person:+79995550000/+79995550001',
  '100=script:x',
  '1=script,1=script',
])('%s are no routes', (text) => {
  expect(parseRoutes(text)).toBeNull();
});
