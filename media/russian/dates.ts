/** Days, dates, years and times of day. */
import { twoDigits } from './amounts.ts';
import { type Context, caseBefore, type Rule, wordBefore } from './context.ts';
import { type Case, cardinal, counted, months, nouns, ordinal, weekdays } from './words.ts';

const short = ['пн', 'вт', 'ср', 'чт', 'пт', 'сб', 'вс'];
const monthStems = ['янв', 'февр?', 'мар', 'апр', 'ма[йя]', 'июн', 'июл', 'авг', 'сент?', 'окт', 'нояб?', 'дек'];
const monthPattern = `(${months.join('|')}|(?:${monthStems.join('|')})(?!\\p{L})\\.?)`;
const monthOf = (written: string): string =>
  months[
    months.includes(written.toLowerCase())
      ? months.indexOf(written.toLowerCase())
      : monthStems.findIndex((stem) => new RegExp(`^${stem}\\.?$`, 'iu').test(written))
  ] ?? written;
const isDay = (day: number, month = 1): boolean => day >= 1 && day <= 31 && month >= 1 && month <= 12;
const dash = String.raw`\s?[–—-]\s?`;

/**
 * `первое`, in the case required by the preceding words: «на первое», «до первого», «к первому», else «первого», when something happens.
 */
function caseOfDate(context: Context): Case {
  const word = wordBefore(context);
  if (word === 'по') return 'accusative';
  const asked = caseBefore(context);
  if (asked !== null) return asked === 'prepositional' ? 'genitive' : asked;
  const day = /(во?|на|со?|до|к|после|от)?\s*(?:^|[^\p{L}])(\p{L}+),?\s*$/u.exec(context.before.toLowerCase());
  const [, preposition, name = ''] = day ?? [];
  const isNamed =
    /^(?:сегодня|это|была?|будет)$/.test(name) || weekdays.some(({ nominative }) => nominative === name) || short.includes(name);
  return isNamed && preposition === undefined ? 'nominative' : 'genitive';
}
const day = (n: number, grammaticalCase: Case): string => ordinal(n, { gender: 'n', grammaticalCase }) ?? String(n);
const yearOf = (digits: string): string => {
  const year = Number(digits.length === 2 ? `20${digits}` : digits);
  const words = ordinal(year, { grammaticalCase: 'genitive' });
  return words === null ? ` ${cardinal(year)} года` : ` ${words} года`;
};
/** A comma between a date in the nominative and the time after it. */
const pauseBefore = ({ after }: Context, grammaticalCase: Case): string =>
  grammaticalCase === 'nominative' && /^\s(?:(?:в|с|к|до|на)\s)?\d/u.test(after) ? ',' : '';

function date(dayNumber: string, month: string, year: string, context: Context): string {
  const grammaticalCase = caseOfDate(context);
  return `${day(Number(dayNumber), grammaticalCase)} ${month}${year === '' ? '' : yearOf(year)}${pauseBefore(context, grammaticalCase)}`;
}
const named: Rule = {
  pattern: new RegExp(`(\\d{1,2})(?:-?(?:го|ого|е|ое|му|ому))?\\s${monthPattern}(?:\\s(\\d{4})(?!\\d)(?:\\sгода|\\sг\\.)?)?`, 'yiu'),
  say: ([number = '', month = '', year = ''], context) => (isDay(Number(number)) ? date(number, monthOf(month), year, context) : null),
};
const namedRange: Rule = {
  pattern: new RegExp(`(\\d{1,2})${dash}(\\d{1,2})\\s${monthPattern}`, 'yiu'),
  say: ([from = '', to = '', month = ''], context) =>
    isDay(Number(from)) && isDay(Number(to))
      ? `${/^со?$/.test(wordBefore(context)) ? '' : 'с '}${day(Number(from), 'genitive')} по ${day(Number(to), 'accusative')} ${monthOf(month)}`
      : null,
};
/** The first day of `с 1 по 5 декабря`. */
const first: Rule = {
  pattern: new RegExp(`(\\d{1,2})(?=\\s(?:по|до|и|или)\\s\\d{1,2}\\s${monthPattern})`, 'yiu'),
  say: ([number = ''], context) => (isDay(Number(number)) ? day(Number(number), caseOfDate(context)) : null),
};
const numeric: Rule = {
  pattern: /(\d{1,2})\.(\d{2})(?:\.(\d{4}|\d{2}))?(?![\d%₽]|\s?(?:руб|%|₽))/uy,
  say([number = '', month = '', year = ''], context) {
    if (isDay(Number(number), Number(month))) return date(number, months[Number(month) - 1] ?? '', year, context);
    return year === '' && Number(number) < 24 && /^[0-5]\d$/.test(month) ? time(number, month, context) : null;
  },
};
const iso: Rule = {
  pattern: /(\d{4})-(\d{2})-(\d{2})(?!\d)/uy,
  say: ([year = '', month = '', number = ''], context) =>
    isDay(Number(number), Number(month)) ? date(number, months[Number(month) - 1] ?? '', year, context) : null,
};
const years: Readonly<Record<string, Case>> = {
  год: 'nominative',
  года: 'genitive',
  году: 'prepositional',
  годом: 'instrumental',
  годе: 'prepositional',
};
const year: Rule = {
  pattern: /(\d{4})\s(год[ауе]?|годом|(?<=\b(?:19|20)\d\d\s)г\.?)(?!\p{L})/iuy,
  say([digits = '', written = ''], context) {
    const word = wordBefore(context);
    const name = !/^г\.?$/.test(written) ? written.toLowerCase() : /^(?:в|к)$/.test(word) ? 'году' : 'года';
    const grammaticalCase = name === 'году' && word !== 'в' ? 'dative' : years[name];
    const words = ordinal(Number(digits), grammaticalCase === undefined ? {} : { grammaticalCase });
    return words === null ? null : `${words} ${name}`;
  },
};

const weekday: Rule = {
  pattern: new RegExp(`(${short.join('|')})(?!\\p{L})\\.?(?:${dash}(${short.join('|')})(?!\\p{L})\\.?)?`, 'yiu'),
  say([from = '', to = ''], context) {
    const pause = /^\s\d/.test(context.after) ? ',' : '';
    const forms = (name: string) => weekdays[short.indexOf(name.toLowerCase())];
    if (to !== '') return `с ${forms(from)?.genitive} по ${forms(to)?.accusative}${pause}`;
    return `${forms(from)?.[caseBefore(context) ?? 'nominative']}${pause}`;
  },
};

const isTime = (hours: string, minutes: string): boolean => Number(hours) <= 24 && Number(minutes) <= 59;
const partOfDay = /^\s(?:утра|дня|вечера|ночи|час\p{L}*)/u;
function time(hours: string, minutes: string, context: Context): string | null {
  if (!isTime(hours, minutes)) return null;
  const asked = caseBefore(context) ?? 'nominative';
  const grammaticalCase = asked === 'prepositional' || asked === 'instrumental' ? 'nominative' : asked;
  return clock(hours, minutes, {
    grammaticalCase,
    // «С десяти до восемнадцати часов».
    isBare: partOfDay.test(context.after) || (grammaticalCase === 'genitive' && /^\s(?:до|по)\s\d/u.test(context.after)),
  });
}
function clock(
  hours: string,
  minutes: string,
  { grammaticalCase, isBare }: { readonly grammaticalCase: Case; readonly isBare: boolean },
): string {
  const hour = Number(hours);
  const words = cardinal(hour, { grammaticalCase });
  if (Number(minutes) > 0) return `${words} ${twoDigits(minutes.padStart(2, '0'), grammaticalCase)}`;
  if (isBare) return words;
  const name = counted(hour, nouns.hour, grammaticalCase);
  return hour === 1 ? name : `${words} ${name}`;
}
const timeRange: Rule = {
  pattern: new RegExp(`(\\d{1,2}):(\\d{2})${dash}(\\d{1,2}):(\\d{2})(?!\\d)`, 'yu'),
  say([from = '', fromMinutes = '', to = '', toMinutes = ''], context) {
    if (!isTime(from, fromMinutes) || !isTime(to, toMinutes)) return null;
    const start = clock(from, fromMinutes, { grammaticalCase: 'genitive', isBare: true });
    return `${/^со?$/.test(wordBefore(context)) ? '' : 'с '}${start} до ${clock(to, toMinutes, { grammaticalCase: 'genitive', isBare: false })}`;
  },
};
const clockTime: Rule = {
  pattern: /(\d{1,2}):(\d{2})(?!\d|:\d)/uy,
  say: ([hours = '', minutes = ''], context) => time(hours, minutes, context),
};
/** In the order of matching. */
export const dates: readonly Rule[] = [iso, timeRange, clockTime, namedRange, named, first, numeric, year, weekday];
