/**
 * Hours and days where the callee is.
 *
 * Glossary: an *instant* is Unix ms; a *wall* time is what a clock there shows, kept as the Unix ms at which a clock in UTC
 * shows the same, to the second. Walls jump: where clocks go forward some never come, where they go back some come twice.
 */
const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Minutes of the day; `to` is not in it. */
export interface Hours {
  readonly from: number;
  readonly to: number;
}
export const allDay: Hours = { from: 0, to: 1440 };

/** `09:00-21:00`; null when it is not that, or ends before it begins. */
export function parseHours(text: string): Hours | null {
  const match = /^(\d\d):([0-5]\d)-(\d\d):([0-5]\d)$/.exec(text);
  if (match === null) return null;
  const [fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = match.slice(1).map(Number);
  const hours = { from: fromHour * 60 + fromMinute, to: toHour * 60 + toMinute };
  return hours.from < hours.to && hours.to <= 1440 ? hours : null;
}

export interface Place {
  /** The first allowed instant from `now` on: `now` itself when it is allowed. */
  nextAllowed(hours: Hours, now: number): number;
  /** The instant at which the day of `now` began. */
  dayStart(now: number): number;
  /** The instant at which the day after that of `now` begins. */
  nextDay(now: number): number;
}

/** Time in an IANA zone. @throws RangeError when there is no such zone. */
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
    return nextAllowed(hours, at); // clocks that go forward may jump over the hours of that day
  };
  return {
    nextAllowed,
    dayStart: (now) => firstAt(wall, dayOf(now) * dayMs),
    nextDay: (now) => firstAt(wall, (dayOf(now) + 1) * dayMs),
  };
}

/** The first instant, not before `from`, at which the clock shows `target`; where it never does, the one at which it jumps over it. */
function firstAt(wall: (at: number) => number, target: number, from = Number.NEGATIVE_INFINITY): number {
  // No zone is more than a day from UTC, so these two stand before and after a jump that concerns `target`.
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
