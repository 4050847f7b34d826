/** What a caller says between two long pauses: pieces of speech, read as phrases in the way that fits best. */

import type { Piece } from '../pieces.ts';
import type { Match } from './matcher.ts';

/**
 * What counts as a phrase: speech that is this near to it, or less near if every other phrase is farther by this factor. Measured with
 * human and with synthetic voices: docs/how-to/hear-and-speak.md.
 */
const [near, furthest, margin] = [0.225, 0.33, 1.04];
const isPhrase = ({ distance, next }: Match): boolean => distance <= near || (distance <= furthest && next >= margin * distance);
/** A phrase may have so many pauses, less one, */
const mostPieces = 3;
/** and be so long, in samples: speech that goes on is none, and costs no comparison. */
const longest = 4 * 8_000;

export interface Phrase extends Match {
  readonly from: number;
  readonly to: number;
}

/**
 * The phrases of an utterance, in order; speech that is none of them is left out.
 * @param match the nearest phrase to the speech between two samples
 */
export async function phrasesOf(
  pieces: readonly Piece[],
  match: (from: number, to: number) => Promise<Match | null>,
): Promise<readonly Phrase[]> {
  /** The cheapest reading of the first pieces, by how many there are. Unknown speech costs more than a phrase that just fits. */
  const readings: { readonly cost: number; readonly phrases: readonly Phrase[] }[] = [{ cost: 0, phrases: [] }];
  for (const [index, { to }] of pieces.entries()) {
    let best: (typeof readings)[number] | undefined;
    for (let first = index; first >= 0 && first > index - mostPieces; first -= 1) {
      const from = pieces[first]?.from ?? 0;
      const before = readings[first];
      if (before === undefined || (first < index && to - from > longest)) break;
      const found = to - from > longest ? null : await match(from, to);
      const isKnown = found !== null && isPhrase(found);
      const cost = before.cost + (to - from) * (isKnown ? found.distance : 2 * furthest);
      if (best === undefined || cost < best.cost)
        best = { cost, phrases: isKnown ? [...before.phrases, { ...found, from, to }] : before.phrases };
    }
    readings.push(best ?? { cost: Infinity, phrases: [] });
  }
  return readings.at(-1)?.phrases ?? [];
}

/** 1 for a phrase as it was learned, 0.5 at the limit of what is accepted: an order, not a probability. */
export function confidenceOf(phrases: readonly Phrase[]): number {
  const worst = phrases.reduce((most, { distance }) => Math.max(most, distance), 0);
  return Math.round((1 - worst / furthest / 2) * 100) / 100;
}
