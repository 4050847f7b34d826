/** Groups of digits in a transcript of Russian speech: `сто двадцать три` is 123, `два нуля` is 00. */

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
/** Words between the groups of a number. */
export const fillers = /^(?:э+|эм+|м+|ну|так|дальше|далее|потом|затем|тире|дефис)$/;

export interface Word {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}
export interface Group {
  readonly digits: string;
  /** The index of the following word. */
  readonly end: number;
}
/** Whether digits begin a phone: with the country's digit; a mobile number also without it. */
export const isBegun = (digits: string): boolean => /^[78]\d/.test(digits) || /^9\d/.test(digits);
/** Digits of a whole phone that begins so: 11 with the country's digit, else 10. */
export const wholeLength = (digits: string): number => (/^[78]/.test(digits) ? 11 : 10);
/** Fewer digits may be a price or a time. */
export const fewest = 4;

export function wordsOf(text: string): readonly Word[] {
  return [...text.matchAll(/\p{L}+|\d+|\+/gu)].map(({ 0: word, index }) => ({
    text: word.toLowerCase().replaceAll('ё', 'е'),
    from: index,
    to: index + word.length,
  }));
}
/** `сто двадцать три` is 123, `ноль` 0, `два нуля` 00, `двенадцать` 12; null if no number begins at this word. */
export function groupAt(words: readonly Word[], at: number): Group | null {
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
