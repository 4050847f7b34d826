/** Signals at 8 kHz for tests of audio. */
import { seededRandom } from '../../contracts/kit/seeded-random.ts';

/** White noise of this RMS level in dB below full scale. */
export function noise(ms: number, db: number, seed = 1): Int16Array<ArrayBuffer> {
  const random = seededRandom(seed);
  const peak = 32_768 * 10 ** (db / 20) * Math.sqrt(3);
  return Int16Array.from({ length: ms * 8 }, () => Math.round((2 * random() - 1) * peak));
}

/**
 * A voice without words: pulses of a pitch that glides, through three formants that change every 120 ms, with pauses. No two parts are
 * alike, so that a place in it can be found again.
 */
export function voice(ms: number, seed = 1, pauses = true): Int16Array<ArrayBuffer> {
  const random = seededRandom(seed);
  const samples = new Int16Array(ms * 8);
  const states = [0, 1, 2].map(() => [0, 0] as [number, number]);
  let [phase, pitch, formants, isPause]: [number, number, number[], boolean] = [0, 120, [500, 1_500, 2_500], false];
  for (let nth = 0; nth < samples.length; nth += 1) {
    if (nth % 960 === 0) {
      formants = [300 + 500 * random(), 900 + 1_200 * random(), 2_200 + 900 * random()];
      pitch = 90 + 120 * random();
      isPause = pauses && random() < 0.2;
    }
    pitch *= 1 + (random() - 0.5) * 0.004;
    phase += pitch / 8_000;
    const pulse = phase >= 1 ? 1 : 0;
    phase %= 1;
    let sum = 0;
    for (const [which, hz] of formants.entries()) {
      const state = states[which] as [number, number];
      const radius = 0.97;
      const next =
        pulse + 0.02 * (random() - 0.5) + 2 * radius * Math.cos((2 * Math.PI * hz) / 8_000) * state[0] - radius * radius * state[1];
      states[which] = [next, state[0]];
      sum += next;
    }
    samples[nth] = isPause ? 0 : Math.max(-32_768, Math.min(32_767, Math.round(sum * 2_500)));
  }
  return samples;
}

/** What a voice of a test makes of a text: another sound for each text, G.711. */
export function soundOf(text: string, ms: number): Uint8Array {
  const seed = [...text].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973, 7);
  return Uint8Array.from({ length: ms * 8 }, (_, n) => 1 + ((n * n * seed + 13 * n) % 120));
}

export function concat(...parts: readonly Int16Array[]): Int16Array<ArrayBuffer> {
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
export function mix(a: Int16Array, b: Int16Array): Int16Array<ArrayBuffer> {
  return Int16Array.from({ length: Math.max(a.length, b.length) }, (_, nth) => (a[nth] ?? 0) + (b[nth] ?? 0));
}

/** Root mean square, as a share of full scale. */
export function rms(samples: Int16Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length)) / 32_768;
}

/** How alike two signals of one length are: 1 for the same up to a gain, 0 for strangers. */
export function likeness(a: Int16Array, b: Int16Array): number {
  let [product, squareA, squareB] = [0, 0, 0];
  for (let nth = 0; nth < a.length; nth += 1) {
    const [x, y] = [a[nth] ?? 0, b[nth] ?? 0];
    product += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return squareA === 0 || squareB === 0 ? 0 : product / Math.sqrt(squareA * squareB);
}

/** Where in `whole` the `part` is: the offset in samples with the greatest likeness, within [from, to]. */
export function find(part: Int16Array, whole: Int16Array, from: number, to: number): { readonly at: number; readonly likeness: number } {
  let best = { at: from, likeness: -1 };
  for (let at = Math.max(0, from); at <= Math.min(to, whole.length - part.length); at += 1) {
    const found = likeness(part, whole.subarray(at, at + part.length));
    if (found > best.likeness) best = { at, likeness: found };
  }
  return best;
}
