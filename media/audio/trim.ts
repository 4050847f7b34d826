/** Speech without the silence before it. */
import { rateHz } from './g711.ts';
import { levelDb } from './speech.ts';

const frameMs = 10;
/** A quieter frame is silence; the noise in the pauses of synthesized voices is below this. */
const silenceDb = -50;
/** Kept before the first sound, whose beginning may be soft. */
const keptMs = 20;

/** @param samples at 8 kHz. Pure silence becomes empty. */
export function trimHead(samples: Int16Array): Int16Array {
  const frame = (rateHz * frameMs) / 1_000;
  for (let at = 0; at < samples.length; at += frame)
    if (levelDb(samples.subarray(at, at + frame)) > silenceDb) return samples.subarray(Math.max(0, at - (rateHz * keptMs) / 1_000));
  return samples.subarray(samples.length);
}
