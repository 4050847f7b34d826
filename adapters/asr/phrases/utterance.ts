/** An utterance, the speech between two long pauses: pieces of speech, read as the best-fitting phrases. */

import type { Piece } from '../pieces.ts';
import { samplesMs } from '../times.ts';
import type { Match } from './matcher.ts';

/**
 * Maximum score of a phrase, by its length in ms: short speech resembles a phrase by chance more often. Chosen on phrases and recordings
 * outside the measurements in docs/how-to/hear-and-speak.md.
 */
const [short, long] = [
  { ms: 700, score: 0.62 },
  { ms: 1_600, score: 0.77 },
] as const;
/** Maximum score of a part of an utterance, regardless of its length, because there are many parts. */
const partScore = 0.58;
/** Minimum share of phrases in an utterance: parts of other sentences may resemble a short phrase. */
const leastShare = 0.5;
function isPhrase({ score }: Match, samples: number, isWhole: boolean): boolean {
  if (!isWhole) return score <= partScore;
  const share = Math.min(1, Math.max(0, (samplesMs(samples) - short.ms) / (long.ms - short.ms)));
  return score <= short.score + share * (long.score - short.score);
}
/** The cost of unknown speech, higher than that of a barely fitting phrase. */
const unknownScore = 2 * long.score;
/** A phrase has at most this many pieces, separated by pauses, */
const mostPieces = 3;
/** and this many samples: longer speech is not a phrase and is not compared. */
const longest = 4 * 8_000;

export interface Phrase extends Match {
  readonly from: number;
  readonly to: number;
}

/**
 * The phrases of an utterance, in order. Other speech is skipped; if it is most of the utterance, there are no phrases.
 * @param match the nearest phrase to the speech between two samples
 */
export async function phrasesOf(
  pieces: readonly Piece[],
  match: (from: number, to: number) => Promise<Match | null>,
): Promise<readonly Phrase[]> {
  /** The cheapest reading of the first n pieces, by n. Unknown speech costs more than a barely fitting phrase. */
  const readings: { readonly cost: number; readonly phrases: readonly Phrase[] }[] = [{ cost: 0, phrases: [] }];
  for (const [index, { to }] of pieces.entries()) {
    let best: (typeof readings)[number] | undefined;
    for (let first = index; first >= 0 && first > index - mostPieces; first -= 1) {
      const from = pieces[first]?.from ?? 0;
      const before = readings[first];
      if (before === undefined || (first < index && to - from > longest)) break;
      const found = to - from > longest ? null : await match(from, to);
      const isKnown = found !== null && isPhrase(found, to - from, index - first === pieces.length - 1);
      const cost = before.cost + (to - from) * (isKnown ? found.score : unknownScore);
      if (best === undefined || cost < best.cost)
        best = { cost, phrases: isKnown ? [...before.phrases, { ...found, from, to }] : before.phrases };
    }
    readings.push(best ?? { cost: Infinity, phrases: [] });
  }
  const phrases = readings.at(-1)?.phrases ?? [];
  return lengthOf(phrases) < leastShare * lengthOf(pieces) ? [] : phrases;
}

const lengthOf = (parts: readonly Piece[]): number => parts.reduce((sum, { from, to }) => sum + to - from, 0);

/** 1 for a phrase identical to a take, 0.5 at the limit of acceptance: a ranking, not a probability. */
export function confidenceOf(phrases: readonly Phrase[]): number {
  const worst = phrases.reduce((most, { score }) => Math.max(most, score), 0);
  return Math.round((1 - worst / unknownScore) * 100) / 100;
}
