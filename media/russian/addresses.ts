/** Addresses and other abbreviations. */
import { inDigits } from './amounts.ts';
import { type Context, caseBefore, type Rule, wordBefore } from './context.ts';
import { type Case, cardinal, nouns } from './words.ts';

const places: readonly (readonly [pattern: string, name: string])[] = [
  ['д', 'дом'],
  ['кв', 'квартира'],
  ['корп|к', 'корпус'],
  ['стр', 'строение'],
  ['оф', 'офис'],
  ['эт', 'этаж'],
  ['под', 'подъезд'],
  ['доб', 'добавочный'],
];
/** `д. 5`, `д. 12а`, `корп. 2/1`. */
const numbered: readonly Rule[] = places.map(([pattern, name]) => ({
  pattern: new RegExp(`(?:${pattern})\\.\\s?(\\d{1,5})(?:\\s?([а-я])(?!\\p{L}))?(?:/(\\d{1,4}))?(?!\\d)`, 'yiu'),
  say: ([digits = '', letter = '', under = '']) =>
    `${name} ${houseNumber(digits)}${letter === '' ? '' : ` ${letter}`}${under === '' ? '' : ` дробь ${cardinal(Number(under))}`}`,
}));
const houseNumber = (digits: string): string => (digits.startsWith('0') ? inDigits(digits) : cardinal(Number(digits)));

function caseOfPlace(context: Context): Case {
  const word = wordBefore(context);
  if (word === 'по') return 'dative';
  if (word === 'на' || word === 'в') return 'prepositional';
  return caseBefore(context) ?? 'nominative';
}
const street: Rule = { pattern: /ул\.(?=\s?[\p{Lu}\d])/iuy, say: (_, context) => nouns.street.singular[caseOfPlace(context)] };

/** Before a name. */
const beforeNames: readonly (readonly [string, string])[] = [
  ['пр-т|пр-кт|просп\\.|пр\\.', 'проспект'],
  ['пер\\.', 'переулок'],
  ['пл\\.', 'площадь'],
  ['наб\\.', 'набережная'],
  ['ш\\.', 'шоссе'],
  ['б-р|бул\\.', 'бульвар'],
  ['мкр\\.?', 'микрорайон'],
  ['г\\.', 'город'],
  ['м\\.', 'метро'],
  ['ст\\.', 'станция'],
  ['им\\.', 'имени'],
];
const shortNames: readonly Rule[] = beforeNames.map(([pattern, name]) => ({
  pattern: new RegExp(`(?:${pattern})(?=\\s?«?[\\p{Lu}\\d])`, 'yu'),
  say: () => name,
}));

const others: readonly (readonly [string, string])[] = [
  ['и\\sт\\.\\s?д\\.', 'и так далее'],
  ['и\\sт\\.\\s?п\\.', 'и тому подобное'],
  ['т\\.\\s?е\\.', 'то есть'],
  ['т\\.\\s?к\\.', 'так как'],
  ['тел\\.:?', 'телефон'],
  ['24/7', 'круглосуточно'],
  ['р-н', 'район'],
  ['обл\\.', 'область'],
  ['г-н', 'господин'],
  ['г-жа', 'госпожа'],
  ['№\\s?', 'номер '],
];
const shortWords: readonly Rule[] = others.map(([pattern, name]) => ({
  pattern: new RegExp(`(?:${pattern})(?!\\p{L})`, 'yiu'),
  say: () => name,
}));

/** `И. И. Иванов`: a dot behind an initial ends no sentence. */
const initials: Rule = {
  pattern: /(\p{Lu})\.(?=\s?\p{Lu}(?:\p{Ll}|\.))/uy,
  say: ([letter = ''], { after }) => (after.startsWith(' ') ? letter : `${letter} `),
};

/** In the order of matching. */
export const addresses: readonly Rule[] = [...numbered, street, ...shortNames, ...shortWords, initials];
