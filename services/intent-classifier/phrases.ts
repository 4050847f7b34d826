/** Phrases of the patterns table: words that follow one another, `word*` for any ending, `…` for up to five other words. */
import { PolybError } from '../../contracts/errors.ts';
import { wordsOf } from './features.ts';

/** True when the phrase stands in the words. Costs at most words × parts of the phrase, whatever the phrase is. */
export type Phrase = (words: readonly string[]) => boolean;

const widestGap = 5;

/** @throws PolybError invalid_argument when the phrase holds no word. */
export function phrase(written: string): Phrase {
  const parts = written
    .replaceAll('…', ' … ')
    .replaceAll('...', ' … ')
    .split(/\s+/)
    .flatMap((part) => (part === '…' ? [gap] : wordParts(part)));
  if (!parts.some((part) => part !== gap))
    throw new PolybError('invalid_argument', 'A phrase needs a word, e.g. "верн* деньги"; a bare * or … would fit every message.');
  return (words) => {
    let starts: ReadonlySet<number> = new Set(words.keys());
    for (const part of parts) starts = part(words, starts);
    return starts.size > 0;
  };
}

/** From the places where a part may begin to those where the next one may. */
type Part = (words: readonly string[], starts: ReadonlySet<number>) => ReadonlySet<number>;

const gap: Part = (_, starts) =>
  new Set([...starts].flatMap((start) => Array.from({ length: widestGap + 1 }, (_, skipped) => start + skipped)));

function wordParts(written: string): readonly Part[] {
  const found = wordsOf(written);
  return found.map((word, index) => {
    const isBeginning = index === found.length - 1 && written.endsWith('*');
    const fits = (given: string | undefined) => (isBeginning ? given?.startsWith(word) : given === word) ?? false;
    return (words, starts) => new Set([...starts].filter((start) => fits(words[start])).map((start) => start + 1));
  });
}
