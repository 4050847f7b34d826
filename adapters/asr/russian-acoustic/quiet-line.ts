import { rateHz } from '../../../media/audio/g711.ts';

/** Silence on both sides, so that the decoder finds the beginning and the end. */
export const padMs = 200;
/** The noise of a quiet line, in steps of 16-bit samples. */
const noise = 6;

/**
 * Adds the noise of a quiet line under and around speech. Synthetic voices are digitally silent between words; training and recognition
 * must not differ in that.
 */
export function onQuietLine(speech: Int16Array): Int16Array<ArrayBuffer> {
  const pad = (rateHz * padMs) / 1_000;
  const samples = new Int16Array(speech.length + 2 * pad);
  samples.set(speech, pad);
  let state = 1;
  for (let at = 0; at < samples.length; at += 1) {
    state = (state * 48_271) % 2_147_483_647;
    samples[at] = Math.max(-32_768, Math.min(32_767, (samples[at] ?? 0) + (state % (2 * noise + 1)) - noise));
  }
  return samples;
}
