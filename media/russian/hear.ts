/** Phone numbers in a transcript of Russian speech. */

const listed = (words: string, from: number, step = 1): readonly (readonly [string, number])[] =>
  words.split(' ').flatMap((forms, nth) => forms.split('/').map((form) => [form, from + nth * step] as const));
const values = new Map([
  ...listed(
    'ноль/нуль/нолик/ноля один/одна/раз/единица/единичка два/две/двойка/двоечка три/тройка/троечка четыре/четверка пять/пятерка/пятерочка шесть/шестерка семь/семерка восемь/восьмерка девять/девятка',
    0,
  ),
  ...listed('десять одиннадцать двенадцать тринадцать четырнадцать пятнадцать шестнадцать семнадцать восемнадцать девятнадцать', 10),
  ...listed('двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто', 20, 10),
  ...listed('сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот', 100, 100),
]);
/** Behind a count: `два нуля`, `три семёрки`. */
const repeated = new Map(
  listed(
    'нуля/нулей/ноля/нолика единицы/единички двойки/двоек тройки/троек четверки/четверок пятерки/пятерок шестерки/шестерок семерки/семерок восьмерки/восьмерок девятки/девяток',
    0,
  ),
);
const fillers = /^(?:э+|эм+|м+|ну|так|дальше|далее|потом|затем|тире|дефис)$/;

interface Word {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}
interface Group {
  readonly digits: string;
  /** The index of the following word. */
  readonly end: number;
}
/** Whether digits begin a phone: with the country's digit; a mobile number also without it. */
const isBegun = (digits: string): boolean => /^[78]\d/.test(digits) || /^9\d/.test(digits);
const wholeLength = (digits: string): number => (digits.startsWith('9') ? 10 : 11);
/** Fewer digits may be a price or a time. */
const fewest = 4;

/**
 * Writes the phone numbers of a text as digits, `+79991234567`, however they are grouped: `восемь девятьсот девяносто девять…`, `плюс
 * семь…`, `два нуля`, with words and pauses between. Other numbers stay words.
 */
export function hearPhones(text: string): string {
  const words = wordsOf(text);
  let heard = '';
  let from = 0;
  for (let at = 0; at < words.length; ) {
    const found = phoneAt(words, at);
    if (found === null || found.digits.length !== wholeLength(found.digits)) {
      at += 1;
      continue;
    }
    const [first, last] = [words[at] as Word, words[found.end - 1] as Word];
    heard += `${text.slice(from, first.from)}+7${found.digits.slice(-10)}`;
    from = last.to;
    at = found.end;
  }
  return heard + text.slice(from);
}
/** Whether the text ends in the middle of a phone number. */
export function isPhoneUnderWay(text: string): boolean {
  const words = wordsOf(hearPhones(text));
  return words.some((_, at) => {
    const found = phoneAt(words, at);
    return found?.end === words.length && found.digits.length >= fewest && found.digits.length < wholeLength(found.digits);
  });
}

function wordsOf(text: string): readonly Word[] {
  return [...text.matchAll(/\p{L}+|\d+|\+/gu)].map(({ 0: word, index }) => ({
    text: word.toLowerCase().replaceAll('ё', 'е'),
    from: index,
    to: index + word.length,
  }));
}
/**
 * The digits of a phone that begins at this word, up to its full length; null if none begins. At least one of its numbers must be in words.
 */
function phoneAt(words: readonly Word[], start: number): Group | null {
  const isPlus = /^(?:плюс|\+)$/.test(words[start]?.text ?? '');
  let digits = '';
  let end = isPlus ? start + 1 : start;
  let isSpoken = false;
  for (let at = end; digits === '' || digits.length < wholeLength(digits); ) {
    if (digits !== '' && fillers.test(words[at]?.text ?? '')) {
      at += 1;
      continue;
    }
    const group = groupAt(words, at);
    if (group === null) break;
    isSpoken ||= !/^\d/.test(words[at]?.text ?? '');
    digits += group.digits;
    [end, at] = [group.end, group.end];
  }
  const isOne = isBegun(digits) && digits.length <= wholeLength(digits) && (!isPlus || digits.startsWith('7'));
  return isSpoken && isOne ? { digits, end } : null;
}
/** `сто двадцать три` is 123, `ноль` 0, `два нуля` 00, `двенадцать` 12. */
function groupAt(words: readonly Word[], at: number): Group | null {
  const word = words[at]?.text ?? '';
  if (/^\d{1,11}$/.test(word)) return { digits: word, end: at + 1 };
  const value = values.get(word);
  if (value === undefined) return null;
  const digit = repeated.get(words[at + 1]?.text ?? '');
  if (digit !== undefined && value >= 2 && value <= 4) return { digits: String(digit).repeat(value), end: at + 2 };
  let [total, end] = [value, at + 1];
  for (let rest = room(value); rest > 1; ) {
    const next = values.get(words[end]?.text ?? '');
    if (next === undefined || next === 0 || next >= rest) break;
    // «Двадцать два нуля» is 20 and 00.
    if (repeated.has(words[end + 1]?.text ?? '')) break;
    total += next;
    end += 1;
    rest = room(next);
  }
  return { digits: String(total), end };
}
/** The limit of values that may follow in the same number. */
const room = (value: number): number => (value >= 100 ? 100 : value >= 20 ? 10 : 0);
