/** The text around a written form, and the case and gender that follow from it. */
import type { Case, Gender } from './words.ts';

export interface Context {
  readonly before: string;
  readonly after: string;
}
/** Returns the matched text in words; null if the rule does not apply. */
export interface Rule {
  readonly pattern: RegExp;
  readonly say: (groups: readonly string[], context: Context) => string | null;
}

const governed: readonly (readonly [Case, string])[] = [
  ['genitive', 'от до с со из без для у около после более менее больше меньше свыше порядка кроме вместо раньше позже ранее позднее не'],
  ['dative', 'к ко'],
  ['accusative', 'в во на через за'],
  ['instrumental', 'между перед над под'],
  ['prepositional', 'о об при'],
];
const caseOfWord = new Map(
  governed.flatMap(([grammaticalCase, words]) => words.split(' ').map((word) => [word, grammaticalCase] as const)),
);
const approximate = /^(?:примерно|приблизительно|где-то)$/u;

/** The preceding word in lower case; empty if a sign comes between. */
export function wordBefore({ before }: Context): string {
  const words = /(?:([\p{L}-]+)\s+)?([\p{L}-]+)\s+$/u.exec(before.toLowerCase());
  return words === null ? '' : approximate.test(words[2] ?? '') ? (words[1] ?? '') : (words[2] ?? '');
}
/** The case required by the preceding preposition; null without one. */
export const caseBefore = (context: Context): Case | null => caseOfWord.get(wordBefore(context)) ?? null;

/** The next word, if only a space is between; in lower case. */
export const wordAfter = ({ after }: Context): string => /^\s(\p{L}+)/u.exec(after.toLowerCase())?.[1] ?? '';

const oblique: readonly (readonly [Case, RegExp])[] = [
  ['instrumental', /(?:ами|ями|ьми)$/],
  ['dative', /(?:ам|ям)$/],
  ['prepositional', /(?:ах|ях)$/],
];
const endsAlike = /^(?:сами|нами|вами|там|нам|вам)$/;
/** The case of a number before a written-out word. */
export function caseBeside(word: string, context: Context): Case {
  const ofWord = word.length < 4 || endsAlike.test(word) ? undefined : oblique.find(([, ending]) => ending.test(word))?.[0];
  return ofWord ?? caseBefore(context) ?? 'nominative';
}

const feminineSoft = /(?:[сзщч]ть|чь|щь|сь|знь|вь|бь|площадь|очередь)$/;
const noNoun = /^(?:или|ночи|либо|руки|ноги)$/;
/** The gender of a number before a written-out word, by the form that the number gives the word: `21 минута`, `2 услуги`, `1 окно`. */
export function genderBeside(n: number, word: string): Gender {
  if (word.length < 4 || noNoun.test(word)) return 'm';
  if (n % 100 !== 11 && n % 10 === 1) return /[аяую]$/.test(word) || feminineSoft.test(word) ? 'f' : /[ое]$/.test(word) ? 'n' : 'm';
  return /[ыи]$|[ыи]е$/.test(word) ? 'f' : 'm';
}
