/** Days in words: each term with the days that it may mean. */
import { Temporal } from 'temporal-polyfill';
import { exactMonth, monthsOf, nearDayOf, numberAt, ordinalAt, type Read, weekdaysOf } from './vocabulary.ts';

/** Days from the first to the last, both included. */
export interface Span {
  readonly from: Temporal.PlainDate;
  readonly to: Temporal.PlainDate;
}
/** How a term bounds a period: `from` and `through` include the day. */
export type Bound = 'from' | 'after' | 'before' | 'through';
interface Place {
  readonly start: number;
  readonly end: number;
  readonly bound?: Bound;
}
export interface WeekdayTerm extends Place {
  readonly kind: 'weekday';
  readonly weekdays: readonly number[];
  readonly which: 'this' | 'next' | 'nearest' | 'after next' | 'every' | null;
}
export interface DaysTerm extends Place {
  readonly kind: 'days';
  /** Empty where the words name no day: a goodbye. */
  readonly readings: readonly Span[];
  /** A weekday can be named of it: of a `whole` week, or of the week of a day some weeks ahead (`exact`). */
  readonly week?: 'whole' | 'exact';
  /** Both ends are named. */
  readonly isRange?: boolean;
  /** A moment within the day, in minutes. */
  readonly minute?: number;
}
export interface NoDayTerm extends Place {
  readonly kind: 'no day';
}
export type DayTerm = WeekdayTerm | DaysTerm | NoDayTerm;

export interface Today {
  readonly date: Temporal.PlainDate;
  readonly now: Temporal.ZonedDateTime;
  readonly isEnglish: boolean;
}

/** Until this hour, "tomorrow" may mean the day that has just begun. */
const nightEndsAt = 4;
const day = (date: Temporal.PlainDate): Span => ({ from: date, to: date });
const last = (date: Temporal.PlainDate) => date.with({ day: date.daysInMonth });

export function dayTermAt(words: readonly string[], start: number, today: Today): DayTerm | null {
  const found =
    weeksFromAt(words, start, today) ??
    dateAt(words, start, today) ??
    relativeAt(words, start, today) ??
    nearDayAt(words, start, today) ??
    weekAt(words, start, today) ??
    weekdayAt(words, start, today) ??
    monthAt(words, start, today);
  if (!found) return null;
  const before = found.kind === 'days' && found.isRange ? null : boundBefore(words, start);
  return { ...found, start: before?.start ?? start, ...(before && { bound: before.bound }) };
}
function boundBefore(words: readonly string[], start: number): { readonly bound: Bound; readonly start: number } | null {
  const previous = words[start - 1] === 'the' ? start - 2 : start - 1;
  const word = words[previous] ?? '';
  const isNegated = words[previous - 1] === 'не' || words[previous - 1] === 'not' || words[previous - 1] === 'no';
  if (/^(раньше|ранее)$/.test(word)) return { bound: isNegated ? 'from' : 'before', start: isNegated ? previous - 1 : previous };
  if (/^(позже|позднее)$/.test(word)) return { bound: isNegated ? 'through' : 'after', start: isNegated ? previous - 1 : previous };
  // «По вторникам» bounds nothing.
  if (word === 'по' && isRecurring(words[start])) return null;
  const bound = Object.hasOwn(bounds, word) ? bounds[word] : undefined;
  return bound ? { bound, start: previous } : null;
}
const bounds: Readonly<Record<string, Bound>> = {
  ...{ с: 'from', со: 'from', от: 'from', from: 'from', since: 'from', после: 'after', after: 'after' },
  ...{ до: 'before', перед: 'before', before: 'before', until: 'before', till: 'before', by: 'through', по: 'through', through: 'through' },
};

/** Whether a calendar date begins here: the number is then no hour. */
export function isDateAt(words: readonly string[], start: number, today: Today): boolean {
  return dateAt(words, start, today) !== null;
}

function dateAt(words: readonly string[], start: number, today: Today): DayTerm | null {
  return numericDate(words, start, today) ?? rangeOfMonth(words, start, today) ?? dayOfMonth(words, start, today);
}
function numericDate(words: readonly string[], start: number, today: Today): DayTerm | null {
  const word = words[start] ?? '';
  const iso = /^(\d{4})[-.](\d{1,2})[-.](\d{1,2})$/.exec(word);
  if (iso) return dated(start, start + 1, [plain(Number(iso[1]), Number(iso[2]), Number(iso[3]))]);
  const [, first, sign, second, year] = /^(\d{1,2})([./])(\d{1,2})(?:[./](\d{2,4}))?$/.exec(word) ?? [];
  if (first === undefined) return null;
  const [one, two] = [Number(first), Number(second)];
  const preposition = words[start - 1] ?? '';
  // `18.30` and `в 10.30` are times.
  if (
    year === undefined &&
    sign === '.' &&
    second?.length === 2 &&
    (two > 12 || two === 0 || (isTimePreposition(preposition) && two % 5 === 0 && one < 24))
  )
    return null;
  const fullYear = year === undefined ? null : Number(year) < 100 ? 2000 + Number(year) : Number(year);
  const orders =
    sign === '/' && today.isEnglish
      ? ([
          [one, two],
          [two, one],
        ] as const)
      : ([[one, two]] as const);
  const dates = orders.map(([date, month]) => (fullYear === null ? comingDate(date, month, today) : plain(fullYear, month, date)));
  const known = dates.filter((date) => date !== null);
  return dated(start, start + 1, known.length > 0 ? known : dates);
}
const isTimePreposition = (word: string) => /^(в|к|at|by)$/.test(word);

/** `5-10 декабря`, `с 5 по 10 декабря`, `5 или 6 декабря`. */
function rangeOfMonth(words: readonly string[], start: number, today: Today): DayTerm | null {
  const first = dayNumberAt(words, start);
  const link = first && (words[first.end] ?? '');
  if (!first || !link || !/^(-|по|до|или|и|to|or|and)$/.test(link)) return null;
  const second = dayNumberAt(words, first.end + 1);
  if (!second) return null;
  const others = /^(или|и|or|and)$/.test(words[second.end] ?? '') ? rangeOfMonth(words, first.end + 1, today) : null;
  if (others?.kind === 'days' && others.readings.length === 1) {
    const [rest] = others.readings;
    const from = rest?.from.subtract({ days: 1 });
    return from?.day === first.value.day ? { ...others, readings: [{ from, to: rest?.to ?? from }], start } : null;
  }
  const month = monthsOf(words[second.end] ?? '');
  const isOfMonth = /^числ/.test(words[second.end] ?? '');
  if (month.length !== 1 && !isOfMonth) return null;
  const dates = [first.value.day, second.value.day].map((date) =>
    isOfMonth ? (comingDays(date, today)[0] ?? null) : comingDate(date, month[0] ?? 0, today),
  );
  const [from, to] = dates;
  if (!from || !to || Temporal.PlainDate.compare(from, to) > 0) return { kind: 'no day', start, end: second.end + 1 };
  const isChoice = /^(или|и|or|and)$/.test(link) && from.until(to).days > 1;
  return { kind: 'days', readings: isChoice ? [day(from), day(to)] : [{ from, to }], isRange: true, start, end: second.end + 1 };
}

function dayNumberAt(words: readonly string[], start: number): Read<{ day: number; isDate: boolean }> | null {
  const number = ordinalAt(words, start);
  if (number) return number;
  const digits = numberAt(words, start);
  return digits && { value: { day: digits.value, isDate: false }, end: digits.end };
}

function dayOfMonth(words: readonly string[], start: number, today: Today): DayTerm | null {
  const english = exactMonth(words[start] ?? '') ?? (/^[a-z]/.test(words[start] ?? '') ? monthsOf(words[start] ?? '')[0] : undefined);
  if (english !== undefined && /^[a-z]/.test(words[start] ?? '')) {
    const number = dayNumberAt(words, words[start + 1] === 'the' ? start + 2 : start + 1);
    return number && number.value.day <= 31 ? withYear(words, start, number.end, number.value.day, [english], today) : null;
  }
  const number = dayNumberAt(words, start);
  if (!number) return null;
  const next = words[number.end] ?? '';
  const ofMonth = next === 'of' ? number.end + 1 : number.end;
  const months = monthsOf(words[ofMonth] ?? '');
  if (months.length > 0) return withYear(words, start, ofMonth + 1, number.value.day, months, today);
  if (/^(числ)/.test(next)) return dated(start, number.end + 1, daysOrNone(number.value.day, today));
  const isOrdinal = ordinalAt(words, start) !== null;
  if (!isOrdinal || /^(раз|час|половин|урок|этаж|врем|вариант)/.test(next)) return null;
  const preposition = words[start - 1] ?? '';
  const isDate =
    number.value.isDate || (preposition === 'на' && /^\p{Script=Cyrillic}|^\d/u.test(words[start] ?? '')) || preposition === 'по';
  const isEnglishDate =
    (preposition === 'the' && /^(on|for|by|from|after|before|until|till)$/.test(words[start - 2] ?? '')) ||
    (preposition === 'the' && weekdaysOf(words[start - 2] ?? '').length > 0);
  return isDate || isEnglishDate ? dated(start, number.end, daysOrNone(number.value.day, today)) : null;
}
function withYear(words: readonly string[], start: number, end: number, date: number, months: readonly number[], today: Today): DayTerm {
  const word = words[end] ?? '';
  const shift = /^год/.test(words[end + 1] ?? '') ? (isPast(word) ? -1 : isNext(word) ? 1 : isThis(word) ? 0 : null) : null;
  const year = /^20\d\d$/.test(word) ? Number(word) : shift === null ? null : today.date.year + shift;
  const behind = year === null ? end : end + 1 + (/^(год|г$)/.test(words[end + 1] ?? '') ? 1 : 0);
  return dated(
    start,
    behind,
    months.map((month) => (year === null ? comingDate(date, month, today) : plain(year, month, date))),
  );
}
function dated(start: number, end: number, dates: readonly (Temporal.PlainDate | null)[]): DayTerm {
  const known = dates.filter((date) => date !== null);
  return known.length === 0 ? { kind: 'no day', start, end } : { kind: 'days', readings: known.map(day), start, end };
}
function plain(year: number, month: number, date: number): Temporal.PlainDate | null {
  if (month < 1 || month > 12 || date < 1 || year < 1) return null;
  const first = Temporal.PlainDate.from({ year, month, day: 1 });
  return date > first.daysInMonth ? null : first.with({ day: date });
}
/** Without a year, a day that has passed is meant in the next year, unless it passed within the last three months. */
function comingDate(date: number, month: number, { date: today }: Today): Temporal.PlainDate | null {
  const [thisYear, nextYear] = [plain(today.year, month, date), plain(today.year + 1, month, date)];
  if (!thisYear) return nextYear;
  const hasJustPassed =
    Temporal.PlainDate.compare(thisYear, today) < 0 && Temporal.PlainDate.compare(thisYear, today.subtract({ months: 3 })) >= 0;
  return Temporal.PlainDate.compare(thisYear, today) >= 0 || hasJustPassed ? thisYear : nextYear;
}
/** A day without a month: the next one with this number. On that day itself it may mean today or the next month. */
function comingDays(date: number, { date: today }: Today): readonly Temporal.PlainDate[] {
  if (date < 1 || date > 31) return [];
  const coming = Array.from({ length: 4 }, (_, ahead) => {
    const month = today.with({ day: 1 }).add({ months: ahead });
    return plain(month.year, month.month, date);
  }).filter((each) => each !== null && Temporal.PlainDate.compare(each, today) >= 0);
  const known = coming.filter((each) => each !== null);
  return known.slice(0, date === today.day ? 2 : 1);
}
const daysOrNone = (date: number, today: Today): readonly (Temporal.PlainDate | null)[] => {
  const days = comingDays(date, today);
  return days.length > 0 ? days : [null];
};

/** `через две недели`, `in three days`, `через полчаса`. */
function relativeAt(words: readonly string[], start: number, { date, now }: Today): DayTerm | null {
  const opener = words[start] ?? '';
  if (!/^(через|спустя|in)$/.test(opener)) return null;
  const word = words[start + 1] ?? '';
  const isSome = word === 'пару' || (word === 'a' && words[start + 2] === 'couple');
  if (word === 'полчаса') return moment(now.add({ minutes: 30 }), start, start + 2);
  if (word === 'half' && /^hour/.test(words[start + 3] ?? '')) return moment(now.add({ minutes: 30 }), start, start + 4);
  if (/^(полгода)$/.test(word)) return { kind: 'days', readings: [day(date.add({ months: 6 }))], start, end: start + 2 };
  const count = isSome ? null : numberAt(words, start + 1);
  let unitAt = isSome ? start + (word === 'a' ? 3 : 2) : (count?.end ?? start + 1);
  if (words[unitAt] === 'of') unitAt++;
  const unit = words[unitAt] ?? '';
  const counts = isSome ? [2, 3] : [count?.value ?? 1];
  if (opener !== 'через' && !count && !isSome) return null;
  const end = unitAt + 1;
  const ahead = (key: 'days' | 'weeks' | 'months' | 'years', extra: object = {}): DayTerm => ({
    kind: 'days',
    readings: counts.map((each) => day(date.add({ [key]: each }))),
    start,
    end,
    ...extra,
  });
  // «Через день» is said of tomorrow and of the day after it.
  if (/^(день|дня|дней|days?)$/.test(unit))
    return opener === 'через' && !count && !isSome
      ? { kind: 'days', readings: [day(date.add({ days: 1 })), day(date.add({ days: 2 }))], start, end }
      : ahead('days');
  if (/^(неделю|недели|недель|недельку|weeks?)$/.test(unit)) return ahead('weeks', { week: 'exact' });
  if (/^(месяц|месяца|месяцев|months?)$/.test(unit)) return ahead('months');
  if (/^(год|года|лет|years?)$/.test(unit)) return ahead('years');
  if (/^(час|часа|часов|часик|hours?)$/.test(unit) && !isSome) return moment(now.add({ hours: counts[0] ?? 1 }), start, end);
  if (/^(минут|минуты|минуту|минуток|minutes?)$/.test(unit) && !isSome) return moment(now.add({ minutes: counts[0] ?? 1 }), start, end);
  // «Через вторник» skips one Tuesday.
  const weekdays = opener === 'через' && !count ? weekdaysOf(unit) : [];
  return weekdays.length > 0 ? { kind: 'weekday', weekdays, which: 'after next', start, end } : null;
}
function moment(at: Temporal.ZonedDateTime, start: number, end: number): DayTerm {
  return { kind: 'days', readings: [day(at.toPlainDate())], minute: at.hour * 60 + at.minute, start, end };
}

/** `a week from Tuesday`, `two weeks from tomorrow`, `a week on Friday`. */
function weeksFromAt(words: readonly string[], start: number, today: Today): DayTerm | null {
  const count = numberAt(words, start);
  if (!count || !/^weeks?$/.test(words[count.end] ?? '') || !/^(from|on|after)$/.test(words[count.end + 1] ?? '')) return null;
  const term = weekdayAt(words, count.end + 2, today) ?? nearDayAt(words, count.end + 2, today);
  if (!term || term.kind === 'no day') return null;
  const readings = term.kind === 'days' ? term.readings : daysOfWeekday(term, today);
  const later = readings.map(({ from, to }) => ({ from: from.add({ weeks: count.value }), to: to.add({ weeks: count.value }) }));
  return { kind: 'days', readings: later, start, end: term.end };
}

function nearDayAt(words: readonly string[], start: number, { date, now }: Today): DayTerm | null {
  const [word = '', second = '', third = ''] = words.slice(start, start + 3);
  const near = (ahead: number, end: number): DayTerm => {
    const isNight = ahead > 0 && now.hour < nightEndsAt;
    const days = isNight ? [ahead - 1, ahead] : [ahead];
    return { kind: 'days', readings: days.map((each) => day(date.add({ days: each }))), start, end };
  };
  const skipped = word === 'the' ? 1 : 0;
  const english = words.slice(start + skipped, start + skipped + 4).join(' ');
  if (/^day after tomorrow\b/.test(english)) return near(2, start + skipped + 3);
  if (word === 'после' && nearDayOf(second) === 1) return near(2, start + 2);
  // A goodbye names no day.
  if ((word === 'до' || word === 'until') && nearDayOf(second) === 1 && third === '')
    return { kind: 'days', readings: [], start, end: start + 2 };
  if (word === 'this' && /^(evening|morning|afternoon)$/.test(second)) return near(0, start + 1);
  if (/^(вчера|позавчера|yesterday)$/.test(word)) return near(word === 'позавчера' ? -2 : -1, start + 1);
  const ahead = nearDayOf(word);
  return ahead === undefined ? null : near(ahead, start + 1);
}

const isThis = (word = '') => /^(этот|эту|это|этом|этой|эти|этих|этого|this)$/.test(word);
const isNext = (word = '') => /^(след\p{L}{0,3}щ\p{L}+|след|будущ\p{L}+|next)$/u.test(word);
const isNearest = (word = '') => /^(ближайш\p{L}+|coming|upcoming)$/u.test(word);
const isEvery = (word = '') => /^(кажд\p{L}+|every)$/u.test(word);
const isRecurring = (word = '') => /(ам|ям|days)$/.test(word);
const isPast = (word = '') => /^(прошл\p{L}+|last)$/u.test(word);

/** Weeks, weekends and months: `на следующей неделе`, `в эти выходные`, `next month`, `в начале следующей недели`. */
function weekAt(words: readonly string[], start: number, { date, isEnglish }: Today): DayTerm | null {
  const word = words[start] ?? '';
  const isOther = /^(той|те|тех)$/.test(word);
  const shift = isNext(word) || isOther ? 1 : isThis(word) || isNearest(word) ? 0 : isPast(word) ? -1 : null;
  const unit = words[shift === null ? start : start + 1] ?? '';
  const end = start + (shift === null ? 1 : 2);
  const monday = date.subtract({ days: date.dayOfWeek - 1 });
  if (/^(недел[еиюя]|week)$/.test(unit) && shift !== null) {
    // Where a week begins on Sunday, the next week of a Sunday is a week later.
    const shifts = isEnglish && date.dayOfWeek === 7 ? [shift, shift + 1] : [shift];
    const weeks = shifts.map((each) => monday.add({ weeks: each })).map((from) => ({ from, to: from.add({ days: 6 }) }));
    return { kind: 'days', readings: weeks.map((week) => partOf(words, start, week)), week: 'whole', start, end };
  }
  if (/^(выходны[емх]|выходными|weekends?|викенд\p{L}*|уикенд\p{L}*)$/u.test(unit)) {
    const saturday = monday.add({ days: 5 });
    const weekend = (ahead: number): Span => ({ from: saturday.add({ weeks: ahead }), to: saturday.add({ weeks: ahead, days: 1 }) });
    const isNow = date.dayOfWeek >= 6;
    const aheads =
      shift === -1
        ? [-1]
        : shift === 1
          ? isNow
            ? [1]
            : [0, 1]
          : (date.dayOfWeek === 7 && !isThis(word)) || words[start - 1] === 'через'
            ? [0, 1]
            : [0];
    return { kind: 'days', readings: aheads.map(weekend), start, end };
  }
  if (/^(месяц|месяце|месяца|month)$/.test(unit) && shift !== null) {
    const first = date.with({ day: 1 }).add({ months: shift });
    return { kind: 'days', readings: [partOf(words, start, { from: first, to: last(first) })], start, end };
  }
  return null;
}
/** `в начале`, `в середине`, `в конце` of a period. */
function partOf(words: readonly string[], start: number, whole: Span): Span {
  const word = words[start - 1] ?? '';
  const days = whole.from.until(whole.to).days + 1;
  const third = Math.ceil(days / 3);
  if (/^начал/.test(word)) return { from: whole.from, to: whole.from.add({ days: third - 1 }) };
  if (/^середин/.test(word)) return { from: whole.from.add({ days: third - 1 }), to: whole.to.subtract({ days: third - 1 }) };
  if (/^кон(ец|ц)/.test(word)) return { from: whole.to.subtract({ days: days === 7 ? 3 : third - 1 }), to: whole.to };
  return whole;
}

function weekdayAt(words: readonly string[], start: number, { date }: Today): DayTerm | null {
  const word = words[start] ?? '';
  const isQualified = isThis(word) || isNext(word) || isNearest(word) || isEvery(word) || isPast(word);
  const name = words[isQualified ? start + 1 : start] ?? '';
  const weekdays = weekdaysOf(name);
  if (weekdays.length === 0) return null;
  const end = start + (isQualified ? 2 : 1);
  if (isPast(word)) {
    const readings = weekdays.map((weekday) => day(date.subtract({ days: (date.dayOfWeek - weekday + 7) % 7 || 7 })));
    return { kind: 'days', readings, start, end };
  }
  if (words[end] === 'after' && words[end + 1] === 'next') return { kind: 'weekday', weekdays, which: 'after next', start, end: end + 2 };
  const which = isThis(word)
    ? 'this'
    : isNext(word)
      ? 'next'
      : isNearest(word)
        ? 'nearest'
        : isEvery(word) || isRecurring(name)
          ? 'every'
          : null;
  return { kind: 'weekday', weekdays, which, start, end };
}
/** `в декабре`, `in January`. */
function monthAt(words: readonly string[], start: number, today: Today): DayTerm | null {
  const month = exactMonth(words[start] ?? '');
  const isOfPart = /^(начал|середин|кон(ец|ц))/.test(words[start - 1] ?? '');
  const isPeriod = (words[start - 1] === 'в' && /[еи]$/.test(words[start] ?? '')) || words[start - 1] === 'in' || isOfPart;
  if (month === undefined || !isPeriod) return null;
  const { date } = today;
  const first = date.with({ day: 1 }).add({ months: (month - date.month + 12) % 12 });
  return { kind: 'days', readings: [partOf(words, start, { from: first, to: last(first) })], start, end: start + 1 };
}

/**
 * The days that a weekday may mean. The coming one; on that very day, today or a week later. `Этот` is the coming one, today included.
 * `Следующий` is clear only when its day of this week has passed and the coming one is more than two days away; otherwise it may be the
 * coming one or the one after it.
 */
export function daysOfWeekday({ weekdays, which }: Pick<WeekdayTerm, 'weekdays' | 'which'>, { date, isEnglish }: Today): readonly Span[] {
  return weekdays.flatMap((weekday) => {
    const ahead = (weekday - date.dayOfWeek + 7) % 7;
    return aheads(ahead, which, date.dayOfWeek, isEnglish).map((days) => day(date.add({ days })));
  });
}
function aheads(ahead: number, which: WeekdayTerm['which'], today: number, isEnglish: boolean): readonly number[] {
  const coming = ahead === 0 ? 7 : ahead;
  if (which === 'every') return [ahead, ahead + 7];
  if (which === 'after next') return [coming + 7, coming + 14];
  if (which === 'this') return [ahead];
  if (which !== 'next') return ahead === 0 ? [0, 7] : [ahead];
  if (ahead === 0) return [7];
  const isInThisWeek = today + ahead <= 7;
  return isInThisWeek || ahead <= 2 || (isEnglish && today === 7) ? [ahead, ahead + 7] : [ahead];
}
