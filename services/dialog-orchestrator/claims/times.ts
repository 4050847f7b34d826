/** Clock times and dates that a sentence offers, compared with those that a tool returned. */
import { plainOf, type Sentence } from './normal-form.ts';
import { inDigits } from './numbers.ts';
import { withoutNames } from './offers.ts';
import type { Moment, Support } from './support.ts';

const months = ['янв', 'фев', 'мар', 'апр', 'ма[йя]', 'июн', 'июл', 'авг', 'сен', 'окт', 'ноя', 'дек'];
const englishMonths = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const weekdays = ['воскресень', 'понедельник', 'вторник', 'сред[ауые]', 'четверг', 'пятниц', 'суббот'];
const englishWeekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const ordinals: Readonly<Record<string, number>> = {
  первого: 1,
  второго: 2,
  третьего: 3,
  четвертого: 4,
  пятого: 5,
  шестого: 6,
  седьмого: 7,
  восьмого: 8,
  девятого: 9,
  десятого: 10,
  одиннадцатого: 11,
  двенадцатого: 12,
};
const nth = Object.keys(ordinals).join('|');

/** A time as minutes of the day; both halves of the day, where it does not say which. */
type Clock = readonly number[];
const half = 12 * 60;
const clock = (hour: number, minute: number, part = ''): Clock => {
  const given = (hour % 24) * 60 + minute;
  if (/дня|вечера|p/.test(part)) return [hour < 12 ? given + half : given];
  if (/утра|ночи|a/.test(part)) return [hour === 12 ? minute : given];
  return hour >= 1 && hour <= 12 ? [given, (given + half) % (2 * half)] : [given];
};
const dayPart = '(?:\\s*(утра|дня|вечера|ночи|[ap]\\.?m\\.?(?!\\p{L})))';
const unit = '(?:\\s*(?:час(?:ов|а|ам|у)?|ч)(?![\\p{L}]))';
const before = '(?<![\\p{L}\\d])(?:в|во|к|ко|на|после|до|с|со|около|ближе к|часов в|часам к|at|from|by|after|until|till)\\s+';
const notUnit =
  '(?!\\d|[:.,]\\d|\\s*[-–]?(?:м(?![\\p{L}])|мин|сек|%|процент|руб|₽|р(?!\\p{L})|тыс|мая|час|ч(?!\\p{L})|дн|день|лет|год|раз|человек|персон|услуг|процедур|мастер|место|мест|этаж|числ|сеанс|балл|место|недел|меся|сант|см(?!\\p{L})|шаг|вариант|окон|окош|слот|minutes?|hours?|days?|people|persons?|st|nd|rd|th)|\\s*(?:янв|фев|мар|апр|июн|июл|авг|сен|окт|ноя|дек))';

type Reader = readonly [pattern: RegExp, read: (groups: readonly string[]) => readonly Clock[]];
const readers: readonly Reader[] = [
  [/\d{4}-\d\d-\d\dt(\d\d):(\d\d)/gu, ([h = '', m = '']) => [[Number(h) * 60 + Number(m)]]],
  [
    new RegExp(`(?<![\\d:.,])([01]?\\d|2[0-4])[:](\\d\\d)(?![\\d:])${dayPart}?`, 'gu'),
    ([h = '', m = '', part]) => [exact(Number(h), Number(m), part)],
  ],
  [
    new RegExp(`(?<=${before})([01]?\\d|2[0-3])\\.([0-5]\\d)(?![\\d.]|\\s*(?:руб|₽|%|тыс))${dayPart}?`, 'gu'),
    ([h = '', m = '', part]) => [exact(Number(h), Number(m), part)],
  ],
  [
    new RegExp(`(?<![\\d:.,-])(?<!(?:за|на|через|до|от|эти|все|еще|первые|около|примерно|раз в) )(\\d{1,2})${unit}?${dayPart}`, 'gu'),
    ([h = '', part]) => [clock(Number(h), 0, part)],
  ],
  [new RegExp(`(?<=${before})(\\d{1,2})${unit}(?!\\s*(?:\\d|назад|подряд))`, 'gu'), ([h = '']) => [clock(Number(h), 0)]],
  [new RegExp(`(?<=${before})(\\d{1,2})${unit}\\s*(\\d\\d)\\s*мин`, 'gu'), ([h = '', m = '']) => [clock(Number(h), Number(m))]],
  [
    new RegExp(
      `(?<=${before})(1?\\d|2[0-3])${notUnit}(?=\\s*(?:$|[.,!?;:)—–-]|(?:или|и|до|ровно|or|и в|во?|на|утром|вечером|днем|сегодня|завтра|свобод\\p{L}*|есть|у|к|можно|вас|вам)(?!\\p{L})))`,
      'gu',
    ),
    ([h = '']) => [clock(Number(h), 0)],
  ],
  [new RegExp(`(?<!\\p{L})пол(?:овин[аеу]\\s+|-)?(${nth})`, 'gu'), ([name = '']) => [clock((ordinals[name] ?? 1) - 1 || 12, 30)]],
  [
    /без (четверти|пяти|десяти|двадцати|\d{1,2}) (?:минут )?(\d{1,2})/gu,
    ([less = '', h = '']) => [clock(Number(h) - 1 || 12, 60 - (less === 'четверти' ? 15 : Number(less)))],
  ],
  [/(?<!\p{L})(?:в|к|до|после) (?:час|часу) дня/gu, () => [[13 * 60]]],
  [/(?<!\p{L})(?:в|к|до|после) полд(?:ень|ню|ня)|at noon/gu, () => [[12 * 60]]],
];
/** `15:00` is one time; `3:00` in a chat may be either. */
const exact = (hour: number, minute: number, part: string | undefined): Clock =>
  hour > 12 || hour === 0 ? [hour * 60 + minute] : clock(hour, minute, part);

/** Of a time that is refused: «в 18:00 занято». */
const refused =
  /(?<!\p{L})(?:занят[аоы]?|нет|недоступ\p{L}*|не работа\p{L}+|закрыт\p{L}*|не получится|невозможно|не могу|прошл\p{L}+|unavailable|not available|taken|closed|fully booked|no (?:free|slots?|openings?))(?!\p{L})/u;
const availability =
  /(?<!\p{L})(?:свободн\p{L}*|окошк\p{L}*|окн[оа]|есть (?:место|время|места|запись)|предлага\p{L}+|предлож\p{L}+|доступн\p{L}*|могу (?:записать|предложить)|available|free|openings?|slots?)(?!\p{L})/u;

export function timesIn(sentence: Sentence, support: Pick<Support, 'offered' | 'appointments' | 'times' | 'names'>): readonly 'time'[] {
  const plain = inDigits(withoutNames(plainOf(sentence.text), support.names));
  const dates = datesIn(plain);
  const known = [...support.offered, ...support.appointments];
  const fitting = dates.length === 0 ? known : known.filter((moment) => dates.some((fits) => fits(moment)));
  const open = segmentsOf(plain).filter((segment) => !refused.test(segment));
  const clocks = open.flatMap((segment) =>
    readers.flatMap(([pattern, read]) => [...segment.matchAll(pattern)].flatMap(([, ...groups]) => read(groups))),
  );
  const plainTimes = support.times.map(minutesOf);
  const allowed = new Set([...fitting.map(({ time }) => minutesOf(time)), ...plainTimes]);
  if (clocks.some((each) => !each.some((minute) => allowed.has(minute)))) return ['time'];
  const namesDate = dates.length > 0 && availability.test(plain) && !refused.test(plain) && !sentence.isQuestion;
  return namesDate && dates.some((fits) => !known.some(fits)) ? ['time'] : [];
}

/** A refusal counts for its own part of the sentence: «в 16:00 занято, есть 17:00». */
const segmentsOf = (plain: string): readonly string[] =>
  plain.replace(/,?\s?(?:к сожалению|увы),?/gu, '').split(/[,;]\s|\s[-–—]\s|\s(?=(?:но|а|зато|but)\s)/u);

const minutesOf = (time: string): number => {
  const [hour, minute] = time.split(':').map(Number);
  return (hour ?? Number.NaN) * 60 + (minute ?? Number.NaN);
};

/** Each date or weekday as a test of a moment. Words that depend on today («завтра») are left to the parser of days. */
function datesIn(plain: string): readonly ((moment: Moment) => boolean)[] {
  const isOn = (month: number, day: number) => (moment: Moment) =>
    Number(moment.date.slice(5, 7)) === month && Number(moment.date.slice(8, 10)) === day;
  const ofMonths = (list: readonly string[], order: (name: string) => RegExp) =>
    list.flatMap((name, index) => [...plain.matchAll(order(name))].map(([, day]) => isOn(index + 1, Number(day))));
  const ofWeek = (list: readonly string[]) =>
    list.flatMap((name, index) =>
      new RegExp(`(?<!\\p{L})${name}\\p{L}{0,2}(?!\\p{L})`, 'u').test(plain) ? [(moment: Moment) => weekdayOf(moment) === index] : [],
    );
  const written = [
    ...[...plain.matchAll(/\d{4}-(\d\d)-(\d\d)/g)].map(([, month, day]) => isOn(Number(month), Number(day))),
    ...[
      ...plain.matchAll(
        /(?<![\d.,:]|(?<!\p{L})(?:в|до|с|к|после) )([0-3]?\d)\.(0[1-9]|1[0-2])(?!\d|\.\d{1}(?!\d)|\s*(?:руб|₽|%|тыс|час))/gu,
      ),
    ].map(([, day, month]) => isOn(Number(month), Number(day))),
    ...ofMonths(months, (name) => new RegExp(`(?<![\\d:.])(\\d{1,2})(?:-?го)?\\s+${name}\\p{L}*`, 'gu')),
    ...ofMonths(englishMonths, (name) => new RegExp(`(?<!\\p{L})${name}[a-z]*\\s+(\\d{1,2})(?:st|nd|rd|th)?(?![\\d:])`, 'gu')),
    ...ofMonths(englishMonths, (name) => new RegExp(`(?<![\\d:.])(\\d{1,2})(?:st|nd|rd|th)?\\s+(?:of\\s+)?${name}[a-z]*`, 'gu')),
  ];
  return written.length > 0 ? written : [...ofWeek(weekdays), ...ofWeek(englishWeekdays)];
}

const weekdayOf = ({ date }: Moment): number => new Date(`${date}T00:00:00Z`).getUTCDay();
