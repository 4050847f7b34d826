/** Free slots from the weekly hours of resources and what is booked. Hours are minutes of the day in a zone of their own. */
import type { FreeSlot } from '../../booking/port.ts';
import { freeStarts, type Interval } from '../../booking/schedule.ts';
import { addDays, daysFrom, weekdayOf, type Zone, zoneOf } from '../../booking/zone.ts';
import type { BitrixRecord } from './client.ts';

/** Weekly hours of a resource, which are no free time. */
export interface Hours {
  readonly from: number;
  readonly to: number;
  /** 1 for Monday to 7 for Sunday. */
  readonly weekdays: readonly number[];
  readonly zone: Zone;
  readonly slotMinutes: number;
  /** Days of the year, `12-31`, that are closed whatever their weekday, and open ones. */
  readonly holidays?: ReadonlySet<string>;
  readonly workdays?: ReadonlySet<string>;
}
const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** Hours without a length or a zone offer nothing. */
export function hoursFrom({ from, to, timezone, weekDays, slotSize }: BitrixRecord): Hours | null {
  const zone = typeof timezone === 'string' ? knownZone(timezone) : null;
  const slotMinutes = Number(slotSize);
  if (zone === null || !(slotMinutes >= 1 && slotMinutes <= 1440) || !Array.isArray(weekDays)) return null;
  return { from: Number(from), to: Number(to), weekdays: weekDays.map((day) => weekdays.indexOf(String(day)) + 1), zone, slotMinutes };
}
/** The working hours of the portal: `9` or `9.30`, `SA`, `1.01` (1 January). Without them, from 9 to 18 on weekdays. */
export function hoursOfPortal(settings: BitrixRecord, zone: Zone, slotMinutes: number): Hours {
  const { work_time_start: from, work_time_end: to, week_holidays: closed, year_holidays: holidays, year_workdays: workdays } = settings;
  const off = Array.isArray(closed) ? closed.map(String) : ['SA', 'SU'];
  return {
    from: minutesOf(from) ?? 540,
    to: minutesOf(to) ?? 1080,
    weekdays: weekdays.flatMap((day, nth) => (off.includes(day.slice(0, 2).toUpperCase()) ? [] : [nth + 1])),
    zone,
    slotMinutes,
    holidays: daysOfYear(holidays),
    workdays: daysOfYear(workdays),
  };
}
function minutesOf(written: unknown): number | undefined {
  const [, hours, minutes = '0'] = /^(\d{1,2})(?:[.:](\d{1,2}))?$/.exec(String(written ?? '')) ?? [];
  return hours === undefined ? undefined : Number(hours) * 60 + Number(minutes);
}
function daysOfYear(written: unknown): ReadonlySet<string> {
  const days = String(written ?? '').matchAll(/(\d{1,2})\.(\d{1,2})/g);
  return new Set([...days].map(([, day = '', month = '']) => `${month.padStart(2, '0')}-${day.padStart(2, '0')}`));
}
export function knownZone(name: string): Zone | null {
  try {
    const zone = zoneOf(name);
    zone.iso(0);
    return zone;
  } catch {
    return null; // A name that is no IANA zone throws a RangeError; there is no other check.
  }
}

/** Starts of one employee, in `span`, none before `notBefore`. Services follow one another, each as long as a slot. */
export function freeSlotsOf(
  employee: { readonly id: string; readonly name: string | null; readonly hours: readonly Hours[]; readonly busy: readonly Interval[] },
  {
    serviceIds,
    span,
    notBefore,
    zone,
  }: { readonly serviceIds: readonly string[]; readonly span: Interval; readonly notBefore: number; readonly zone: Zone },
): readonly FreeSlot[] {
  const found = employee.hours.flatMap((hours) => {
    const durationMinutes = hours.slotMinutes * serviceIds.length;
    if (durationMinutes > 1440) return [];
    const starts = freeStarts(openIn(hours, span), employee.busy, {
      durationMs: durationMinutes * 60_000,
      stepMs: hours.slotMinutes * 60_000,
      notBefore: Math.max(notBefore, span.from),
      notAfter: span.to,
    });
    return starts.map((start): [number, FreeSlot] => [
      start,
      {
        start: zone.iso(start),
        durationMinutes,
        employeeId: employee.id,
        employeeName: employee.name,
        serviceIds: [...serviceIds],
        price: null,
        value: null,
      },
    ]);
  });
  return [...new Map(found).values()];
}
/** Opening hours of the days that touch the span, by the calendar of the hours' own zone. */
function openIn({ from, to, weekdays: on, zone, holidays, workdays }: Hours, span: Interval): readonly Interval[] {
  const first = addDays(zone.dayOf(span.from), -1);
  const days = Math.ceil((span.to - span.from) / 86_400_000) + 3;
  return daysFrom({ from: first, days })
    .filter((day) => {
      const ofYear = day.slice(5);
      return workdays?.has(ofYear) || (on.includes(weekdayOf(day)) && !holidays?.has(ofYear));
    })
    .map((day) => ({ from: zone.at(day, from, 'second'), to: zone.at(day, to, 'first') }));
}
