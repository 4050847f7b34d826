import { expect, test } from '@jest/globals';
import type { Company } from './company.ts';
import { isStaffAway } from './facts.ts';

const hours = [{ weekday: 1, from: '10:00', to: '21:00' }];
const company = (over: Partial<Company> = {}): Company => ({
  ...{ name: 'Лада', address: null, phone: null, greeting: null, hours, timeZone: 'Europe/Moscow', services: [], isReachable: true },
  ...over,
});

test.each([
  ['before it opens', '2026-11-30T09:59:00+03:00', true],
  ['from its opening on', '2026-11-30T10:00:00+03:00', false],
  ['from its closing on', '2026-11-30T21:00:00+03:00', true],
  ['on a day without hours', '2026-12-01T12:00:00+03:00', true],
])('whether staff is away %s, at %s: %s', (_, at, isAway) => {
  expect(isStaffAway(company(), Date.parse(at))).toBe(isAway);
  // Without stated hours it counts as there.
  expect(isStaffAway(company({ hours: [] }), Date.parse(at))).toBe(false);
});
