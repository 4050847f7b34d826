/** Stereo out of the two sides of a live call, which come in pieces: the left as it is spoken, the right queued to be played. */
import { rateHz } from './g711.ts';

export interface TwoSides {
  /** Audio that was spoken just now. Of a late piece nothing is lost; where none came, there is silence. */
  left(samples: Int16Array, atMs: number): void;
  /** Audio that plays after everything queued before it. */
  right(samples: Int16Array, atMs: number): void;
  /** What was queued and is not played yet is dropped. */
  clearRight(atMs: number): void;
  /** Everything up to this time that was not taken before: left, right, left … */
  take(untilMs: number): Int16Array<ArrayBuffer>;
}
/** A piece that is later than this leaves a hole, which is heard as silence; less is the jitter of its way. */
const jitterMs = 100;

/** @param startMs on the clock of all other times */
export function twoSides(startMs: number): TwoSides {
  /** What was not taken yet. */
  let [leftOnes, rightOnes] = [new Int16Array(0), new Int16Array(0)];
  let taken = 0;
  /** Index of a time in what was not taken. */
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
