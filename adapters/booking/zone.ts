/**
 * Days and clock times of a location's time zone. The zone is looked up at the edges of days; between them times are milliseconds.
 */
import { Temporal } from 'temporal-polyfill';

export interface Zone {
  readonly name: string;
  /**
   * Unix ms of a clock time: minutes after midnight of a day (`2026-12-24`). A time that the change of the clocks skips is the moment of
   * the change. @param which of the two, where the change makes the time come twice
   */
  at(day: string, minutes: number, which?: 'first' | 'second'): number;
  /** `2026-12-24T12:30:00+03:00` */
  iso(ms: number): string;
  /** The day on which a moment falls. */
  dayOf(ms: number): string;
}

/** @param name IANA name */
export function zoneOf(name: string): Zone {
  const starts = new Map<string, number>();
  const clock = new Map<string, number>();
  const remember = (map: Map<string, number>, key: string, make: () => number): number => {
    const known = map.get(key);
    if (known !== undefined) return known;
    if (map.size > 10_000) map.clear();
    const made = make();
    map.set(key, made);
    return made;
  };
  const startOf = (day: string): number =>
    remember(starts, day, () => Temporal.PlainDate.from(day).toZonedDateTime(name).epochMilliseconds);
  const offsetAt = (ms: number): number => Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(name).offsetNanoseconds / 1e6;

  /** Offset of a whole day in ms; null on a day on which it changes. */
  const offsets = new Map<string, number | null>();
  function offsetOn(day: string): number | null {
    const known = offsets.get(day);
    if (known !== undefined) return known;
    if (offsets.size > 10_000) offsets.clear();
    const [first, last] = [offsetAt(startOf(day)), offsetAt(startOf(nextDay(day)) - 1)];
    const offset = first === last ? first : null;
    offsets.set(day, offset);
    return offset;
  }
  /** A guess from the offset of a day near by, corrected where the zone has another one. */
  function dayOf(ms: number): string {
    const utcDay = new Date(ms).toISOString().slice(0, 10);
    for (const day of [utcDay, addDays(utcDay, 1), addDays(utcDay, -1)]) if (startOf(day) <= ms && ms < startOf(nextDay(day))) return day;
    return utcDay;
  }
  return {
    name,
    dayOf,
    at: (day, minutes, which = 'first') =>
      remember(clock, `${day} ${minutes} ${which}`, () => {
        const time = Temporal.PlainDate.from(day)
          .add({ days: Math.floor(minutes / 1440) })
          .toPlainDateTime({
            hour: Math.floor((minutes % 1440) / 60),
            minute: minutes % 60,
          });
        const early = time.toZonedDateTime(name, { disambiguation: 'earlier' });
        const late = time.toZonedDateTime(name, { disambiguation: 'later' });
        if (!late.toPlainDateTime().equals(time)) return early.getTimeZoneTransition('next')?.epochMilliseconds ?? late.epochMilliseconds;
        return (which === 'first' ? early : late).epochMilliseconds;
      }),
    iso(ms) {
      const offset = offsetOn(dayOf(ms)) ?? offsetAt(ms);
      const sign = offset < 0 ? '-' : '+';
      const minutes = Math.round(Math.abs(offset) / 60_000);
      const two = (value: number) => String(value).padStart(2, '0');
      return `${new Date(ms + offset).toISOString().slice(0, 19)}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
    },
  };
}

/** `count` days from `from` on. */
export function daysFrom({ from, days }: { readonly from: string; readonly days: number }): readonly string[] {
  return Array.from({ length: days }, (_, nth) => addDays(from, nth));
}
export function addDays(day: string, count: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * 86_400_000).toISOString().slice(0, 10);
}
const nextDay = (day: string): string => addDays(day, 1);
/** 1 for Monday to 7 for Sunday. */
export function weekdayOf(day: string): number {
  return new Date(`${day}T00:00:00Z`).getUTCDay() || 7;
}
