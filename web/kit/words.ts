/** Words in two languages, side by side. */
import type { ReadonlySignal } from '@preact/signals';

export const languages = ['ru', 'en'] as const;
export type Language = (typeof languages)[number];
/** Forms of a text with the count `n`: one, few, many, other, as `Intl.PluralRules` names them. */
export type Plural = Readonly<Partial<Record<Intl.LDMLPluralRule, string>>> & { readonly other: string };
/** A text may contain `{name}` for a value. */
export type Word = string | Plural;
export type Words = Readonly<Record<string, readonly [ru: Word, en: Word]>>;
export type Values = Readonly<Record<string, string | number>>;
/** The text of a key in the current language. A component that calls it is drawn again when the language changes. */
export type Translate<W extends Words> = (key: keyof W & string, values?: Values) => string;

export function createTranslator(language: ReadonlySignal<Language>): <W extends Words>(words: W) => Translate<W> {
  return (words) =>
    (key, values = {}) => {
      const pair = words[key];
      if (pair === undefined) return key;
      return translate(pair[language.value === 'ru' ? 0 : 1], values, language.value);
    };
}

function translate(word: Word, values: Values, language: Language): string {
  const form = typeof word === 'string' ? word : (word[pluralRules(language).select(Number(values.n))] ?? word.other);
  return form.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return typeof value === 'number' ? numberFormat(language).format(value) : (value ?? whole);
  });
}

const pluralRules = memo((language) => new Intl.PluralRules(language));
const numberFormat = memo((language) => new Intl.NumberFormat(language));
function memo<T>(make: (language: Language) => T): (language: Language) => T {
  const made = new Map<Language, T>();
  return (language) => {
    const known = made.get(language) ?? make(language);
    made.set(language, known);
    return known;
  };
}
