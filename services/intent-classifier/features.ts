/**
 * Features of a text for the local model: hashed, so that no word list is stored.
 *
 * - stem: the first five letters of a word; unites most forms of a Russian word
 * - shape: properties independent of the words (question mark, capitals, digits, length)
 */

import { cyrillicOf } from '../../contracts/kit/cyrillic.ts';
import { cuesOf } from './markers.ts';

// Read once: in tests, each access to a global costs more than the multiplication.
const { imul } = Math;

/** Number of buckets for features. */
export const buckets = 1 << 14;
/** Characters after this position change no intent and are skipped. */
export const readChars = 600;

/** Buckets with their weights, each once. The same text gives the same features in the same order. */
export interface Features {
  readonly at: Uint16Array;
  readonly weight: Float64Array;
}

/** Weights of the four groups; each group has length 1 before weighting. Found by cross-validation over scenarios. */
const share = { letters: 1, words: 1, shape: 0.8, cues: 0.6 };

export function featuresOf(text: string): Features {
  const given = text.slice(0, readChars);
  const words = wordsOf(given).map(cyrillicOf);
  const written = words.map(simplified);
  const all = new Map<number, number>();
  add(all, letterGrams(written), share.letters);
  add(all, wordGrams(written), share.words);
  add(all, shapes(given, words), share.shape);
  add(all, cueGrams(words), share.cues);
  return { at: Uint16Array.from(all.keys()), weight: Float64Array.from(all.values()) };
}

/** Letters that Latin spelling and haste omit or confuse. */
const simplified = (word: string): string => word.replace(/[ьъ]/g, '').replaceAll('э', 'е').replaceAll('й', 'и').replaceAll('ы', 'и');

/** Lower-case words with ё as е; each run of digits is 0, each link is `url`, a letter repeated for emphasis occurs twice. */
export function wordsOf(text: string): readonly string[] {
  const plain = text
    .toLowerCase()
    .replaceAll('ё', 'е')
    .replace(/https?:\/\/\S+|www\.\S+|\bt\.me\/\S+/g, ' url ')
    .replace(/\d+/g, '0')
    .replace(/(\p{L})\1{2,}/gu, '$1$1');
  return plain.match(/[\p{L}\p{N}]+/gu) ?? [];
}

function letterGrams(words: readonly string[]): Set<number> {
  const found = new Set<number>();
  for (const word of words) {
    const padded = `_${word}_`;
    for (let length = 3; length <= 5; length += 1)
      for (let start = 0; start + length <= padded.length; start += 1) found.add(bucketOf('c', padded, start, start + length));
  }
  return found;
}

function wordGrams(words: readonly string[]): Set<number> {
  const found = new Set<number>();
  const stems = words.map((word) => word.slice(0, 5));
  const put = (kind: string, what: string) => found.add(bucketOf(kind, what, 0, what.length));
  words.forEach((word, index) => {
    put('w', word);
    put('s', stems[index] ?? '');
    put('b', `${stems[index - 1] ?? '^'} ${stems[index]}`);
    if (index > 1) put('k', `${stems[index - 2]} * ${stems[index]}`);
  });
  put('f', stems[0] ?? '');
  put('l', stems.at(-1) ?? '');
  return found;
}

/** The markers, and pairs of consecutive ones. */
function cueGrams(words: readonly string[]): Set<number> {
  const found = new Set<number>();
  const put = (what: string) => found.add(bucketOf('q', what, 0, what.length));
  let before = '^';
  for (const word of words)
    for (const cue of cuesOf(word)) {
      put(cue);
      put(`${before} ${cue}`);
      before = cue;
    }
  put(`last ${before}`);
  return found;
}

function shapes(text: string, words: readonly string[]): Set<number> {
  const marks = (text.match(/!/g) ?? []).length;
  const emoji = (text.match(/\p{Extended_Pictographic}/gu) ?? []).length;
  const capitals = (text.match(/\p{Lu}{3,}/gu) ?? []).length;
  const sentences = text.split(/[.!?…]+\s+\p{Lu}/u).length;
  const told = [
    `words ${Math.ceil(Math.log2(words.length + 1))}`,
    `asks ${/\?\s*$/.test(text) ? 'at the end' : text.includes('?')}`,
    `calls ${Math.min(marks, 3)}`,
    `emoji ${Math.min(emoji, 2)}`,
    `capitals ${Math.min(capitals, 2)}`,
    `sentences ${Math.min(sentences, 3)}`,
    `digits ${/\d/.test(text)}`,
    `percent ${/\d\s?%/.test(text)}`,
    `money ${/\d\s?(₽|руб|р\b)/i.test(text)}`,
    `clock ${/\d[:.]\d\d/.test(text)}`,
    `begins ${/^\p{Lu}/u.test(text) ? 'large' : 'small'}`,
    `ends ${/[.!?)]\s*$/.exec(text)?.[0].trim() ?? 'bare'}`,
    `no words ${words.length === 0}`,
  ];
  return new Set(told.map((one) => bucketOf('x', one, 0, one.length)));
}

function add(all: Map<number, number>, found: Set<number>, weight: number): void {
  const each = weight / Math.sqrt(Math.max(1, found.size));
  for (const bucket of found) all.set(bucket, (all.get(bucket) ?? 0) + each);
}

/** FNV-1a over the kind and the characters from `start` to `end`. */
function bucketOf(kind: string, text: string, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ kind.charCodeAt(0);
  hash = imul(hash, 0x01000193);
  for (let index = start; index < end; index += 1) hash = imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash ^ (hash >>> 15)) & (buckets - 1);
}
