/** Phrases by likeness: several takes of each as vectors, and the one that speech is nearest to. Runs in the thread of the ear. */
import { distance, normalized, type Vectors } from './dtw.ts';
import { dimensions, type Features } from './features.ts';

export interface Match {
  readonly phrase: string;
  /** See dtw.ts. */
  readonly distance: number;
  /** Of the nearest other phrase; Infinity if there is none near. */
  readonly next: number;
}
export interface Matcher {
  /** Adds a phrase by its takes: speech at 8 kHz without silence around it. */
  learn(phrase: string, takes: readonly Int16Array[]): Promise<void>;
  forget(phrase: string): void;
  /** The nearest of the phrases, however far; null if none has a similar length. Phrases that were not learned are ignored. */
  nearest(speech: Int16Array, phrases: readonly string[]): Promise<Match | null>;
}

/** A phrase that is so much longer or shorter is another one. */
const mostStretch = 2;

/** @param known phrases that need not be learned @param mean of all speech, that tells phrases from each other best without it */
export function createMatcher(features: Features, known: ReadonlyMap<string, readonly Vectors[]>, mean: Float32Array): Matcher {
  const learned = new Map<string, readonly Vectors[]>();
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
      let best = null as Match | null;
      for (const phrase of phrases)
        for (const take of known.get(phrase) ?? learned.get(phrase) ?? []) {
          const stretch = take.length / heard.length;
          if (stretch > mostStretch || stretch < 1 / mostStretch) continue;
          const found = distance(heard, take, dimensions, best?.next);
          if (best === null || found < best.distance)
            best = { phrase, distance: found, next: best === null ? Infinity : best.phrase === phrase ? best.next : best.distance };
          else if (phrase !== best.phrase && found < best.next) best = { ...best, next: found };
        }
      return best;
    },
  };
}
