/** Combines the two sides of a live call into stereo. They arrive in pieces: the left as it is spoken, the right queued for playback. */
import { rateHz } from './g711.ts';

export interface TwoSides {
  /** Adds audio that has just been spoken. A late piece loses nothing; a missing one is silence. */
  left(samples: Int16Array, atMs: number): void;
  /** Adds audio that plays after everything queued before. */
  right(samples: Int16Array, atMs: number): void;
  /** Drops queued audio that has not been played. */
  clearRight(atMs: number): void;
  /** Takes everything up to this time that has not been taken: left, right, left … */
  take(untilMs: number): Int16Array<ArrayBuffer>;
}
/** A piece later than this leaves a gap of silence; less is network jitter. */
const jitterMs = 100;

/** @param startMs on the clock of all other times */
export function twoSides(startMs: number): TwoSides {
  /** Samples not taken yet. */
  let [leftOnes, rightOnes] = [new Int16Array(0), new Int16Array(0)];
  let taken = 0;
  /** Index of a time in the samples not taken yet. */
  const indexOf = (atMs: number): number => Math.max(0, Math.round(((atMs - startMs) * rateHz) / 1_000) - taken);
  return {
    left(samples, atMs) {
      const hole = indexOf(atMs - jitterMs) - leftOnes.length;
      leftOnes = placed(leftOnes, samples, leftOnes.length + (hole > 0 ? hole : 0));
    },
    right(samples, atMs) {
      rightOnes = placed(rightOnes, samples, Math.max(rightOnes.length, indexOf(atMs)));
    },
    clearRight(atMs) {
      rightOnes = rightOnes.slice(0, indexOf(atMs));
    },
    take(untilMs) {
      const count = indexOf(untilMs);
      const both = new Int16Array(2 * count);
      for (let at = 0; at < count; at += 1) {
        both[2 * at] = leftOnes[at] ?? 0;
        both[2 * at + 1] = rightOnes[at] ?? 0;
      }
      leftOnes = leftOnes.slice(count);
      rightOnes = rightOnes.slice(count);
      taken += count;
      return both;
    },
  };
}

function placed(before: Int16Array, samples: Int16Array, at: number): Int16Array<ArrayBuffer> {
  const all = new Int16Array(at + samples.length);
  all.set(before);
  all.set(samples, at);
  return all;
}
