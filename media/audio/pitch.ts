/** The pitch of a voice on a phone line: normalised autocorrelation of 40 ms at 4 kHz, every 10 ms. */
import { rateHz } from './g711.ts';

export interface PitchFrame {
  /** Level, dB of full scale. */
  readonly db: number;
  /** Hz; null where there is no voice. */
  readonly hz: number | null;
}
export interface PitchTracker {
  /** The frames that these samples complete. */
  push(samples: Int16Array): readonly PitchFrame[];
}
export const pitchFrameMs = 10;
/** Enough for the pitch of a voice. */
const trackedHz = rateHz / 2;
const hop = (trackedHz * pitchFrameMs) / 1_000;
/** Pitch between 70 and 400 Hz. */
const [shortestLag, longestLag] = [trackedHz / 400, Math.ceil(trackedHz / 70)];
const windowSamples = 160;
const compared = windowSamples - longestLag - 1;
/**
 * Sound below this periodicity is not a voice. A shorter lag wins if it is nearly as good, since every multiple of a period repeats too.
 */
const [leastPeriodicity, nearlyAsGood] = [0.5, 0.88];

export function createPitchTracker(): PitchTracker {
  let held = new Float32Array(0);
  /** Samples left for the next one at half the rate. */
  let tail = new Int16Array(0);

  /** Every second sample after a binomial low-pass: harmonics above 2 kHz would alias. */
  function halved(samples: Int16Array): Float32Array {
    const line = new Int16Array(tail.length + samples.length);
    line.set(tail);
    line.set(samples, tail.length);
    const count = Math.max(0, Math.floor((line.length - 2) / 2));
    tail = line.slice(2 * count);
    const at = (nth: number): number => line[nth] as number;
    const half = new Float32Array(count);
    for (let nth = 0; nth < count; nth += 1) half[nth] = (at(2 * nth) + 3 * at(2 * nth + 1) + 3 * at(2 * nth + 2) + at(2 * nth + 3)) / 8;
    return half;
  }
  return {
    push(samples) {
      const more = halved(samples);
      const line = new Float32Array(held.length + more.length);
      line.set(held);
      line.set(more, held.length);
      const frames: PitchFrame[] = [];
      let at = 0;
      for (; at + windowSamples <= line.length; at += hop) frames.push(frameOf(line.subarray(at, at + windowSamples)));
      held = line.slice(at);
      return frames;
    },
  };
}
function frameOf(samples: Float32Array): PitchFrame {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  const db = energy === 0 ? -96 : Math.max(-96, 10 * Math.log10(energy / samples.length / 32_768 ** 2));
  /** Correlation of the beginning with the samples a lag later. */
  const alike = new Float32Array(longestLag + 2);
  const squared = (nth: number): number => (samples[nth] as number) ** 2;
  let [here, there, best] = [0, 0, 0];
  for (let nth = 0; nth < compared; nth += 1) {
    here += squared(nth);
    there += squared(nth + shortestLag - 1);
  }
  for (let lag = shortestLag - 1; lag <= longestLag + 1; lag += 1) {
    let both = 0;
    for (let nth = 0; nth < compared; nth += 1) both += (samples[nth] as number) * (samples[nth + lag] as number);
    alike[lag] = both / Math.sqrt(here * Math.max(0, there) + 1);
    if (lag >= shortestLag && lag <= longestLag) best = Math.max(best, alike[lag] as number);
    if (lag <= longestLag) there += squared(lag + compared) - squared(lag);
  }
  if (best < leastPeriodicity) return { db, hz: null };
  for (let lag = shortestLag; lag <= longestLag; lag += 1) {
    const [left, middle, right] = [alike[lag - 1] as number, alike[lag] as number, alike[lag + 1] as number];
    if (middle < left || middle < right) continue;
    // The peak of the parabola through the three; a high voice has it between two lags.
    const bend = Math.min(left - 2 * middle + right, -1e-9);
    if (middle - (left - right) ** 2 / (8 * bend) < best * nearlyAsGood) continue;
    return { db, hz: trackedHz / (lag + (left - right) / (2 * bend)) };
  }
  return { db, hz: null };
}
