/** What a caller says between two long pauses: pieces of speech, read as phrases in the way that fits best. */

import type { Piece } from '../pieces.ts';
import { samplesMs } from '../utterances.ts';
import type { Match } from './matcher.ts';

/**
 * The score up to which speech is a phrase, by its length in ms: short speech is more often like a phrase by chance. Chosen with phrases
 * and recordings that docs/how-to/hear-and-speak.md does not measure.
 */
const [short, long] = [
  { ms: 700, score: 0.62 },
  { ms: 1_600, score: 0.77 },
] as const;
/** A part of an utterance must be this near, whatever its length: there are many parts. */
const partScore = 0.58;
/** An utterance is phrases if they are so much of it: sentences of other words have parts that are like a short phrase. */
const leastShare = 0.5;
function isPhrase({ score }: Match, samples: number, isWhole: boolean): boolean {
  if (!isWhole) return score <= partScore;
  const share = Math.min(1, Math.max(0, (samplesMs(samples) - short.ms) / (long.ms - short.ms)));
  return score <= short.score + share * (long.score - short.score);
}
/** Costs more than a phrase that just fits. */
const unknownScore = 2 * long.score;
/** A phrase may have so many pauses, less one, */
const mostPieces = 3;
/** and be so long, in samples: speech that goes on is none, and costs no comparison. */
const longest = 4 * 8_000;

export interface Phrase extends Match {
  readonly from: number;
  readonly to: number;
}

/**
 * The phrases of an utterance, in order; speech that is none of them is left out, and so is all of it if that is most of it.
 * @param match the nearest phrase to the speech between two samples
 */
export async function phrasesOf(
  pieces: readonly Piece[],
  match: (from: number, to: number) => Promise<Match | null>,
): Promise<readonly Phrase[]> {
  /** The cheapest reading of the first pieces, by how many there are. */
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

/** 1 for a phrase as it was learned, 0.5 at the limit of what is accepted: an order, not a probability. */
export function confidenceOf(phrases: readonly Phrase[]): number {
  const worst = phrases.reduce((most, { score }) => Math.max(most, score), 0);
  return Math.round((1 - worst / unknownScore) * 100) / 100;
}
