/** Clock times and parts of a day in words. */
import { exactMonth, hourOrdinal, monthsOf, numberAt, type Read } from './vocabulary.ts';

/** Minutes after midnight that an hour may mean: `usual` without a part of the day, `all` beside one. */
export interface Hour {
  readonly all: readonly number[];
  readonly usual: readonly number[];
}
interface Term {
  readonly start: number;
  readonly end: number;
}
export interface ClockTerm extends Term {
  readonly kind: 'clock';
  readonly mode: 'at' | 'after' | 'before' | 'range';
  readonly hour: Hour;
  /** End of a range. */
  readonly until?: Hour;
  /** Only a time beside a day: `на 15` may also be a date. */
  readonly isLoose?: boolean;
}
export interface PartTerm extends Term {
  readonly kind: 'part';
  readonly from?: number;
  readonly to?: number;
  /** Clock times that fit this part. */
  readonly window: readonly [number, number];
}
export type TimeTerm = ClockTerm | PartTerm;

const at = (hours: number, minutes = 0) => hours * 60 + minutes;

/** It ends a day or begins one. */
const midnight: Hour = { all: [0, at(24)], usual: [0, at(24)] };

/**
 * An hour without a part of the day, by ordinary usage: 1 to 6 are in the afternoon, 10 to 12 before it, 7 to 9 may be either. Digits of
 * a 24-hour clock (`18:30`, `06:30`, in Russian also `9:30`) are as written; `5:30` may be either.
 */
function hourOf(hours: number, minutes: number, written: 'words' | 'clock' | 'sure'): Hour | null {
  if (hours > 24 || minutes > 59 || (hours === 24 && minutes > 0)) return null;
  if (hours === 24) return midnight;
  const said = at(hours, minutes);
  if (hours > 12 || hours === 0 || written === 'sure') return { all: [said], usual: [said] };
  const first = at(hours % 12, minutes);
  const all = [first, first + at(12)];
  if (hours === 12) return { all, usual: [said] };
  if (hours >= 10) return { all, usual: [first] };
  if (hours >= 7) return { all, usual: written === 'clock' ? [first] : all };
  return { all, usual: written === 'clock' ? all : [first + at(12)] };
}

const windows = { утра: [0, at(12)], дня: [at(12), at(18)], вечера: [at(12), at(24)], ночи: [0, at(6)] } as const;
const meridiem: Readonly<Record<string, readonly [number, number]>> = {
  ...windows,
  am: [0, at(12)],
  pm: [at(12), at(24)],
  morning: [0, at(12)],
  afternoon: [at(12), at(18)],
  evening: [at(12), at(24)],
};

const isHourWord = (word = '') => /^(час|часа|часов|часам|часу|часиков|ч|oclock)$/.test(word);
const isArticle = (word = '') => word === 'a' || word === 'an';
const isMinuteWord = (word = '') => /^(минут|минуты|минута|минутам|мин|minutes|min)$/.test(word);
/** What a number counts when it is no hour. */
const isCounted = (words: readonly string[], index: number): boolean => {
  const word = words[index] ?? '';
  return (
    /^(числ|недел|дней|день|дни$|раз|человек|минут|мин$|месяц|год|руб|процент|лет|штук|услуг|сеанс|week|day|month|minute|people|person|time|dollar|euro)/.test(
      word,
    ) || monthsOf(word).length > 0
  );
};

interface Expression {
  readonly hour: Hour;
  /** It is a time without a preposition too. */
  readonly isClear: boolean;
}

function expressionAt(words: readonly string[], start: number, isEnglish: boolean): Read<Expression> | null {
  const word = words[start] ?? '';
  const clear = (hours: number, minutes: number, end: number) => withPart(words, end, hours, minutes, 'words', true);
  if (/^(полдень|полудня|полудню|noon|midday)$/.test(word))
    return { value: { hour: { all: [at(12)], usual: [at(12)] }, isClear: true }, end: start + 1 };
  if (/^(полночь|полуночи|midnight)$/.test(word)) return { value: { hour: midnight, isClear: true }, end: start + 1 };
  const half = halfAt(words, start);
  if (half) return clear(half.value.hours, half.value.minutes, half.end);
  if (/^(час|часу|часа)$/.test(word)) return withPart(words, start + 1, 1, 0, 'words', false);
  const digits = /^(\d{1,2})([:.])(\d{2})$/.exec(word);
  if (digits) {
    const hours = Number(digits[1]);
    const written = digits[1]?.startsWith('0') || hours > 12 ? 'sure' : isEnglish ? 'words' : 'clock';
    return withPart(words, start + 1, hours, Number(digits[3]), written, digits[2] === ':');
  }
  if (isArticle(word) || /^\d{3}$/.test(word)) return null;
  const hours = numberAt(words, start);
  if (!hours) return null;
  let { end } = hours;
  // `2 часа` may be a duration.
  const isClear = isHourWord(words[end]) && hours.value >= 10;
  if (isHourWord(words[end])) end++;
  else if (isCounted(words, end)) return null;
  const dashed =
    words[end] === '-' && /^[0-5][05]$/.test(words[end + 1] ?? '') && !isCounted(words, end + 2) ? Number(words[end + 1]) : null;
  if (dashed !== null && (dashed > 24 || dashed === 0)) return withPart(words, end + 2, hours.value, dashed, 'clock', false);
  const minutes = minutesAt(words, end);
  if (!minutes) return withPart(words, end, hours.value, 0, 'words', isClear);
  // «Четырнадцать тридцать» is a time without a preposition.
  const isSpoken = hours.value >= 10 && words.slice(start, minutes.end).every((each) => /^\p{L}/u.test(each));
  return withPart(words, minutes.end, hours.value, minutes.value, 'words', isClear || isSpoken);
}
/** `тридцать`, `00`, `ноль ноль`, `ноль пять`, `15 минут`, `с половиной` behind an hour. */
function minutesAt(words: readonly string[], start: number): Read<number> | null {
  const word = words[start] ?? '';
  if (/^\d+$/.test(word) && !/^[0-5]\d$/.test(word)) return null;
  if (word === 'с' && /^половин/.test(words[start + 1] ?? '')) return { value: 30, end: start + 2 };
  const read = numberAt(words, start);
  if (!read || isArticle(word)) return null;
  if (isMinuteWord(words[read.end])) return read.value < 60 ? { value: read.value, end: read.end + 1 } : null;
  if (isCounted(words, read.end) || exactMonth(words[read.end] ?? '') !== undefined) return null;
  if (read.value === 0) {
    const unit = numberAt(words, read.end);
    return unit !== null && unit.value < 10 ? unit : { value: 0, end: read.end };
  }
  return read.value >= 10 && read.value < 60 ? read : null;
}
/** `полседьмого`, `половина седьмого`, `без четверти семь`, `half past six`. */
function halfAt(words: readonly string[], start: number): Read<{ hours: number; minutes: number }> | null {
  const [word = '', second = '', third = ''] = words.slice(start, start + 3);
  const before = (hour: number | null, minutes: number, end: number) =>
    hour === null || hour < 1 || hour > 12 ? null : { value: { hours: hour === 1 ? 12 : hour - 1, minutes }, end };
  if (word.startsWith('пол') && hourOrdinal(word.slice(3)) !== null) return before(hourOrdinal(word.slice(3)), 30, start + 1);
  if (word === 'пол' && second === '-') return before(hourOrdinal(third), 30, start + 3);
  if (word === 'пол' || /^половин/.test(word)) return before(hourOrdinal(second), 30, start + 2);
  if (word === 'четверть') return before(hourOrdinal(second), 15, start + 2);
  if (word === 'без') {
    const less = /^четверт/.test(second) ? { value: 15, end: start + 2 } : numberAt(words, start + 1);
    if (!less || less.value > 30) return null;
    const hourFrom = less.end + (isMinuteWord(words[less.end]) ? 1 : 0);
    const hour = words[hourFrom] === 'час' ? { value: 1, end: hourFrom + 1 } : numberAt(words, hourFrom);
    return hour && before(hour.value, 60 - less.value, hour.end);
  }
  if (word === 'half' || word === 'quarter') {
    const hour = numberAt(words, start + (second === 'past' || second === 'to' ? 2 : 1));
    if (!hour || hour.value > 12 || isArticle(words[hour.end - 1])) return null;
    if (second === 'to') return before(hour.value, word === 'half' ? 30 : 45, hour.end);
    return word === 'half' || second === 'past'
      ? { value: { hours: hour.value, minutes: word === 'half' ? 30 : 15 }, end: hour.end }
      : null;
  }
  const counted = numberAt(words, start);
  if (counted && isMinuteWord(words[counted.end])) return before(hourOrdinal(words[counted.end + 1] ?? ''), counted.value, counted.end + 2);
  return null;
}
/** Adds `вечера`, `pm`, `in the evening` behind an hour. */
function withPart(
  words: readonly string[],
  end: number,
  hours: number,
  minutes: number,
  written: 'words' | 'clock' | 'sure',
  isClear: boolean,
): Read<Expression> | null {
  const hour = hourOf(hours, minutes, written);
  if (!hour) return null;
  const skipped = isHourWord(words[end]) ? 1 : 0;
  const [word = '', second = '', third = ''] = words.slice(end + skipped, end + skipped + 3);
  const dotted = (word === 'a' || word === 'p') && second === 'm' ? `${word}m` : null;
  const isIn = word === 'in' && second === 'the';
  const part = dotted ?? (isIn ? third : word);
  const window = Object.hasOwn(meridiem, part) ? meridiem[part] : undefined;
  const isPart = window !== undefined && (isIn || !/^(morning|afternoon|evening)$/.test(part));
  if (!isPart) return { value: { hour, isClear }, end: end + skipped };
  const isMidnight = hours === 12 && /^(ночи|вечера|утра|evening|morning)$/.test(part);
  const fits = isMidnight ? midnight.all : hour.all.filter((minute) => window[0] <= minute && minute < window[1]);
  return fits.length > 0
    ? {
        value: { hour: { all: fits, usual: fits }, isClear: isClear || part !== 'дня' },
        end: end + skipped + (isIn ? 3 : dotted === null ? 1 : 2),
      }
    : null;
}

const modes: Readonly<Record<string, ClockTerm['mode']>> = {
  ...{ в: 'at', во: 'at', к: 'at', ко: 'at', на: 'at', около: 'at', примерно: 'at', at: 'at', around: 'at', about: 'at' },
  ...{
    после: 'after',
    с: 'after',
    со: 'after',
    от: 'after',
    after: 'after',
    from: 'after',
    since: 'after',
    позже: 'after',
    позднее: 'after',
  },
  ...{ до: 'before', before: 'before', until: 'before', till: 'before', by: 'before', раньше: 'before', ранее: 'before' },
  ...{ между: 'range', between: 'range' },
};
function modeAt(words: readonly string[], start: number): Read<ClockTerm['mode']> | null {
  const word = words[start] ?? '';
  const isNegated = word === 'не' || word === 'no' || word === 'not';
  const at = isNegated ? start + 1 : start;
  const said = words[at] ?? '';
  const end = words[at + 1] === 'than' || words[at + 1] === 'чем' ? at + 2 : at + 1;
  if (/^(позже|позднее|later)$/.test(said) && (isNegated || said !== 'later' || end === at + 2))
    return { value: isNegated ? 'before' : 'after', end };
  if (/^(раньше|ранее|earlier)$/.test(said) && (isNegated || said !== 'earlier' || end === at + 2))
    return { value: isNegated ? 'after' : 'before', end };
  const mode = Object.hasOwn(modes, word) ? modes[word] : undefined;
  return mode === undefined ? null : { value: mode, end: start + 1 };
}

/** A clock time or a part of the day. @param isDate whether a date begins at an index */
export function clockTermAt(
  words: readonly string[],
  start: number,
  isEnglish: boolean,
  isDate: (index: number) => boolean,
): TimeTerm | null {
  return partAt(words, start) ?? clockAt(words, start, isEnglish, isDate);
}

function clockAt(words: readonly string[], start: number, isEnglish: boolean, isDate: (index: number) => boolean): ClockTerm | null {
  const read = (index: number) => (isDate(index) ? null : expressionAt(words, index, isEnglish));
  const preposition = modeAt(words, start);
  const first = read(preposition?.end ?? start);
  // `Часа на два` is a duration.
  if (!first || (words[start] === 'на' && isHourWord(words[start - 1]))) return null;
  const isLoose = words[start] === 'на' && !first.value.isClear;
  const mode = preposition?.value ?? 'at';
  const link = words[first.end] ?? '';
  const links =
    mode === 'range' ? ['и', 'and'] : mode === 'before' ? [] : mode === 'after' ? ['до', 'по', '-', 'to', 'until', 'till'] : ['-', 'to'];
  const second = links.includes(link) ? read(first.end + 1) : null;
  const isClear = preposition !== null || first.value.isClear || second?.value.isClear === true;
  if (second && isClear) return { kind: 'clock', mode: 'range', start, end: second.end, hour: first.value.hour, until: second.value.hour };
  if (mode === 'range' || !isClear) return null;
  return { kind: 'clock', mode, start, end: first.end, hour: first.value.hour, ...(isLoose && { isLoose }) };
}

const morning = { to: at(12), window: [at(4), at(12)] } as const;
const midday = { from: at(12), to: at(17), window: [at(11), at(18)] } as const;
const evening = { from: at(17), window: [at(16), at(24)] } as const;
const night = { to: at(6), window: [0, at(6)] } as const;
const lunch = { from: at(12), to: at(14), window: [at(11), at(15)] } as const;
const beforeLunch = { to: at(13), window: [at(4), at(14)] } as const;
const afterLunch = { from: at(13), window: [at(12), at(22)] } as const;
const afterWork = { from: at(18), window: [at(17), at(24)] } as const;
type Part = Omit<PartTerm, 'kind' | 'start' | 'end'>;
const parts: readonly (readonly [RegExp, Part])[] = [
  [/^(?:в )?перв(?:ой|ая|ую) половин[аеу] дня|^(?:до|before) (?:обеда|lunch)/, beforeLunch],
  [/^(?:во? )?втор(?:ой|ая|ую) половин[аеу] дня|^(?:после|after) (?:обеда|lunch)/, afterLunch],
  [/^(?:после|after) (?:работы|work)/, afterWork],
  [/^(?:в обед|обед|at lunch|lunch|lunchtime)(?= |$)/, lunch],
  [/^(?:с утра|утром|утречком|утро|in the morning|morning|mornings)(?= |$)/, morning],
  [/^(?:днем|in the afternoon|afternoon|afternoons)(?= |$)(?! (?:раньше|позже))/, midday],
  [/^(?:к вечеру|под вечер|вечером|вечерком|вечер|in the evening|evening|evenings|night)(?= |$)/, evening],
  [/^(?:ночью)(?= |$)/, night],
];
function partAt(words: readonly string[], start: number): PartTerm | null {
  if (/^(добр|good$|хорош)/.test(words[start - 1] ?? '')) return null;
  const text = words.slice(start, start + 4).join(' ');
  for (const [like, part] of parts) {
    const [found] = like.exec(text) ?? [];
    if (found !== undefined) return { kind: 'part', start, end: start + found.split(' ').length, ...part };
  }
  return null;
}
