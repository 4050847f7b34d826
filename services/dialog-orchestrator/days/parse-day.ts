/** Days and times in a customer's words. */
import { Temporal } from 'temporal-polyfill';
import { type ClockTerm, clockTermAt, type Hour, type PartTerm, type TimeTerm } from './clock.ts';
import {
  type Bound,
  type DaysTerm,
  type DayTerm,
  daysOfWeekday,
  dayTermAt,
  isDateAt,
  type Span,
  type Today,
  type WeekdayTerm,
} from './terms.ts';
import { dayWords } from './vocabulary.ts';

/** `HH:MM`, up to `24:00`. The visit begins at `from` or later, and before `to`; equal ends are one exact time. */
export interface TimeOfDay {
  readonly from?: string;
  readonly to?: string;
}
/** `YYYY-MM-DD`; a range includes both its days. */
export type DayOrRange = string | { readonly from: string; readonly to: string };
export interface DayAndTime {
  readonly day: DayOrRange;
  readonly time?: TimeOfDay;
}
export type DayMiss =
  /** No day is named; perhaps a time is. */
  | { readonly miss: 'none'; readonly time?: TimeOfDay }
  /** A day that the calendar does not have: 31 November. */
  | { readonly miss: 'no_such_day' }
  | { readonly miss: 'past'; readonly day: DayOrRange; readonly time?: TimeOfDay }
  /** `day` is the named date, a `weekday` (1 to 7); the customer named another weekday, which is next on `nearest`. */
  | { readonly miss: 'weekday_mismatch'; readonly day: string; readonly weekday: number; readonly said: number; readonly nearest: string }
  | { readonly miss: 'ambiguous'; readonly readings: readonly DayReading[] };
/** One way to understand an ambiguous phrase; without a day where only its time is in doubt. */
export type DayReading = { readonly day?: DayOrRange; readonly time?: TimeOfDay };
export type ParsedDay = DayAndTime | DayMiss;

export interface DayContext {
  /** Unix ms, or ISO 8601 with an offset. */
  readonly now: number | string;
  /** IANA name of the location's zone. */
  readonly timeZone: string;
  readonly language?: 'ru' | 'en';
}

/**
 * What the customer means by a day, in the location's zone. It never guesses: a phrase with two readings is `ambiguous`.
 *
 * - A weekday is the coming one. On that very day it is today or a week later, so it is ambiguous. `Этот` and `this` name the coming one,
 *   today included.
 * - `Следующий` and `next` with a weekday are clear only when that day of this week has passed and the coming one is more than two days
 *   away: on Thursday `следующий вторник` is in five days, on Monday it is tomorrow or in eight days. On Sunday, `next` is always
 *   ambiguous, because weeks begin on Sunday for some speakers.
 * - A weekday with `на следующей неделе` is that of the next calendar week (Monday to Sunday); with `через неделю`, a week after the coming
 *   one or in the week of the same day next week, and ambiguous where these differ.
 * - `Завтра` before four in the morning may be the day that has just begun.
 * - A date without a year is of the next year if it passed more than three months ago; if it passed later, it is `past`. A number
 *   without a month (`пятого`) is the next such day.
 * - `С пятницы`, `после пятницы` without an end take two weeks; `до пятницы` begins today and excludes the day.
 * - Two neighbouring days (`в субботу или воскресенье`) are a range; other choices are ambiguous.
 * - An hour without a part of the day: 1 to 6 are in the afternoon, 10 to 12 before it, 7 to 9 ambiguous; 18:30 is as written. A reading in the past is no reading: at three in the afternoon, `сегодня в восемь` is 20:00.
 * - Refused days (`не в среду`, `завтра не могу`) do not count, nor do those that a move leaves (`со вторника на среду`).
 * - A recurring day (`по вторникам`) is ambiguous: one visit is on one day.
 */
export function parseDay(text: string, { now, timeZone, language }: DayContext): ParsedDay {
  const words = dayWords(text.slice(0, 1_000));
  const zoned = (typeof now === 'number' ? Temporal.Instant.fromEpochMilliseconds(now) : Temporal.Instant.from(now)).toZonedDateTimeISO(
    timeZone,
  );
  const isEnglish = language === undefined ? !words.some((word) => /\p{Script=Cyrillic}/u.test(word)) : language === 'en';
  const today: Today = { date: zoned.toPlainDate(), now: zoned, isEnglish };
  const terms = accepted(words, termsOf(words, today));
  const days = terms
    .filter((term) => term.kind !== 'clock' && term.kind !== 'part')
    .filter((term) => term.kind !== 'days' || term.readings.length > 0);
  const times = terms
    .filter((term) => term.kind === 'clock' || term.kind === 'part')
    .filter((term) => days.length > 0 || term.kind === 'part' || !term.isLoose);
  const timeReadings = readTimes(times, isChoice(words, times));
  if (days.length === 0) {
    const [only, other] = timeReadings;
    if (other) return { miss: 'ambiguous', readings: timeReadings.map((time) => ({ time: written(time) })) };
    return { miss: 'none', ...(only && { time: written(only) }) };
  }
  const spans = resolve(words, days, today);
  return 'miss' in spans ? spans : decide(spans.readings, momentOf(days) ?? timeReadings, today);
}

type Term = DayTerm | TimeTerm;

function termsOf(words: readonly string[], today: Today): readonly Term[] {
  const terms: Term[] = [];
  for (let at = 0; at < words.length; ) {
    const term = dayTermAt(words, at, today) ?? clockTermAt(words, at, today.isEnglish, (index) => isDateAt(words, index, today));
    if (term) terms.push(term);
    at = term?.end ?? at + 1;
  }
  return terms;
}

const isPreposition = (word = '') => /^(в|во|на|с|со|к|ко|до|после|по|и|или|the|on|at|in|for|of)$/.test(word);
const isUnable = (word = '') =>
  /^(могу|смогу|сможем|можем|получ\p{L}+|подход\p{L}+|подойд\p{L}+|успе\p{L}+|удоб\p{L}+|буд\p{L}+|хо\p{L}+|надо|нужно|устраива\p{L}+|вари\p{L}+|выйдет|выходит)$/u.test(
    word,
  );
const cannot = /^(cant|cannot|doesnt|dont|wont|isnt|неудобно|занят\p{L}?|никак|busy)$/u;
const excludes = /^(не|кроме|вместо|сейчас|not|except|instead|now)$/;

/** Terms without those that the customer refuses or leaves: `не в среду`, `завтра не могу`, `вместо пятницы`. */
function accepted(words: readonly string[], terms: readonly Term[]): readonly Term[] {
  const refused = new Set<Term>();
  terms.forEach((term, index) => {
    let before = term.start - 1;
    while (isPreposition(words[before])) before--;
    if (isUnable(words[before]) || words[before] === 'make' || words[before] === 'do') before--;
    const word = words[before] ?? '';
    // `Со вторника на среду`: only the new day counts.
    const isLeft =
      (('bound' in term && term.bound === 'from') || (term.kind === 'clock' && term.mode === 'after')) && words[term.end] === 'на';
    if (excludes.test(word) || cannot.test(word) || (isLeft && (terms[index + 1]?.start ?? Number.POSITIVE_INFINITY) <= term.end + 1))
      refused.add(term);
    const [behind = '', second = ''] = words.slice(term.end, term.end + 2);
    const isRefused =
      (behind === 'не' && isUnable(second)) ||
      (behind === 'я' && second === 'не') ||
      cannot.test(behind) ||
      (behind === 'is' && second === 'not');
    // All that is said of one visit is refused together: `завтра в пять не могу`.
    for (let nth = index; isRefused && nth >= 0; nth--) {
      const each = terms[nth];
      const next = terms[nth + 1];
      if (!each || (nth < index && each.end < (next?.start ?? 0) - (isPreposition(words[(next?.start ?? 0) - 1]) ? 1 : 0))) break;
      refused.add(each);
    }
  });
  return terms.filter((term) => !refused.has(term));
}

interface Readings {
  readonly readings: readonly Span[];
}
type Resolved = Readings | DayMiss;

function resolve(words: readonly string[], terms: readonly DayTerm[], today: Today): Resolved {
  if (terms.some(({ kind }) => kind === 'no day')) return { miss: 'no_such_day' };
  const known = terms.filter((term): term is WeekdayTerm | DaysTerm => term.kind !== 'no day');
  const range = boundedRange(words, known, today);
  if (range) return range;
  const weekday = known.find((term) => term.kind === 'weekday');
  const rest = known.filter((term): term is DaysTerm => term.kind === 'days');
  const isOne = known.filter((term) => term.kind === 'weekday').length === 1 && rest.length === 1;
  const [days] = rest;
  if (weekday && days && isOne && !isChoice(words, known))
    return bound(weekdayOf(weekday, days, today), weekday.bound ?? days.bound, today);
  const all = known.map((term) => bound({ readings: readingsOf(term, today) }, term.bound, today).readings);
  return { readings: joined(all, isChoice(words, known)) };
}
const readingsOf = (term: WeekdayTerm | DaysTerm, today: Today) => (term.kind === 'days' ? term.readings : daysOfWeekday(term, today));

/** Between the terms is a word of choice. */
function isChoice(words: readonly string[], terms: readonly Term[]): boolean {
  return terms.some(
    (term, index) => index > 0 && words.slice(terms[index - 1]?.end, term.start + 1).some((word) => /^(или|либо|и|or|and|-)$/.test(word)),
  );
}

/** `с понедельника по среду`, `пн-ср`, `from Monday to Friday`. */
function boundedRange(words: readonly string[], terms: readonly (WeekdayTerm | DaysTerm)[], today: Today): Readings | null {
  const [first, second] = terms;
  if (!first || !second || terms.length !== 2) return null;
  const between = words.slice(first.end, second.start + 1).filter((word) => !isPreposition(word) || word === 'по' || word === 'до');
  const isDashed = between[0] === '-';
  const isFromTo = first.bound === 'from' && (second.bound === 'through' || second.bound === 'before' || words[first.end] === 'to');
  if (!isDashed && !isFromTo) return null;
  const ends = readingsOf(second, today).map(({ to }) => to);
  const readings = readingsOf(first, today).flatMap(({ from }) => {
    const end =
      ends.find((each) => Temporal.PlainDate.compare(each, from) >= 0) ?? (second.kind === 'weekday' ? after(from, second.weekdays) : null);
    const isPassed = end === null;
    const nearest = second.kind === 'weekday' && !isPassed ? after(from, second.weekdays) : end;
    return nearest ? [{ from, to: nearest }] : [];
  });
  return { readings };
}
/** The first of the weekdays that is not before a day. */
function after(date: Temporal.PlainDate, weekdays: readonly number[]): Temporal.PlainDate {
  return date.add({ days: Math.min(...weekdays.map((weekday) => (weekday - date.dayOfWeek + 7) % 7)) });
}

/** A weekday beside a date, of a week, or of a number of weeks. */
function weekdayOf(weekday: WeekdayTerm, days: DaysTerm, today: Today): Resolved {
  const inWeekOf = (date: Temporal.PlainDate): readonly Span[] =>
    weekday.weekdays.map((each) => date.add({ days: each - date.dayOfWeek })).map((from) => ({ from, to: from }));
  if (days.week === 'whole') return { readings: days.readings.flatMap(({ from }) => inWeekOf(from)) };
  if (days.week === 'exact') {
    const weeks = days.readings.map(({ from }) => today.date.until(from, { largestUnit: 'weeks' }).weeks);
    const later = weeks.flatMap((count) =>
      daysOfWeekday({ ...weekday, which: 'this' }, today)
        .map(({ from }) => from.add({ weeks: count }))
        .map((from) => ({ from, to: from })),
    );
    return { readings: unique([...days.readings.flatMap(({ from }) => inWeekOf(from)), ...later]) };
  }
  const fitting = days.readings
    .flatMap(({ from, to }) => daysBetween(from, to))
    .filter((date) => weekday.weekdays.includes(date.dayOfWeek));
  const [first] = days.readings;
  if (fitting.length > 0 || !first) return { readings: fitting.map((from) => ({ from, to: from })) };
  const said = weekday.weekdays[0] ?? 1;
  const around = [0, 1, 2, 3, -1, -2, -3].map((shift) => first.from.add({ days: shift }));
  const nearest =
    around.find((date) => date.dayOfWeek === said && Temporal.PlainDate.compare(date, today.date) >= 0) ?? after(first.from, [said]);
  return { miss: 'weekday_mismatch', day: first.from.toString(), weekday: first.from.dayOfWeek, said, nearest: nearest.toString() };
}
const daysBetween = (from: Temporal.PlainDate, to: Temporal.PlainDate) =>
  Array.from({ length: Math.min(from.until(to).days, 62) + 1 }, (_, ahead) => from.add({ days: ahead }));

/** Days of an end without the other one. */
const openDays = 14;
function bound<R extends Resolved>(resolved: R, bound: Bound | undefined, { date }: Today): R | Readings {
  if (!bound || 'miss' in resolved) return resolved;
  return {
    readings: resolved.readings.map(({ from, to }) => {
      if (bound === 'from') return { from, to: from.add({ days: openDays - 1 }) };
      if (bound === 'after') return { from: to.add({ days: 1 }), to: to.add({ days: openDays }) };
      const end = bound === 'through' ? to : from.subtract({ days: 1 });
      return { from: Temporal.PlainDate.compare(end, date) < 0 ? end : date, to: end };
    }),
  };
}

const unique = (spans: readonly Span[]): readonly Span[] => [...new Map(spans.map((span) => [`${span.from}/${span.to}`, span])).values()];

/** Terms that agree are one; neighbouring days of a choice are a range; others are left side by side. */
function joined(all: readonly (readonly Span[])[], isChoice: boolean): readonly Span[] {
  const [first = [], ...others] = all;
  const common = first.filter((span) =>
    others.every((spans) => spans.some((each) => each.from.equals(span.from) && each.to.equals(span.to))),
  );
  if (common.length > 0) return common;
  const spans = unique(all.flat()).toSorted((one, two) => Temporal.PlainDate.compare(one.from, two.from));
  const areNeighbours = spans.every((span, index) => index === 0 || spans[index - 1]?.to.add({ days: 1 }).equals(span.from));
  const [start, end] = [spans[0], spans.at(-1)];
  return isChoice && areNeighbours && all.every((each) => each.length === 1) && start && end ? [{ from: start.from, to: end.to }] : spans;
}

/** Minutes after midnight. */
interface Window {
  readonly from?: number;
  readonly to?: number;
}
function momentOf(days: readonly DayTerm[]): readonly Window[] | null {
  const minute = days.find((term) => term.kind === 'days' && term.minute !== undefined);
  return minute?.kind === 'days' && minute.minute !== undefined ? [{ from: minute.minute, to: minute.minute }] : null;
}

/** Each way to understand the times of a phrase; none where it names no time. */
function readTimes(terms: readonly TimeTerm[], isChoice: boolean): readonly Window[] {
  const parts = terms.filter((term) => term.kind === 'part');
  const clocks = terms.filter((term) => term.kind === 'clock');
  const [part, otherPart] = parts;
  if (otherPart && clocks.length === 0) return uniqueWindows(parts.map(windowOf));
  if (clocks.length === 0) return part ? [windowOf(part)] : [];
  const readings = isChoice && part ? [] : bounded(clocks, part);
  // A part of the day and a clock time are both readings if the customer puts them to choice, or if they contradict each other.
  if (readings.length === 0) return uniqueWindows([...bounded(clocks, undefined), ...(part ? [windowOf(part)] : [])]);
  return uniqueWindows(readings);
}
const windowOf = ({ from, to }: PartTerm): Window => ({ ...(from !== undefined && { from }), ...(to !== undefined && { to }) });
const uniqueWindows = (windows: readonly Window[]) => [...new Map(windows.map((each) => [`${each.from} ${each.to}`, each])).values()];

function bounded(clocks: readonly ClockTerm[], part: PartTerm | undefined): readonly Window[] {
  const minutes = ({ all, usual }: Hour) => (part ? all.filter((minute) => part.window[0] <= minute && minute <= part.window[1]) : usual);
  const after = clocks.find(({ mode }) => mode === 'after');
  const before = clocks.find(({ mode }) => mode === 'before');
  if (clocks.length === 2 && after && before) return ranges(minutes(after.hour), minutes(before.hour));
  return clocks.flatMap(({ mode, hour, until }): readonly Window[] => {
    if (until) return ranges(minutes(hour), minutes(until));
    return minutes(hour).map((minute) => {
      if (mode === 'at') return { from: minute, to: minute };
      const window: Window = mode === 'after' ? { from: minute } : { to: minute };
      return part ? { ...windowOf(part), ...window } : window;
    });
  });
}
/** Longest period that `с 7 до 9` means. */
const longestMinutes = 12 * 60;
function ranges(starts: readonly number[], ends: readonly number[]): readonly Window[] {
  const all = starts.flatMap((from) => ends.filter((to) => to > from).map((to) => ({ from, to })));
  const short = all.filter(({ from, to }) => to - from <= longestMinutes);
  return short.length > 0 ? short : all;
}

/** Drops what has passed; one reading that is left is the answer. */
function decide(spans: readonly Span[], windows: readonly Window[], { date, now }: Today): ParsedDay {
  const minute = now.hour * 60 + now.minute;
  const combined = unique(spans).flatMap((span) => (windows.length === 0 ? [{ span }] : windows.map((window) => ({ span, window }))));
  const coming = combined.flatMap(({ span, window }: { span: Span; window?: Window }) => {
    const order = Temporal.PlainDate.compare(span.to, date);
    const isOver = order === 0 && window !== undefined && (window.to ?? 24 * 60) <= minute;
    if (order < 0 || isOver) return [];
    const from = Temporal.PlainDate.compare(span.from, date) < 0 ? date : span.from;
    return [{ span: { from, to: span.to }, ...(window && { window }) }];
  });
  const readings = (coming.length > 0 ? coming : combined.slice(0, 1)).map(({ span, window }: { span: Span; window?: Window }) => ({
    day: span.from.equals(span.to) ? span.from.toString() : { from: span.from.toString(), to: span.to.toString() },
    ...(window && { time: written(window) }),
  }));
  const [first] = readings;
  if (!first) return { miss: 'none' };
  if (coming.length === 0) return { miss: 'past', ...first };
  return readings.length === 1 ? first : { miss: 'ambiguous', readings };
}
function written({ from, to }: Window): TimeOfDay {
  return { ...(from !== undefined && { from: clockOf(from) }), ...(to !== undefined && { to: clockOf(to) }) };
}
const clockOf = (minutes: number) => `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
