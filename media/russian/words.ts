/** Declension of Russian numerals and the nouns beside them. */

export type Case = 'nominative' | 'genitive' | 'dative' | 'accusative' | 'instrumental' | 'prepositional';
export type Gender = 'm' | 'f' | 'n';

const cases = ['nominative', 'genitive', 'dative', 'accusative', 'instrumental', 'prepositional'] as const;
type Forms = Readonly<Record<Case, string>>;
const formsOf = (words: readonly string[]): Forms => Object.fromEntries(cases.map((each, nth) => [each, words[nth] ?? ''])) as Forms;

const number = (list: string): Forms => formsOf(list.split(' '));
/** Masculine, where there are genders. */
const small: readonly Forms[] = [
  'ноль ноля нолю ноль нолём ноле',
  'один одного одному один одним одном',
  'два двух двум два двумя двух',
  'три трёх трём три тремя трёх',
  'четыре четырёх четырём четыре четырьмя четырёх',
  'пять пяти пяти пять пятью пяти',
  'шесть шести шести шесть шестью шести',
  'семь семи семи семь семью семи',
  'восемь восьми восьми восемь восемью восьми',
  'девять девяти девяти девять девятью девяти',
  ...'десят одиннадцат двенадцат тринадцат четырнадцат пятнадцат шестнадцат семнадцат восемнадцат девятнадцат'
    .split(' ')
    .map((stem) => `${stem}ь ${stem}и ${stem}и ${stem}ь ${stem}ью ${stem}и`),
].map(number);
const feminineOne = number('одна одной одной одну одной одной');
const neuterOne = number('одно одного одному одно одним одном');
const tens: readonly Forms[] = [
  ...['двадцат', 'тридцат'].map((stem) => `${stem}ь ${stem}и ${stem}и ${stem}ь ${stem}ью ${stem}и`),
  'сорок сорока сорока сорок сорока сорока',
  ...['пят', 'шест', 'сем'].map((stem) => `${stem}ьдесят ${stem}идесяти ${stem}идесяти ${stem}ьдесят ${stem}ьюдесятью ${stem}идесяти`),
  'восемьдесят восьмидесяти восьмидесяти восемьдесят восемьюдесятью восьмидесяти',
  'девяносто девяноста девяноста девяносто девяноста девяноста',
].map(number);
const hundreds: readonly Forms[] = [
  'сто ста ста сто ста ста',
  'двести двухсот двумстам двести двумястами двухстах',
  'триста трёхсот трёмстам триста тремястами трёхстах',
  'четыреста четырёхсот четырёмстам четыреста четырьмястами четырёхстах',
  ...['пят', 'шест', 'сем'].map((stem) => `${stem}ьсот ${stem}исот ${stem}истам ${stem}ьсот ${stem}ьюстами ${stem}истах`),
  'восемьсот восьмисот восьмистам восемьсот восемьюстами восьмистах',
  'девятьсот девятисот девятистам девятьсот девятьюстами девятистах',
].map(number);

export interface Inflection {
  readonly grammaticalCase?: Case | undefined;
  readonly gender?: Gender | undefined;
}
/** `две тысячи пятьсот`, `двух`, `одну`. @param n a whole number, 0 to 10¹² */
export function cardinal(n: number, { grammaticalCase = 'nominative', gender = 'm' }: Inflection = {}): string {
  if (n === 0) return small[0]?.[grammaticalCase] ?? '';
  const powers = (
    [
      [1e9, nouns.billion],
      [1e6, nouns.million],
      [1e3, nouns.thousand],
    ] as const
  ).flatMap(([power, noun]) => {
    const count = Math.floor(n / power) % 1_000;
    if (count === 0) return [];
    // «Тысяча пятьсот», not «одна тысяча пятьсот».
    const isAlone = count === 1 && n < 2 * power;
    return [...(isAlone ? [] : below1000(count, grammaticalCase, noun.gender)), counted(count, noun, grammaticalCase)];
  });
  return [...powers, ...below1000(n % 1_000, grammaticalCase, gender)].join(' ');
}
function below1000(n: number, grammaticalCase: Case, gender: Gender): readonly string[] {
  const rest = n % 100;
  const unit = rest < 20 ? rest : rest % 10;
  return [
    hundreds[Math.floor(n / 100) - 1]?.[grammaticalCase],
    rest < 20 ? undefined : tens[Math.floor(rest / 10) - 2]?.[grammaticalCase],
    unit === 0 ? undefined : unitOf(unit, grammaticalCase, gender),
  ].filter((word) => word !== undefined);
}
function unitOf(n: number, grammaticalCase: Case, gender: Gender): string | undefined {
  if (n === 1 && gender !== 'm') return (gender === 'f' ? feminineOne : neuterOne)[grammaticalCase];
  if (n === 2 && gender === 'f' && (grammaticalCase === 'nominative' || grammaticalCase === 'accusative')) return 'две';
  return small[n]?.[grammaticalCase];
}

const stems: Readonly<Record<number, string>> = {
  ...{ 0: 'нулев', 1: 'перв', 2: 'втор', 3: 'трет', 4: 'четвёрт', 5: 'пят', 6: 'шест', 7: 'седьм', 8: 'восьм', 9: 'девят', 10: 'десят' },
  ...{ 11: 'одиннадцат', 12: 'двенадцат', 13: 'тринадцат', 14: 'четырнадцат', 15: 'пятнадцат', 16: 'шестнадцат', 17: 'семнадцат' },
  ...{ 18: 'восемнадцат', 19: 'девятнадцат', 20: 'двадцат', 30: 'тридцат', 40: 'сороков', 50: 'пятидесят', 60: 'шестидесят' },
  ...{ 70: 'семидесят', 80: 'восьмидесят', 90: 'девяност', 100: 'сот', 200: 'двухсот', 300: 'трёхсот', 400: 'четырёхсот' },
  ...{ 500: 'пятисот', 600: 'шестисот', 700: 'семисот', 800: 'восьмисот', 900: 'девятисот', 1000: 'тысячн', 2000: 'двухтысячн' },
};
const endings: Readonly<Record<Gender | 'plural', Forms>> = {
  m: formsOf(['ый', 'ого', 'ому', 'ый', 'ым', 'ом']),
  f: formsOf(['ая', 'ой', 'ой', 'ую', 'ой', 'ой']),
  n: formsOf(['ое', 'ого', 'ому', 'ое', 'ым', 'ом']),
  plural: formsOf(['ые', 'ых', 'ым', 'ые', 'ыми', 'ых']),
};
const endingsOfThird: typeof endings = {
  m: formsOf(['ий', 'ьего', 'ьему', 'ий', 'ьим', 'ьем']),
  f: formsOf(['ья', 'ьей', 'ьей', 'ью', 'ьей', 'ьей']),
  n: formsOf(['ье', 'ьего', 'ьему', 'ье', 'ьим', 'ьем']),
  plural: formsOf(['ьи', 'ьих', 'ьим', 'ьи', 'ьими', 'ьих']),
};
const stressedEnding = /^(?:нулев|втор|шест|седьм|восьм|сороков)$/;

/** `первое`, `двадцать первого`, `две тысячи двадцать шестого`; null for a number that has no short ordinal. @param n below 10,000 */
export function ordinal(
  n: number,
  { grammaticalCase = 'nominative', gender = 'm' }: { readonly grammaticalCase?: Case; readonly gender?: Gender | 'plural' } = {},
): string | null {
  const last = [n % 100 < 20 ? n % 100 : n % 10, n % 100, n % 1_000, n].find((part) => part > 0) ?? 0;
  const stem = stems[last];
  if (stem === undefined) return null;
  const ending = (last === 3 ? endingsOfThird : endings)[gender][grammaticalCase];
  const stressed = ending === 'ый' && stressedEnding.test(stem) ? 'ой' : ending;
  return `${n > last ? `${cardinal(n - last)} ` : ''}${stem}${stressed}`;
}

export interface Noun {
  readonly gender: Gender;
  readonly singular: Forms;
  readonly plural: Forms;
}
const noun = (gender: Gender, stem: string, singular: string, plural: string): Noun => ({
  gender,
  singular: declined(stem, singular),
  plural: declined(stem, plural),
});
/** Endings in the order of the cases; `-` is none, a form with `=` is whole. */
const declined = (stem: string, list: string): Forms =>
  formsOf(list.split(' ').map((ending) => (ending.startsWith('=') ? ending.slice(1) : ending === '-' ? stem : stem + ending)));
const masculine = (stem: string): Noun => noun('m', stem, '- а у - ом е', 'ы ов ам ы ами ах');
const feminine = (stem: string): Noun => noun('f', stem, 'а ы е у ой е', 'ы - ам ы ами ах');
const unchanged = (word: string): Noun => noun('m', word, '- - - - - -', '- - - - - -');

export const nouns = {
  rouble: noun('m', 'рубл', 'ь я ю ь ём е', 'и ей ям и ями ях'),
  kopeck: noun('f', 'копейк', 'а и е у ой е', 'и =копеек ам и ами ах'),
  dollar: masculine('доллар'),
  cent: masculine('цент'),
  euro: unchanged('евро'),
  tenge: unchanged('тенге'),
  percent: masculine('процент'),
  degree: masculine('градус'),
  hour: masculine('час'),
  minute: feminine('минут'),
  second: feminine('секунд'),
  month: noun('m', 'месяц', '- а у - ем е', 'ы ев ам ы ами ах'),
  person: noun('m', 'человек', '- а у - ом е', 'и - ам и ами ах'),
  piece: noun('f', 'штук', 'а и е у ой е', 'и - ам и ами ах'),
  kilogram: masculine('килограмм'),
  gram: masculine('грамм'),
  kilometre: masculine('километр'),
  metre: masculine('метр'),
  centimetre: masculine('сантиметр'),
  thousand: noun('f', 'тысяч', 'а и е у ей е', 'и - ам и ами ах'),
  million: masculine('миллион'),
  billion: masculine('миллиард'),
  street: noun('f', 'улиц', 'а ы е у ей е', 'ы - ам ы ами ах'),
} as const satisfies Readonly<Record<string, Noun>>;

/** The form of a noun beside a number: `рубль`, `рубля`, `рублей`, `рублям`. */
export function counted(n: number, { singular, plural }: Noun, grammaticalCase: Case = 'nominative'): string {
  const isOne = n % 10 === 1 && n % 100 !== 11;
  if (isOne) return singular[grammaticalCase];
  if (grammaticalCase !== 'nominative' && grammaticalCase !== 'accusative') return plural[grammaticalCase];
  const isFew = n % 10 >= 2 && n % 10 <= 4 && (n % 100 < 12 || n % 100 > 14);
  return isFew ? singular.genitive : plural.genitive;
}

/** In the genitive, as in dates; January first. */
export const months = 'января февраля марта апреля мая июня июля августа сентября октября ноября декабря'.split(' ');
/** From Monday. */
export const weekdays: readonly Forms[] = [
  'понедельник понедельника понедельнику понедельник понедельником понедельнике',
  'вторник вторника вторнику вторник вторником вторнике',
  'среда среды среде среду средой среде',
  'четверг четверга четвергу четверг четвергом четверге',
  'пятница пятницы пятнице пятницу пятницей пятнице',
  'суббота субботы субботе субботу субботой субботе',
  'воскресенье воскресенья воскресенью воскресенье воскресеньем воскресенье',
].map((forms) => formsOf(forms.split(' ')));
