import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Hours, parseHours, placeIn } from './hours.ts';

const nineToNine: Hours = { from: 540, to: 1260 };
const utc = (text: string) => Date.parse(`${text}Z`);
const iso = (at: number) => new Date(at).toISOString().slice(0, 16);

const formats = new Map<string, Intl.DateTimeFormat>();
/** `2026-03-08 02:30:00` as a clock in that zone shows it, computed independently of the code. */
function shown(timeZone: string, at: number): string {
  const format = formats.get(timeZone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  formats.set(timeZone, format);
  return format.format(at);
}
const minuteOf = (timeZone: string, at: number) => {
  const [hour = 0, minute = 0] = shown(timeZone, at).slice(11).split(':').map(Number);
  return hour * 60 + minute;
};
const dateOf = (timeZone: string, at: number) => shown(timeZone, at).slice(0, 10);

test.each([
  ['before nine', 'Europe/Moscow', '2026-05-05T05:59', '2026-05-05T06:00'],
  ['at nine', 'Europe/Moscow', '2026-05-05T06:00', '2026-05-05T06:00'],
  ['in the last minute', 'Europe/Moscow', '2026-05-05T17:59', '2026-05-05T17:59'],
  ['at nine in the evening', 'Europe/Moscow', '2026-05-05T18:00', '2026-05-06T06:00'],
  ['just before midnight', 'Europe/Moscow', '2026-05-05T20:59', '2026-05-06T06:00'],
  ['at midnight', 'Europe/Moscow', '2026-05-05T21:00', '2026-05-06T06:00'],
  ['in the evening before a leap day', 'Europe/Moscow', '2028-02-28T19:00', '2028-02-29T06:00'],
  ['in the evening of a leap day', 'Europe/Moscow', '2028-02-29T19:00', '2028-03-01T06:00'],
  ['in the evening of New Year’s Eve', 'Asia/Vladivostok', '2026-12-31T12:00', '2026-12-31T23:00'],
  ['in the night when clocks go forward', 'Europe/Berlin', '2026-03-28T22:00', '2026-03-29T07:00'],
  ['in the night when clocks go back', 'Europe/Berlin', '2026-10-24T22:00', '2026-10-25T08:00'],
])('%s in %s (%s) the next call may go out at %s', (_, zone, now, expected) => {
  expect(iso(placeIn(zone).nextAllowed(nineToNine, utc(now)))).toBe(expected);
});

test('the second before nine is not nine', () => {
  expect(iso(placeIn('Europe/Moscow').nextAllowed(nineToNine, utc('2026-05-05T05:59:59.999')))).toBe('2026-05-05T06:00');
});

test('hours that a jump of the clock leaves out wait for the next day', () => {
  const night = { from: 120, to: 180 };
  expect(iso(placeIn('Europe/Berlin').nextAllowed(night, utc('2026-03-29T00:30')))).toBe('2026-03-30T00:00');
});

test('hours that begin within a jump begin when the clock has jumped', () => {
  const night = { from: 150, to: 300 };
  expect(iso(placeIn('Europe/Berlin').nextAllowed(night, utc('2026-03-29T00:30')))).toBe('2026-03-29T01:00');
});

test('an hour that comes twice is allowed both times and not in between', () => {
  const night = { from: 150, to: 300 };
  const at = (now: string) => iso(placeIn('Europe/Berlin').nextAllowed(night, utc(now)));
  expect(at('2026-10-25T00:10')).toBe('2026-10-25T00:30');
  expect(at('2026-10-25T00:40')).toBe('2026-10-25T00:40');
  expect(at('2026-10-25T01:10')).toBe('2026-10-25T01:30');
});

test.each([
  ['Europe/Moscow', '2026-05-05T20:59', '2026-05-04T21:00', '2026-05-05T21:00'],
  ['Europe/Moscow', '2026-05-05T21:00', '2026-05-05T21:00', '2026-05-06T21:00'],
  ['Africa/Cairo', '2026-04-23T23:00', '2026-04-23T22:00', '2026-04-24T21:00'], // Midnight is skipped; the day begins at one.
  ['Pacific/Apia', '2011-12-30T01:00', '2011-12-29T10:00', '2011-12-30T10:00'], // The 30th was skipped.
  ['America/Havana', '2026-11-01T04:30', '2026-11-01T04:00', '2026-11-02T05:00'], // The first hour occurs twice.
])('in %s at %s the day began at %s and the next begins at %s', (zone, now, start, next) => {
  expect([placeIn(zone).dayStart(utc(now)), placeIn(zone).nextDay(utc(now))].map(iso)).toEqual([start, next]);
});

const zones = fc.constantFrom(
  ...['Europe/Moscow', 'Europe/Berlin', 'America/New_York', 'America/Havana', 'America/Santiago', 'Africa/Cairo', 'Asia/Beirut'],
  ...['Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Chatham', 'Pacific/Apia', 'America/Sao_Paulo', 'UTC', '+05:30'],
);
/** Any time of thirty years, more often near midnight or a change of clocks. */
const times = fc.oneof(
  fc.integer({ min: utc('2006-01-01T00:00'), max: utc('2036-01-01T00:00') }),
  fc
    .record({ day: fc.integer({ min: 0, max: 10_957 }), minute: fc.integer({ min: -180, max: 180 }) })
    .map(({ day, minute }) => utc('2006-01-01T00:00') + day * 86_400_000 + minute * 60_000),
  fc
    .record({
      day: fc.constantFrom('2026-03-08', '2026-03-29', '2026-10-25', '2026-11-01', '2026-04-24', '2026-04-05', '2026-09-06', '2028-02-29'),
      minute: fc.integer({ min: -900, max: 900 }),
    })
    .map(({ day, minute }) => utc(`${day}T00:00`) + minute * 60_000),
);
const hours = fc
  .tuple(fc.integer({ min: 0, max: 1439 }), fc.integer({ min: 1, max: 1440 }))
  .filter(([from, to]) => from < to)
  .map(([from, to]) => ({ from, to }));

test('the next allowed moment is allowed, and none before it is', () => {
  fc.assert(
    fc.property(zones, times, hours, (zone, now, hours) => {
      const allowed = (at: number) => hours.from <= minuteOf(zone, at) && minuteOf(zone, at) < hours.to;
      const next = placeIn(zone).nextAllowed(hours, now);
      expect(allowed(next)).toBe(true);
      expect(next).toBeGreaterThanOrEqual(now);
      if (next > now) expect(allowed(next - 1)).toBe(false);
      for (let at = now; at < next; at += 11 * 60_000) expect(allowed(at)).toBe(false);
    }),
    { numRuns: 200 },
  );
});

test('a day begins when the date changes, and the next one when it changes again', () => {
  fc.assert(
    fc.property(zones, times, (zone, now) => {
      const start = placeIn(zone).dayStart(now);
      const next = placeIn(zone).nextDay(now);
      const today = dateOf(zone, now);
      expect(start <= now && now < next).toBe(true);
      expect(dateOf(zone, start)).toBe(today);
      expect(dateOf(zone, start - 1) < today).toBe(true);
      expect(dateOf(zone, next - 1)).toBe(today);
      expect(dateOf(zone, next) > today).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['09:00-21:00', nineToNine],
  ['00:00-24:00', { from: 0, to: 1440 }],
  ['21:00-09:00', null],
  ['09:00-09:00', null],
  ['09:00-24:01', null],
  ['09:60-21:00', null],
  ['9:00-21:00', null],
])('%s are the hours %j', (text, expected) => {
  expect(parseHours(text)).toEqual(expected);
});
