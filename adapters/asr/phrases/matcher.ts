/** Finds the phrase nearest to speech, by several takes of each phrase as vectors. Runs in the thread of the ear. */
import { distance, normalized, type Vectors } from './dtw.ts';
import { dimensions, type Features } from './features.ts';

export interface Match {
  readonly phrase: string;
  /**
   * Its distance divided by the mean distance of other phrases of a similar length: near 1 for arbitrary speech, less for the phrase
   * itself.
   */
  readonly score: number;
}
export interface Matcher {
  /** Adds a phrase by its takes: speech at 8 kHz without silence around it. */
  learn(phrase: string, takes: readonly Int16Array[]): Promise<void>;
  forget(phrase: string): void;
  /** The nearest of the phrases, at any distance; null if none has a similar length. Unlearned phrases are ignored. */
  nearest(speech: Int16Array, phrases: readonly string[]): Promise<Match | null>;
}

/** A phrase longer or shorter by more than this factor cannot match. */
const mostStretch = 2;
/** A match is compared with every `backgroundEvery`-th built-in phrase, by `backgroundTakes` of its takes. */
const [backgroundEvery, backgroundTakes] = [2, 3];
/** The mean distance if no other phrase has a similar length. */
const usualDistance = 0.45;

/** @param known phrases that need not be learned @param mean of all speech; subtracting it separates phrases best */
export function createMatcher(features: Features, known: ReadonlyMap<string, readonly Vectors[]>, mean: Float32Array): Matcher {
  const learned = new Map<string, readonly Vectors[]>();
  const background = [...known]
    .filter((_, nth) => nth % backgroundEvery === 0)
    .map(([phrase, takes]) => ({ phrase, takes: takes.slice(0, backgroundTakes) }));

  /** Infinity if no take has a similar length or all are farther than `most`. */
  const distanceOf = (heard: Vectors, takes: readonly Vectors[], most = Infinity): number => {
    let least = Infinity;
    for (const take of takes) {
      const stretch = take.length / heard.length;
      if (stretch <= mostStretch && stretch >= 1 / mostStretch)
        least = Math.min(least, distance(heard, take, dimensions, Math.min(most, least)));
    }
    return least;
  };
  const usual = (heard: Vectors, but: string): number => {
    const distances = background.flatMap(({ phrase, takes }) => (phrase === but ? [] : [distanceOf(heard, takes)])).filter(Number.isFinite);
    return distances.length === 0 ? usualDistance : distances.reduce((sum, each) => sum + each, 0) / distances.length;
  };
  return {
    async learn(phrase, takes) {
      const made: Vectors[] = [];
      for (const take of takes) made.push(normalized(await features.of(take), mean));
      learned.set(phrase, made);
    },
    forget(phrase) {
      learned.delete(phrase);
    },
    async nearest(speech, phrases) {
      const heard = normalized(await features.of(speech), mean);
      let best = { phrase: '', distance: Infinity };
      for (const phrase of phrases) {
        const found = distanceOf(heard, known.get(phrase) ?? learned.get(phrase) ?? [], best.distance);
        if (found < best.distance) best = { phrase, distance: found };
      }
      return best.distance === Infinity ? null : { phrase: best.phrase, score: best.distance / usual(heard, best.phrase) };
    },
  };
}
