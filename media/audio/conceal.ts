/** Concealment of lost audio: repeats the last pitch period, fading to silence within 60 ms. */
import { rateHz } from './g711.ts';

export interface Concealer {
  /** Remembers audio that arrived; returns it with its first 4 ms blended when it follows a loss. */
  heard(samples: Int16Array<ArrayBuffer>): Int16Array<ArrayBuffer>;
  /** Audio for a gap of `count` samples; zeros after the fade, and before anything was heard. */
  lost(count: number): Int16Array<ArrayBuffer>;
}

const fade = (60 * rateHz) / 1_000;
const blend = (4 * rateHz) / 1_000;
/** Periods of voices, 66 to 200 Hz at 8 kHz. */
const [shortestLag, longestLag] = [40, 120];
const kept = 3 * longestLag;

/** Concealment of one channel at 8 kHz. */
export function createConcealer(): Concealer {
  const history = new Int16Array(kept);
  let lag = 0;
  let missing = 0;
  /** The next sample of the gap; its position in the period continues over calls. */
  const next = () => {
    if (missing >= fade || lag === 0) return 0;
    const sample = history[kept - lag + (missing % lag)] as number;
    missing += 1;
    return Math.round(sample * (1 - missing / fade));
  };
  return {
    heard(samples) {
      const output = missing === 0 ? samples : samples.slice();
      if (missing > 0) {
        for (let nth = 0; nth < Math.min(blend, output.length); nth += 1) {
          const share = (nth + 1) / (blend + 1);
          output[nth] = Math.round((samples[nth] as number) * share + next() * (1 - share));
        }
        missing = 0;
      }
      if (samples.length >= kept) history.set(samples.subarray(samples.length - kept));
      else {
        history.copyWithin(0, samples.length);
        history.set(samples, kept - samples.length);
      }
      return output;
    },
    lost(count) {
      if (missing === 0) lag = pitchLag(history);
      const samples = new Int16Array(count);
      for (let nth = 0; nth < count; nth += 1) samples[nth] = next();
      if (missing === 0) missing = 1; // nothing was heard, yet the next audio is a beginning
      return samples;
    },
  };
}

/** The lag at which the end of the signal best matches itself; 0 for silence. */
function pitchLag(history: Int16Array): number {
  const from = kept - longestLag;
  let energy = 0;
  for (let nth = from; nth < kept; nth += 1) energy += (history[nth] as number) ** 2;
  if (energy === 0) return 0;
  let [best, found] = [Number.NEGATIVE_INFINITY, longestLag];
  for (let lag = shortestLag; lag <= longestLag; lag += 1) {
    let [product, square] = [0, 1];
    for (let nth = from; nth < kept; nth += 2) {
      const earlier = history[nth - lag] as number;
      product += (history[nth] as number) * earlier;
      square += earlier * earlier;
    }
    const likeness = product / Math.sqrt(square);
    if (likeness > best) [best, found] = [likeness, lag];
  }
  return found;
}
