/** Numbers, money, shares and measures. */
import { type Context, caseBefore, caseBeside, genderBeside, type Rule, wordAfter, wordBefore } from './context.ts';
import { type Case, cardinal, counted, type Gender, type Noun, nouns, ordinal } from './words.ts';

/** `2 500`, `2500`, `2,5`; two groups: the whole part and the digits behind the comma. */
const numeral = String.raw`(\d{1,3}(?:[ \u00a0\u202f]\d{3}){1,4}(?!\d)|\d{1,12}(?!\d))(?:,(\d{1,3})(?!\d))?`;
const scales: Readonly<Record<string, Noun>> = { тыс: nouns.thousand, млн: nouns.million, млрд: nouns.billion };
const scale = String.raw`(?:\s?(тыс|млн|млрд)\.?)?`;

const units: readonly (readonly [pattern: string, noun: Noun, part?: Noun])[] = [
  [String.raw`₽|руб\.?|р\.`, nouns.rouble, nouns.kopeck],
  ['коп\\.?', nouns.kopeck],
  [String.raw`\$|USD`, nouns.dollar, nouns.cent],
  ['€|EUR', nouns.euro, nouns.cent],
  ['₸', nouns.tenge],
  ['%', nouns.percent],
  ['°[CС]?', nouns.degree],
  ['ч\\.?', nouns.hour],
  ['мин\\.?', nouns.minute],
  ['сек\\.?', nouns.second],
  ['мес\\.?', nouns.month],
  ['чел\\.?', nouns.person],
  ['шт\\.?', nouns.piece],
  ['кг', nouns.kilogram],
  ['гр?', nouns.gram],
  ['км', nouns.kilometre],
  ['см', nouns.centimetre],
  ['м', nouns.metre],
];
const unit = String.raw`\s?(${units.map(([pattern]) => pattern).join('|')})(?![\p{L}\d])`;
const known = units.map(([pattern, noun, part]) => ({ like: new RegExp(`^(?:${pattern})$`, 'u'), noun, part }));
const unitOf = (written: string) => known.find(({ like }) => like.test(written));
const dash = String.raw`\s?[–—-]\s?`;

const wholeOf = (digits: string): number => Number(digits.replace(/\D/g, ''));

/** A number with its noun. @param decimals digits behind the comma */
function amount(
  {
    whole,
    decimals,
    scaledBy,
    noun,
    part,
  }: { whole: number; decimals: string; scaledBy: Noun | undefined; noun: Noun; part?: Noun | undefined },
  grammaticalCase: Case,
): string {
  if (scaledBy !== undefined) {
    const many = noun.plural.genitive;
    return `${amount({ whole, decimals, scaledBy: undefined, noun: scaledBy }, grammaticalCase)} ${many}`;
  }
  if (decimals === '') return `${cardinal(whole, { grammaticalCase, gender: noun.gender })} ${counted(whole, noun, grammaticalCase)}`;
  if (part !== undefined && decimals.length === 2) {
    const rest = Number(decimals);
    const main = amount({ whole, decimals: '', scaledBy, noun }, grammaticalCase);
    return rest === 0 ? main : `${main} ${amount({ whole: rest, decimals: '', scaledBy, noun: part }, grammaticalCase)}`;
  }
  return fraction(whole, decimals, { grammaticalCase, noun });
}
/** `полтора`, `два с половиной`, `три целых семь десятых`. */
function fraction(
  whole: number,
  decimals: string,
  { grammaticalCase, noun }: { readonly grammaticalCase: Case; readonly noun: Noun | null },
): string {
  const isDirect = grammaticalCase === 'nominative' || grammaticalCase === 'accusative';
  if (decimals === '5' && noun !== null && whole > 0) {
    const name = isDirect ? noun.singular.genitive : noun.plural[grammaticalCase];
    if (whole === 1) return `${isDirect ? (noun.gender === 'f' ? 'полторы' : 'полтора') : 'полутора'} ${name}`;
    return `${cardinal(whole, { grammaticalCase, gender: noun.gender })} с половиной ${name}`;
  }
  const share = ['десят', 'сот', 'тысячн'][decimals.length - 1] ?? '';
  const rest = Number(decimals);
  const ending = (n: number) => (n % 10 === 1 && n % 100 !== 11 ? 'ая' : 'ых');
  const words = `${cardinal(whole, { gender: 'f' })} цел${ending(whole)} ${cardinal(rest, { gender: 'f' })} ${share}${ending(rest)}`;
  return noun === null ? words : `${words} ${noun.singular.genitive}`;
}

const isIn = (context: Context, words: RegExp): boolean => words.test(wordBefore(context));
/** `от пяти до семи`; the preposition may be written already. */
const fromTo = (from: string, to: string, context: Context): string => `${isIn(context, /^(?:от|со?)$/) ? '' : 'от '}${from} до ${to}`;
/** «По 500 рублей» leaves the number in the nominative. */
const caseOfAmount = (context: Context): Case => caseBefore(context) ?? 'nominative';

/** A dash inside a text joins. */
const isSign = (sign: string, { before }: Context): boolean => sign === '' || /(?:^|\s)$/.test(before);
const minus = (sign: string): string => (sign === '' ? '' : 'минус ');

const unitRange: Rule = {
  pattern: new RegExp(`${numeral}${dash}${numeral}${scale}${unit}`, 'yu'),
  say([from = '', fromDecimals = '', to = '', toDecimals = '', scaled = '', written = ''], context) {
    const found = unitOf(written);
    if (found === undefined) return null;
    const [noun, scaledBy] = [found.noun, scales[scaled]];
    const first =
      fromDecimals === ''
        ? cardinal(wholeOf(from), { grammaticalCase: 'genitive', gender: (scaledBy ?? noun).gender })
        : fraction(wholeOf(from), fromDecimals, { grammaticalCase: 'genitive', noun: null });
    const last = amount({ whole: wholeOf(to), decimals: toDecimals, scaledBy, noun, part: found.part }, 'genitive');
    return fromTo(first, last, context);
  },
};
const measured: Rule = {
  pattern: new RegExp(`([−-])?${numeral}${scale}${unit}`, 'yu'),
  say([sign = '', whole = '', decimals = '', scaled = '', written = ''], context) {
    const found = unitOf(written);
    if (found === undefined || !isSign(sign, context)) return null;
    const { noun, part } = found;
    return minus(sign) + amount({ whole: wholeOf(whole), decimals, scaledBy: scales[scaled], noun, part }, caseOfAmount(context));
  },
};
const signFirst: Rule = {
  pattern: new RegExp(String.raw`([$€₽])\s?${numeral}${scale}`, 'yu'),
  say([sign = '', whole = '', decimals = '', scaled = ''], context) {
    const found = unitOf(sign);
    if (found === undefined) return null;
    const { noun, part } = found;
    return amount({ whole: wholeOf(whole), decimals, scaledBy: scales[scaled], noun, part }, caseOfAmount(context));
  },
};
const range: Rule = {
  pattern: new RegExp(`${numeral}${dash}${numeral}(?!\\p{L})`, 'yu'),
  say([from = '', fromDecimals = '', to = '', toDecimals = ''], context) {
    if (fromDecimals !== '' || toDecimals !== '') return null;
    const [first, last] = [wholeOf(from), wholeOf(to)];
    // `в 18-30` is a time.
    if (isIn(context, /^(?:в|к)$/) && first < 24 && /^[0-5]\d$/.test(to) && wordAfter(context) === '')
      return `${cardinal(first)} ${twoDigits(to)}`;
    const word = wordAfter(context);
    if (word === '')
      return fromTo(cardinal(first, { grammaticalCase: 'genitive' }), cardinal(last, { grammaticalCase: 'genitive' }), context);
    // «Два-три дня»: the word has the form required by the last number.
    const inflection = { grammaticalCase: caseBeside(word, context), gender: genderBeside(last, word) };
    return `${cardinal(first, inflection)}-${cardinal(last, inflection)}`;
  },
};
/** Minutes behind an hour. */
export const twoDigits = (digits: string, grammaticalCase: Case = 'nominative'): string =>
  digits === '00'
    ? 'ноль-ноль'
    : `${digits.startsWith('0') ? `${cardinal(0, { grammaticalCase })} ` : ''}${cardinal(Number(digits), { grammaticalCase, gender: 'f' })}`;

/** `0423`, and numbers with too many digits. */
const code: Rule = { pattern: /(0\d{1,39}|\d{13,40})(?!,?\d|\p{L})/uy, say: ([digits = '']) => inDigits(digits) };
export const inDigits = (digits: string): string => [...digits].map((digit) => cardinal(Number(digit))).join(' ');

const isOne = (n: number): boolean => n % 10 === 1 && n % 100 !== 11;
const plain: Rule = {
  pattern: new RegExp(`([−-])?${numeral}${scale}(?:/(\\d{1,4})(?!\\d))?(?![.:]\\d|\\p{L})`, 'yu'),
  say([sign = '', whole = '', decimals = '', scaled = '', under = ''], context) {
    if (!isSign(sign, context)) return null;
    const n = wholeOf(whole);
    const [word, scaledBy] = [wordAfter(context), scales[scaled]];
    if (scaledBy !== undefined)
      return `${minus(sign)}${amount({ whole: n, decimals, scaledBy: undefined, noun: scaledBy }, caseOfAmount(context))}`;
    if (under !== '') return `${cardinal(n)} дробь ${cardinal(Number(under))}`;
    const grammaticalCase = isOne(n) && /[ую]$/.test(word) ? 'accusative' : caseBeside(word, context);
    if (decimals === '') return `${minus(sign)}${cardinal(n, { grammaticalCase, gender: genderBeside(n, word) })}`;
    if (decimals === '5' && n > 0 && word !== '') {
      const isFeminine = /[ыи]$/.test(word);
      if (n === 1) return `${minus(sign)}${isFeminine ? 'полторы' : 'полтора'}`;
      return `${minus(sign)}${cardinal(n, { grammaticalCase, gender: isFeminine ? 'f' : 'm' })} с половиной`;
    }
    return `${minus(sign)}${fraction(n, decimals, { grammaticalCase: 'nominative', noun: null })}`;
  },
};

const suffixes: readonly (readonly [RegExp, Gender | 'plural', Case])[] = [
  [/^(?:й|ый|ой|ий)$/, 'm', 'nominative'],
  [/^(?:я|ая)$/, 'f', 'nominative'],
  [/^(?:ю|ую)$/, 'f', 'accusative'],
  [/^(?:е|ое)$/, 'n', 'nominative'],
  [/^(?:го|ого|его)$/, 'm', 'genitive'],
  [/^(?:му|ому|ему)$/, 'm', 'dative'],
  [/^(?:х|ых)$/, 'plural', 'genitive'],
  [/^(?:м|ым|ом)$/, 'm', 'instrumental'],
];
/** `1-й`, `2-я`, `5-го`, `90-х`. */
const numbered: Rule = {
  pattern: /(\d{1,4})-(й|ый|ой|ий|я|ая|ю|ую|е|ое|го|ого|его|му|ому|ему|х|ых|м|ым|ом)(?!\p{L})/uy,
  say([digits = '', suffix = ''], context) {
    const n = Number(digits);
    if (suffix === 'х' && n >= 2 && n <= 4) return cardinal(n, { grammaticalCase: 'genitive' });
    const [, gender, grammaticalCase] = suffixes.find(([like]) => like.test(suffix)) ?? [];
    if (gender === undefined || grammaticalCase === undefined) return null;
    // `на 2-й линии`: a feminine noun in another case.
    const isFeminine = suffix === 'й' && /[иеы]$/.test(wordAfter(context)) && caseBefore(context) !== null;
    const isPlace = grammaticalCase === 'instrumental' && isIn(context, /^(?:в|на|о)$/);
    return ordinal(
      n,
      isFeminine ? { gender: 'f', grammaticalCase: 'genitive' } : { gender, grammaticalCase: isPlace ? 'prepositional' : grammaticalCase },
    );
  },
};
/** In the order of matching. */
export const amounts: readonly Rule[] = [numbered, unitRange, measured, signFirst, range, code, plain];
