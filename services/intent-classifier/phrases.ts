/**
 * Phrases of the patterns table: consecutive words, `word*` for any ending, `…` for up to five other words, a leading `=` for the
 * whole message. No regular expressions: whatever operators write, a message costs at most its words × the parts of the phrase.
 */
import { wordsOf } from './features.ts';

/** True when the words contain the phrase. */
export type Phrase = (words: readonly string[]) => boolean;

const widestGap = 5;

/** A bare * or … would match every message, so it matches none. */
export const holdsWord = (written: string): boolean => wordsOf(written).length > 0;

export function phrase(written: string): Phrase {
  if (!holdsWord(written)) return () => false;
  const isWhole = written.trimStart().startsWith('=');
  const parts = written
    .replaceAll('…', ' … ')
    .replaceAll('...', ' … ')
    .split(/\s+/)
    .flatMap((part) => (part === '…' ? [gap] : wordParts(part)));
  return (words) => {
    const end = 1n << BigInt(words.length);
    let starts = isWhole ? 1n : end - 1n;
    for (const part of parts) {
      if (starts === 0n) return false;
      starts = part(words, starts);
    }
    return (isWhole ? starts & end : starts) !== 0n;
  };
}

/** From the positions where a part may begin, one bit each, to those where the next part may begin. */
type Part = (words: readonly string[], starts: bigint) => bigint;

const gap: Part = (_, starts) => {
  let reached = starts;
  for (let skipped = 1; skipped <= widestGap; skipped += 1) reached |= starts << BigInt(skipped);
  return reached;
};

function wordParts(written: string): readonly Part[] {
  const found = wordsOf(written);
  return found.map((word, index) => {
    const isBeginning = index === found.length - 1 && written.endsWith('*');
    return (words, starts) => {
      let next = 0n;
      words.forEach((given, at) => {
        if (isBeginning ? given.startsWith(word) : given === word) next |= 1n << BigInt(at + 1);
      });
      return next & (starts << 1n);
    };
  });
}
