import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Company } from '../../contracts/company.ts';
import { memoryBooking } from './memory.ts';
import type { Appointment } from './port.ts';
import { freeStarts } from './schedule.ts';
import { addDays, weekdayOf, zoneOf } from './zone.ts';

const { signal } = new AbortController();
const minuteMs = 60_000;

test.each([
  ['Europe/Berlin', '2027-03-28', 150, '2027-03-28T03:00:00+02:00'], // 02:30 does not exist
  ['Europe/Berlin', '2027-03-28', 60, '2027-03-28T01:00:00+01:00'],
  ['Europe/Berlin', '2027-10-31', 150, '2027-10-31T02:30:00+02:00'], // 02:30 comes twice
  ['Europe/Berlin', '2027-10-31', 1440, '2027-11-01T00:00:00+01:00'],
  ['Europe/Moscow', '2027-03-28', 150, '2027-03-28T02:30:00+03:00'],
  ['Asia/Kolkata', '2027-01-31', 600, '2027-01-31T10:00:00+05:30'],
  ['America/St_Johns', '2027-01-31', 600, '2027-01-31T10:00:00-03:30'],
])('in %s minute %s %i of the day is %s', (name, day, minutes, expected) => {
  const zone = zoneOf(name);
  const ms = zone.at(day, minutes);
  expect(zone.iso(ms)).toBe(expected);
  expect(Date.parse(expected)).toBe(ms);
  expect(zone.dayOf(ms)).toBe(expected.slice(0, 10));
});

test('starts keep their distance to the beginning of the hours, and skip what is busy with the time after it', () => {
  const at = (hours: number, minutes = 0) => (hours * 60 + minutes) * minuteMs;
  const open = [{ from: at(10), to: at(14) }];
  const wanted = { durationMs: at(1), bufferMs: at(0, 15), stepMs: at(0, 30), notBefore: at(10, 1) };
  const busy = [
    { from: at(11), to: at(11, 45) },
    { from: at(11), to: at(11, 10) },
  ];
  expect(freeStarts(open, busy, wanted)).toEqual([at(12), at(12, 30), at(13)]);
  expect(freeStarts(open, [], { ...wanted, notAfter: at(11) })).toEqual([at(10, 30)]);
  expect(freeStarts([...open, { from: at(14), to: at(15) }], busy, wanted)).toContain(at(13, 30));
});

/** The clock time of a moment in a zone, from another source than the calendar's. */
function clockIn(timeZone: string) {
  const format = new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return (ms: number): { readonly day: string; readonly time: string } => {
    const [day = '', time = ''] = format.format(ms).split(' ');
    return { day, time };
  };
}

const runs = 25;
const editsEach = 100;
describe.each(['Europe/Berlin', 'Europe/Moscow'])('%s, around the change to summer time and back', (timeZone) => {
  test.each(['2027-03-26', '2027-10-29'])(
    `${runs * editsEach} edits of hours, exceptions and appointments from %s on: no slot is outside the hours or overlaps an appointment`,
    async (from) => {
      const clock = clockIn(timeZone);
      const time = fc
        .integer({ min: 0, max: 47 })
        .map((half) => `${String(Math.floor(half / 2)).padStart(2, '0')}:${half % 2 ? '30' : '00'}`);
      const hours = fc
        .tuple(time, time)
        .filter(([a, b]) => a < b)
        .map(([a, b]) => ({ from: a, to: b }));
      const dayOf = fc.integer({ min: 0, max: 4 }).map((nth) => addDays(from, nth));
      const edit = fc.oneof(
        fc.record({ do: fc.constant('hours' as const), weekday: fc.integer({ min: 1, max: 7 }), hours: fc.array(hours, { maxLength: 2 }) }),
        fc.record({ do: fc.constant('exception' as const), day: dayOf, hours: fc.array(hours, { maxLength: 2 }) }),
        fc.record({ do: fc.constant('holiday' as const), day: dayOf }),
        fc.record({ do: fc.constant('book' as const), nth: fc.nat(1000), service: fc.constantFrom('short', 'long') }),
        fc.record({ do: fc.constant('cancel' as const), nth: fc.nat(1000) }),
      );
      const now = Date.parse(`${from}T00:00:00Z`) - 86_400_000;
      const first = Company.parse({
        name: 'Salon',
        timeZone,
        noticeMinutes: 0,
        stepMinutes: 30,
        services: [
          { serviceId: 'short', name: 'Short', durationMinutes: 30 },
          { serviceId: 'long', name: 'Long', durationMinutes: 75, bufferMinutes: 20 },
        ],
        employees: [
          {
            employeeId: 'anna',
            name: 'Anna',
            serviceIds: ['short', 'long'],
            hours: [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, from: '00:00', to: '24:00' })),
          },
        ],
      });
      await fc.assert(
        fc.asyncProperty(fc.array(edit, { minLength: editsEach, maxLength: editsEach }), async (edits) => {
          const booking = memoryBooking({ now: () => now }, first);
          const clientId = booking.addClient({ name: 'Client', phones: [], email: null, isMasked: false });
          let company = first;
          const worker = () => company.employees[0] as (typeof company.employees)[number];
          const change = async (more: Partial<typeof company>, own: Partial<ReturnType<typeof worker>> = {}) => {
            company = { ...company, ...more, employees: [{ ...worker(), ...own }] };
            await booking.company?.set(company);
          };
          const booked: { readonly appointment: Appointment; readonly untilMs: number }[] = [];
          for (const [nth, each] of edits.entries()) {
            if (each.do === 'hours') {
              const rest = worker().hours.filter(({ weekday }) => weekday !== each.weekday);
              await change({}, { hours: [...rest, ...each.hours.map((one) => ({ weekday: each.weekday, ...one }))] });
            } else if (each.do === 'exception') {
              const rest = worker().exceptions.filter(({ day }) => day !== each.day);
              await change({}, { exceptions: [...rest, { day: each.day, hours: each.hours }] });
            } else if (each.do === 'holiday') {
              const has = company.holidays.includes(each.day);
              await change({ holidays: has ? company.holidays.filter((day) => day !== each.day) : [...company.holidays, each.day] });
            } else if (each.do === 'cancel') {
              const [gone] = booked.splice(each.nth % Math.max(1, booked.length), 1);
              if (gone)
                await booking.releaseSlot.attempt(
                  { appointmentId: gone.appointment.appointmentId, reason: undefined },
                  { ref: `c${nth}`, signal },
                );
            } else {
              const slots = await booking.getFreeSlots({ from, days: 5, serviceIds: [each.service] }, signal);
              const { bufferMinutes = 0 } = company.services.find(({ serviceId }) => serviceId === each.service) ?? {};
              for (const { start, durationMinutes } of slots) {
                const startMs = Date.parse(start);
                const endMs = startMs + durationMinutes * minuteMs;
                const begin = clock(startMs);
                // The last minute, so that an end at midnight is of the same day.
                const end = clock(endMs - minuteMs);
                const open =
                  worker().exceptions.find(({ day }) => day === begin.day)?.hours ??
                  worker().hours.filter(({ weekday }) => weekday === weekdayOf(begin.day));
                const isOpen = !company.holidays.includes(begin.day);
                const touching = open.filter((one) => begin.time >= one.from && begin.time < one.to);
                const isInside =
                  end.day !== begin.day ? true : touching.length > 0 && open.some((one) => end.time >= one.from && end.time < one.to);
                if (!isOpen || touching.length === 0 || !isInside) throw new Error(`${start} is outside ${JSON.stringify(open)}`);
                const clash = booked.find(
                  ({ appointment, untilMs }) => Date.parse(appointment.start) < endMs + bufferMinutes * minuteMs && untilMs > startMs,
                );
                if (clash) throw new Error(`${start} overlaps ${clash.appointment.start}`);
              }
              const slot = slots[each.nth % Math.max(1, slots.length)];
              if (slot === undefined) continue;
              const appointment = await booking.bookSlot.attempt(
                { slot, clientId, client: null, comment: undefined },
                { ref: `b${nth}`, signal },
              );
              booked.push({ appointment, untilMs: Date.parse(slot.start) + (slot.durationMinutes + bufferMinutes) * minuteMs });
            }
          }
        }),
        { numRuns: runs, seed: 20271031, endOnFailure: true },
      );
    },
    120_000,
  );
});
