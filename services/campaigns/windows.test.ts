import { expect, test } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { nextOpening, parseHolidays } from './windows.ts';
import { russianZones, zonesOfNumber } from './zone-of-number.ts';

const weekdays = [1, 2, 3, 4, 5].map((weekday) => ({ weekday, from: '09:00', to: '21:00' }));
const noHoliday = () => false;
const opening = (
  zones: readonly string[],
  at: string,
  windows = weekdays,
  isHoliday = noHoliday as (day: Temporal.PlainDate) => boolean,
) => {
  const found = nextOpening({ windows, isHoliday }, zones, Date.parse(at));
  return found && [new Date(found.from).toISOString().slice(0, 16), new Date(found.to).toISOString().slice(0, 16)];
};

test('inside a window calls may start at once, until its end', () => {
  expect(opening(['Europe/Moscow'], '2026-05-05T09:00:00Z')).toEqual(['2026-05-05T09:00', '2026-05-05T18:00']);
});

test('a window begins with its first minute and is over at its last', () => {
  expect(opening(['Europe/Moscow'], '2026-05-05T06:00:00Z')?.[0]).toBe('2026-05-05T06:00');
  expect(opening(['Europe/Moscow'], '2026-05-05T17:59:59Z')?.[0]).toBe('2026-05-05T17:59');
  expect(opening(['Europe/Moscow'], '2026-05-05T18:00:00Z')?.[0]).toBe('2026-05-06T06:00');
});

test('on Friday evening the next window is that of Monday, where the member is', () => {
  expect(opening(['Asia/Vladivostok'], '2026-05-08T11:00:00Z')).toEqual(['2026-05-10T23:00', '2026-05-11T11:00']);
});

test('between two windows of a day the second one is next', () => {
  const windows = [
    { weekday: 2, from: '10:00', to: '12:00' },
    { weekday: 2, from: '16:00', to: '18:00' },
  ];
  expect(opening(['UTC'], '2026-05-05T12:00:00Z', windows)).toEqual(['2026-05-05T16:00', '2026-05-05T18:00']);
});

test('a window up to 24:00 is over at midnight', () => {
  expect(opening(['UTC'], '2026-05-05T23:30:00Z', [{ weekday: 2, from: '20:00', to: '24:00' }])?.[1]).toBe('2026-05-06T00:00');
});

test('of several zones only the time counts that is inside a window in each', () => {
  expect(opening(['Europe/Kaliningrad', 'Asia/Kamchatka'], '2026-05-05T00:00:00Z')).toEqual(['2026-05-05T07:00', '2026-05-05T09:00']);
  expect(opening(russianZones, '2026-05-05T12:00:00Z')).toEqual(['2026-05-06T07:00', '2026-05-06T09:00']);
});

test('zones whose windows never meet have no opening, and neither has a member without a zone', () => {
  const short = [{ weekday: 2, from: '10:00', to: '12:00' }];
  expect(opening(['Europe/Kaliningrad', 'Asia/Kamchatka'], '2026-05-05T00:00:00Z', short)).toBeNull();
  expect(opening([], '2026-05-05T09:00:00Z')).toBeNull();
});

test('where clocks go forward, the window begins when the jump is over', () => {
  const sunday = [{ weekday: 7, from: '02:30', to: '05:00' }];
  expect(opening(['Europe/Berlin'], '2026-03-29T00:00:00Z', sunday)).toEqual(['2026-03-29T01:30', '2026-03-29T03:00']);
});

test('holidays of every year, of one year and ranges are left out', () => {
  const isHoliday = parseHolidays('01-01..01-08, 2026-05-05') ?? noHoliday;
  expect(opening(['Europe/Moscow'], '2026-05-05T09:00:00Z', weekdays, isHoliday)?.[0]).toBe('2026-05-06T06:00');
  expect(opening(['Europe/Moscow'], '2025-12-31T19:00:00Z', weekdays, isHoliday)?.[0]).toBe('2026-01-09T06:00');
  expect(isHoliday(Temporal.PlainDate.from('2027-01-08'))).toBe(true);
  expect(isHoliday(Temporal.PlainDate.from('2027-05-05'))).toBe(false);
});

test.each(['01-32', '2026-02-29', '01-08..01-01', '01-01..2026-01-08', 'май', '1-1'])('%s is no day', (text) => {
  expect(parseHolidays(text)).toBeNull();
});

test.each([
  ['+74012000000', ['Europe/Kaliningrad']],
  ['+74951234567', ['Europe/Moscow']],
  ['+78482000000', ['Europe/Samara']],
  ['+73432000000', ['Asia/Yekaterinburg']],
  ['+73812000000', ['Asia/Omsk']],
  ['+73832000000', ['Asia/Krasnoyarsk']],
  ['+73952000000', ['Asia/Irkutsk']],
  ['+73022000000', ['Asia/Yakutsk']],
  ['+74232000000', ['Asia/Vladivostok']],
  ['+74242000000', ['Asia/Magadan']],
  ['+74152000000', ['Asia/Kamchatka']],
  ['+77272000000', ['Asia/Almaty']],
  ['+79995553322', russianZones],
  ['+74112000000', ['Asia/Yakutsk', 'Asia/Vladivostok', 'Asia/Magadan']],
  ['+78005553535', []],
  ['+4930123456', []],
])('the zones of %s are those of its area', (phone, zones) => {
  expect(zonesOfNumber(phone)).toEqual(zones);
});

test('there are eleven zones, each with an hour of its own', () => {
  const hours = russianZones.map((zone) => Temporal.Instant.from('2026-05-05T00:00:00Z').toZonedDateTimeISO(zone).hour);
  expect(hours).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});
