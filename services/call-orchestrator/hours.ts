/**
 * Hours and days in the callee's time zone.
 *
 * Glossary: an *instant* is Unix ms; a *wall* time is what a clock in that zone shows, stored as the Unix ms at which a UTC clock
 * shows the same, to the second. Wall times jump: where clocks go forward some do not occur, where they go back some occur twice.
 */
const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Minutes of the day; `to` is exclusive. */
export interface Hours {
  readonly from: number;
  readonly to: number;
}
export const allDay: Hours = { from: 0, to: 1440 };

/** Parses `09:00-21:00`; null for other text, or when the end is before the start. */
export function parseHours(text: string): Hours | null {
  const match = /^(\d\d):([0-5]\d)-(\d\d):([0-5]\d)$/.exec(text);
  if (match === null) return null;
  const [fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = match.slice(1).map(Number);
  const hours = { from: fromHour * 60 + fromMinute, to: toHour * 60 + toMinute };
  return hours.from < hours.to && hours.to <= 1440 ? hours : null;
}

export interface Place {
  /** The first allowed instant from `now` on: `now` itself if it is allowed. */
  nextAllowed(hours: Hours, now: number): number;
  /** The instant at which the day of `now` begins. */
  dayStart(now: number): number;
  /** The instant at which the next day begins. */
  nextDay(now: number): number;
}

/** Time in an IANA zone. @throws RangeError for an unknown zone. */
export function placeIn(timeZone: string): Place {
  const wall = wallIn(timeZone);
  const dayOf = (at: number) => Math.floor(wall(at) / dayMs);
  const isAllowed = ({ from, to }: Hours, at: number) => {
    const minute = (wall(at) - dayOf(at) * dayMs) / minuteMs;
    return from <= minute && minute < to;
  };
  const nextAllowed = (hours: Hours, now: number): number => {
    if (isAllowed(hours, now)) return now;
    const today = dayOf(now) * dayMs + hours.from * minuteMs;
    const at = firstAt(wall, wall(now) < today ? today : today + dayMs, now);
    return nextAllowed(hours, at); // A forward change of clocks may skip the allowed hours of that day.
  };
  return {
    nextAllowed,
    dayStart: (now) => firstAt(wall, dayOf(now) * dayMs),
    nextDay: (now) => firstAt(wall, (dayOf(now) + 1) * dayMs),
  };
}

/** The first instant, not before `from`, at which the clock shows `target`; if it never does, the instant at which it jumps over it. */
function firstAt(wall: (at: number) => number, target: number, from = Number.NEGATIVE_INFINITY): number {
  // No zone is more than a day from UTC, so these two are before and after any jump that affects `target`.
  const offsets = [target - 2 * dayMs, target + 2 * dayMs].map((at) => wall(at) - at);
  const shown = offsets.map((offset) => target - offset).filter((at) => at >= from && wall(at) === target);
  if (shown.length > 0) return Math.min(...shown);
  let before = target - Math.max(...offsets);
  let after = target - Math.min(...offsets);
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (wall(middle) < target) before = middle;
    else after = middle;
  }
  return after;
}

function wallIn(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  };
}
