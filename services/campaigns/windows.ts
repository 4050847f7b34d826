/** When a member may be called: inside its windows in every time zone where its phone may be. */
import { Temporal } from 'temporal-polyfill';
import type { z } from 'zod';
import type { CallWindow } from '../../contracts/campaigns.ts';

/** Days searched; more than any run of holidays. */
const horizonDays = 40;

export interface Calendar {
  readonly windows: readonly z.output<typeof CallWindow>[];
  /** Whether a day has no calls. */
  isHoliday(day: Temporal.PlainDate): boolean;
}
/** Instants in Unix ms; calls may start from `from` and before `to`. */
export interface Opening {
  readonly from: number;
  readonly to: number;
}

/**
 * The first opening that is not over at `now` and lies inside a window in every zone; `from` is `now` if that is inside it. Null if there
 * is none within 40 days.
 * @throws RangeError for an unknown zone
 */
export function nextOpening(calendar: Calendar, zones: readonly string[], now: number): Opening | null {
  const until = now + horizonDays * 86_400_000;
  let at = now;
  while (at < until) {
    const openings = zones.map((zone) => openingIn(calendar, zone, at));
    let from = at;
    let to = Number.POSITIVE_INFINITY;
    for (const opening of openings) {
      if (opening === null) return null;
      from = Math.max(from, opening.from);
      to = Math.min(to, opening.to);
    }
    if (from < to) return zones.length === 0 ? null : { from, to };
    at = from;
  }
  return null;
}

function openingIn({ windows, isHoliday }: Calendar, timeZone: string, at: number): Opening | null {
  const today = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate();
  for (let days = 0; days <= horizonDays; days += 1) {
    const day = today.add({ days });
    if (isHoliday(day)) continue;
    const openings = windows
      .filter(({ weekday }) => weekday === day.dayOfWeek)
      .map(({ from, to }) => ({ from: instantOf(day, from, timeZone), to: instantOf(day, to, timeZone) }))
      .filter(({ to }) => to > at)
      .sort((a, b) => a.from - b.from);
    const [first] = openings;
    if (first !== undefined) return { from: Math.max(first.from, at), to: first.to };
  }
  return null;
}
/** For a time that clocks skip when they go forward, the instant after the jump. */
function instantOf(day: Temporal.PlainDate, time: string, timeZone: string): number {
  const [date, clock] = time === '24:00' ? [day.add({ days: 1 }), '00:00'] : [day, time];
  return date.toZonedDateTime({ timeZone, plainTime: Temporal.PlainTime.from(clock) }).epochMilliseconds;
}

/**
 * Parses the days without calls, separated by commas: `01-01` of each year, or `2026-11-03` of one; a range is `01-01..01-08`. Null if it
 * is unreadable.
 */
export function parseHolidays(text: string): Calendar['isHoliday'] | null {
  const ranges = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [first = '', last = first] = part.split('..');
      return isDay(first) && isDay(last) && first.length === last.length && first <= last ? { first, last } : null;
    });
  if (ranges.includes(null)) return null;
  return (day) => {
    const date = day.toString();
    return ranges.some((range) => {
      if (range === null) return true;
      const same = date.slice(-range.first.length);
      return range.first <= same && same <= range.last;
    });
  };
}
function isDay(text: string): boolean {
  if (!/^(\d{4}-)?\d\d-\d\d$/.test(text)) return false;
  try {
    Temporal.PlainDate.from(text.length === 5 ? `2028-${text}` : text, { overflow: 'reject' });
    return true;
  } catch {
    return false; // `Temporal` throws a RangeError for a day that does not exist.
  }
}
