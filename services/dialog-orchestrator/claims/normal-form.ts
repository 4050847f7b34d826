/**
 * The form in which texts are compared: lower case without invisible characters, look-alike letters, markup and ё.
 *
 * - sentence: ends with . ! ? … ; or a line break
 * - part: of a sentence, between commas, colons, dashes and brackets
 * - clause: of a part, between conjunctions
 */
import { cyrillicOf } from '../../../contracts/kit/cyrillic.ts';

export interface Part {
  /** Words separated by one space. */
  readonly words: string;
  readonly clauses: readonly string[];
}
export interface Sentence {
  /** As written, without invisible characters. */
  readonly text: string;
  /** In normal form, with its digits and signs. */
  readonly plain: string;
  readonly isQuestion: boolean;
  readonly parts: readonly Part[];
}

/** Controls, formats and marks that do not show, or only change how a letter looks. */
const invisible = /[\p{Cf}\p{Mn}\p{Me}\u115f\u1160\u3164\uffa0]|(?![\n\t])\p{Cc}/gu;
const markup = /<\/?[a-z!][^<>]{0,500}>|[*~`]+|(?<!\w)_+|_+(?!\w)/giu;

/** What a reader sees. */
export const visible = (text: string): string => text.normalize('NFKC').replace(invisible, '');

export function sentencesOf(text: string): readonly Sentence[] {
  const pieces = joinSpacedLetters(visible(text).replace(markup, ''))
    .split(/(?<=[!?…;]+[)"»]*)(?=\s|[^\s!?…;)"».])|(?<=\.[)"»]*)(?=\s)|(?<=\p{L}\.)(?=\p{Lu}\p{L})|\n+/u)
    .map((piece) => piece.trim());
  return pieces.flatMap((piece): Sentence[] => {
    const plain = plainOf(piece);
    return /[\p{L}\p{N}]/u.test(plain)
      ? [{ text: piece, plain, isQuestion: /\?[)!?."»\s\p{S}]*$/u.test(piece), parts: partsOf(plain) }]
      : [];
  });
}

const alike = new Map([...'aAaeEopcxykmthbBHKMTn3046'].map((from, index) => [from, [...'аАаеЕорсхукмтнвВНКМТпзочб'][index] ?? from]));

/** Lower case, е for ё, Cyrillic letters for Latin ones and digits that replace them within a word, no letter thrice. */
export function plainOf(text: string): string {
  return visible(text)
    .replace(/[\p{L}\p{N}]+/gu, (word) => (isDisguised(word) ? [...word].map((each) => alike.get(each) ?? each).join('') : word))
    .toLowerCase()
    .replaceAll('ё', 'е')
    .replaceAll('’', "'")
    .replace(/(\p{L})\1{2,}/gu, '$1');
}

/** Cyrillic with Latin letters in it, or with a digit in the place of a letter. */
function isDisguised(word: string): boolean {
  if (!/\p{Script=Cyrillic}/u.test(word)) return false;
  return /\p{Script=Latin}/u.test(word) || /^(?:\p{L}*[3046]\p{L}{5,}|\p{L}{5,}[3046]\p{L}*)$/u.test(word);
}

/** `з а п и с а л а` becomes one word; «я» before it stays apart. */
const joinSpacedLetters = (text: string): string =>
  text.replace(/(?<![\p{L}\p{N}])(?:\p{L}[ .·_-]){3,}\p{L}(?![\p{L}\p{N}])/gu, (run) =>
    run.replace(/[^\p{L}]/gu, '').replace(/^я/iu, '$& '),
  );

const conjunctions = /\s(?=(?:и|а|но|что|чтобы|если|когда|пока|потому|поэтому|or|and|but|so|that|if|when|once)\s)/u;
function partsOf(plain: string): readonly Part[] {
  return plain
    .split(/,(?!\d)|:(?!\d)|[()"«»]|\s[-–—]+\s|[–—]{1,2}(?!\d)/u)
    .map((part) => claimWords(part).join(' '))
    .filter((words) => words !== '')
    .map((words) => ({ words, clauses: words.split(conjunctions) }));
}

export const claimWords = (plain: string): readonly string[] => plain.match(/[\p{L}\p{N}]+(?:['-][\p{L}\p{N}]+)*/gu) ?? [];

/** The same clause, with Russian words that are typed in Latin letters as Cyrillic. */
export const cyrillicClause = (clause: string): string => (/[a-z]/.test(clause) ? cyrillicOf(clause) : clause);
