/** Words of days and times in Russian and English. All lookups take words of `dayWords`. */

/** Lower-case words, numbers, dates and clock times of a text; of the signs, only the hyphen is kept. */
export function dayWords(text: string): readonly string[] {
  const plain = text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('ё', 'е')
    .replace(/\btonight\b/g, 'this evening')
    .replace(/(?<!\d)(\d{1,2}),\s*(?=\d{1,2}\s+(?:и|или|and|or)\s)/g, '$1 и ')
    .replace(/[‐-―−]/g, '-')
    .replace(/(?<=\p{L})['’`](?=\p{L})/gu, '');
  return plain.match(pieces) ?? [];
}
const pieces = new RegExp(
  [
    String.raw`\d{4}[-.]\d{1,2}[-.]\d{1,2}(?!\d)`,
    String.raw`\d{1,2}[./]\d{1,2}[./]\d{2,4}(?!\d)`,
    String.raw`\d{1,2}[./:]\d{1,2}(?![\d:])`,
    String.raw`\d{1,2}-?(?:го|ого|е|ое|му|ому|st|nd|rd|th)(?![\p{L}\d])`,
    String.raw`\d+`,
    String.raw`\p{L}+`,
    '-',
  ].join('|'),
  'gu',
);

/** A number or several words that were read, and the index behind them. */
export interface Read<T> {
  readonly value: T;
  readonly end: number;
}

const spelling = (forms: Readonly<Record<number, string>>): ReadonlyMap<string, number> =>
  new Map(Object.entries(forms).flatMap(([value, words]) => words.split(' ').map((word) => [word, Number(value)] as const)));

const cardinals = spelling({
  0: 'ноль нуль zero',
  1: 'один одна одну одного одному одной one a an',
  2: 'два две двух двум двумя two',
  3: 'три трех трем тремя three',
  4: 'четыре четырех четырем четырьмя four',
  5: 'пять пяти five',
  6: 'шесть шести six',
  7: 'семь семи seven',
  8: 'восемь восьми eight',
  9: 'девять девяти nine',
  10: 'десять десяти ten',
  11: 'одиннадцать одиннадцати eleven',
  12: 'двенадцать двенадцати twelve',
  13: 'тринадцать тринадцати thirteen',
  14: 'четырнадцать четырнадцати fourteen',
  15: 'пятнадцать пятнадцати fifteen',
  16: 'шестнадцать шестнадцати sixteen',
  17: 'семнадцать семнадцати seventeen',
  18: 'восемнадцать восемнадцати eighteen',
  19: 'девятнадцать девятнадцати nineteen',
  20: 'двадцать двадцати twenty',
  30: 'тридцать тридцати thirty',
  40: 'сорок сорока forty',
  50: 'пятьдесят пятидесяти fifty',
});
const ordinalStems = spelling({
  1: 'перв',
  2: 'втор',
  3: 'треть',
  4: 'четверт',
  5: 'пят',
  6: 'шест',
  7: 'седьм',
  8: 'восьм',
  9: 'девят',
  10: 'десят',
  11: 'одиннадцат',
  12: 'двенадцат',
  13: 'тринадцат',
  14: 'четырнадцат',
  15: 'пятнадцат',
  16: 'шестнадцат',
  17: 'семнадцат',
  18: 'восемнадцат',
  19: 'девятнадцат',
  20: 'двадцат',
  30: 'тридцат',
});
const englishOrdinals = spelling({
  1: 'first',
  2: 'second',
  3: 'third',
  4: 'fourth',
  5: 'fifth',
  6: 'sixth',
  7: 'seventh',
  8: 'eighth',
  9: 'ninth',
  10: 'tenth',
  11: 'eleventh',
  12: 'twelfth',
  13: 'thirteenth',
  14: 'fourteenth',
  15: 'fifteenth',
  16: 'sixteenth',
  17: 'seventeenth',
  18: 'eighteenth',
  19: 'nineteenth',
  20: 'twentieth',
  30: 'thirtieth',
});

/** `15`, `пятнадцати`, `двадцать пять`. */
export function numberAt(words: readonly string[], at: number): Read<number> | null {
  const word = words[at] ?? '';
  if (/^\d{1,3}$/.test(word)) return { value: Number(word), end: at + 1 };
  const value = cardinals.get(word);
  if (value === undefined) return null;
  const unit = value >= 20 ? cardinals.get(words[at + 1] ?? '') : undefined;
  return unit !== undefined && unit > 0 && unit < 10 ? { value: value + unit, end: at + 2 } : { value, end: at + 1 };
}

/** A day of a month: `5-го`, `5th`, `пятого`, `двадцать пятое`, `twenty first`. `isDate` is false for a form that may number a thing (`первое`). */
export function ordinalAt(words: readonly string[], at: number): Read<{ day: number; isDate: boolean }> | null {
  const word = words[at] ?? '';
  const digits = /^(\d{1,2})-?(го|ого|е|ое|му|ому|st|nd|rd|th)$/.exec(word);
  if (digits) return { value: { day: Number(digits[1]), isDate: /о$|у$/.test(digits[2] ?? '') }, end: at + 1 };
  const tens = word === 'двадцать' || word === 'twenty' ? 20 : word === 'тридцать' || word === 'thirty' ? 30 : 0;
  const last = singleOrdinal(words[at + (tens > 0 ? 1 : 0)] ?? '');
  if (last === null || (tens > 0 && last.day > 9)) return null;
  return { value: { day: tens + last.day, isDate: last.isDate }, end: at + (tens > 0 ? 2 : 1) };
}
function singleOrdinal(word: string): { day: number; isDate: boolean } | null {
  const english = englishOrdinals.get(word);
  if (english !== undefined) return { day: english, isDate: false };
  const [, stem = '', ending = ''] = /^(треть|\p{L}+?)(ого|его|ому|ему|ое|е)$/u.exec(word) ?? [];
  const day = ordinalStems.get(stem);
  if (day === undefined || (ending === 'е') !== (stem === 'треть' && !/го$|му$/.test(ending))) return null;
  return { day, isDate: ending !== 'ое' && ending !== 'е' };
}
/** The hour that `седьмого` names in `половина седьмого`. */
export function hourOrdinal(word: string): number | null {
  const read = singleOrdinal(word);
  return read?.isDate && read.day <= 12 ? read.day : null;
}

const endings = (stem: string, list: string) => list.split(' ').map((ending) => (ending === '-' ? stem : stem + ending));
const forms = (lists: readonly (readonly string[])[]): ReadonlyMap<string, number> =>
  new Map(lists.flatMap((words, index) => words.map((word) => [word, index + 1] as const)));

const weekdays = forms([
  [...endings('понедельник', '- а у ом е и ам'), 'пн', 'понед', 'monday', 'mondays', 'mon'],
  [...endings('вторник', '- а у ом е и ам'), 'вт', 'tuesday', 'tuesdays', 'tue', 'tues'],
  [...endings('сред', 'а ы е у ой ам'), 'ср', 'wednesday', 'wednesdays', 'wed'],
  [...endings('четверг', '- а у ом е и ам'), 'чт', 'thursday', 'thursdays', 'thu', 'thur', 'thurs'],
  [...endings('пятниц', 'а ы е у ей ам'), 'пт', 'friday', 'fridays', 'fri'],
  [...endings('суббот', 'а ы е у ой ам'), 'сб', 'saturday', 'saturdays', 'sat'],
  [...endings('воскресень', 'е я ю ем ям'), ...endings('воскресени', 'е я ю'), 'вс', 'sunday', 'sundays', 'sun'],
]);
const months = forms([
  [...endings('январ', 'ь я ю е ем'), 'янв', 'january', 'jan'],
  [...endings('феврал', 'ь я ю е ем'), 'фев', 'февр', 'february', 'feb'],
  [...endings('март', '- а у е ом'), 'мар', 'march', 'mar'],
  [...endings('апрел', 'ь я ю е ем'), 'апр', 'april', 'apr'],
  ['май', 'мая', 'маю', 'мае', 'may'],
  [...endings('июн', 'ь я ю е ем'), 'june', 'jun'],
  [...endings('июл', 'ь я ю е ем'), 'july', 'jul'],
  [...endings('август', '- а у е ом'), 'авг', 'august', 'aug'],
  [...endings('сентябр', 'ь я ю е ем'), 'сен', 'сент', 'september', 'sep', 'sept'],
  [...endings('октябр', 'ь я ю е ем'), 'окт', 'october', 'oct'],
  [...endings('ноябр', 'ь я ю е ем'), 'ноя', 'нояб', 'november', 'nov'],
  [...endings('декабр', 'ь я ю е ем'), 'дек', 'december', 'dec'],
]);
const near = new Map([
  ['сегодня', 0],
  ['today', 0],
  ['завтра', 1],
  ['tomorrow', 1],
  ['послезавтра', 2],
]);
/** Words of their own, one letter away from one of the above. */
const others = new Set(
  'среди следа следу следы среза срезу вреда вреду бреда бреду треда треду средь серед сдеру четверо четверти завтрак'.split(' '),
);

/** 1 for Monday to 7 for Sunday. Two, where one wrong letter lets both be meant (`thuesday`). */
export const weekdaysOf = (word: string): readonly number[] => likely(weekdays, word, 5);
/** 1 to 12. */
export const monthsOf = (word: string): readonly number[] => likely(months, word, 6);
export const exactMonth = (word: string): number | undefined => months.get(word);
/** Days from today on. */
export const nearDayOf = (word: string): number | undefined => likely(near, word, 5)[0];

/** @param shortest form that may hold a wrong letter */
function likely(known: ReadonlyMap<string, number>, word: string, shortest: number): readonly number[] {
  const exact = known.get(word);
  if (exact !== undefined) return [exact];
  if (word.length < shortest - 1 || others.has(word) || isKnown(word)) return [];
  const values = [...known].filter(([form]) => form.length >= shortest && isOneEditAway(form, word)).map(([, value]) => value);
  return [...new Set(values)];
}
const isKnown = (word: string) => weekdays.has(word) || months.has(word) || near.has(word) || cardinals.has(word);

/** One letter more, less or other, or two neighbours swapped. */
export function isOneEditAway(one: string, two: string): boolean {
  if (Math.abs(one.length - two.length) > 1 || one === two) return false;
  let at = 0;
  while (one[at] === two[at]) at++;
  const [restOne, restTwo] = [one.slice(at), two.slice(at)];
  return (
    restOne.slice(1) === restTwo.slice(1) ||
    restOne.slice(1) === restTwo ||
    restOne === restTwo.slice(1) ||
    (restOne[0] === restTwo[1] && restOne[1] === restTwo[0] && restOne.slice(2) === restTwo.slice(2))
  );
}
