/** How long the customer waited for each answer, measured on a recording of both sides, to verify the waterfall of a turn. */
import { levelDb } from '../../../media/audio/speech.ts';
import { readWav } from '../../../media/audio/wav.ts';

/** Sound of one side, ms from the beginning of the recording. */
export interface Sound {
  readonly startMs: number;
  readonly endMs: number;
}
interface Answer {
  /** Unix ms. */
  readonly lastSoundAt: number;
  readonly heardAt: number;
}
const frameMs = 5;
/** Quieter sound is silence, unless the whole side is that quiet. */
const [silenceDb, belowLoudestDb] = [-50, 32];
/** A shorter pause is part of a sound; a shorter sound is a click. */
const [pauseMs, shortestMs] = [250, 60];
/** How far from the time in the waterfall an answer is searched for. */
const nearMs = 1_000;

export function soundsOf(samples: Int16Array, rateHz: number): readonly Sound[] {
  const size = Math.round((rateHz * frameMs) / 1_000);
  const levels = Array.from({ length: Math.floor(samples.length / size) }, (_, nth) =>
    levelDb(samples.subarray(nth * size, (nth + 1) * size)),
  );
  const loudest = levels.reduce((most, db) => Math.max(most, db), -96);
  const least = Math.max(silenceDb, loudest - belowLoudestDb);
  const sounds: { startMs: number; endMs: number }[] = [];
  for (const [nth, db] of levels.entries()) {
    if (db < least) continue;
    const [startMs, last] = [nth * frameMs, sounds.at(-1)];
    if (last !== undefined && startMs - last.endMs < pauseMs) last.endMs = startMs + frameMs;
    else sounds.push({ startMs, endMs: startMs + frameMs });
  }
  return sounds.filter(({ startMs, endMs }) => endMs - startMs >= shortestMs);
}

export interface RecordedSides {
  readonly rateHz: number;
  readonly customer: readonly Sound[];
  readonly system: readonly Sound[];
  /** Samples of the system's side. */
  readonly systemSamples: Int16Array;
}
/** The sounds of both sides: left the customer, right the system. Null for a recording of one channel. */
export function sidesOf(wav: Uint8Array): RecordedSides | null {
  const { samples, rateHz, channels } = readWav(wav);
  if (channels !== 2) return null;
  const side = (of: 0 | 1) => samples.filter((_, at) => at % 2 === of);
  const systemSamples = side(1);
  return { rateHz, customer: soundsOf(side(0), rateHz), system: soundsOf(systemSamples, rateHz), systemSamples };
}

/**
 * For each answer, ms from the last sound of the customer to the first of the system; null where the recording has no such turn.
 * @param wav of both sides: left the customer, right the system @param first when the system's first sentence was heard, Unix ms
 */
export function recordedWaits(wav: Uint8Array, answers: readonly Answer[], first: number): readonly (number | null)[] {
  const sides = sidesOf(wav);
  if (sides === null) return answers.map(() => null);
  const { customer, system } = sides;
  const begin = first - (system[0]?.startMs ?? 0);
  return answers.map(({ lastSoundAt, heardAt }) => {
    const answer = nearest(
      system.map(({ startMs }) => startMs),
      heardAt - begin,
    );
    const last = nearest(
      customer.map(({ endMs }) => endMs),
      lastSoundAt - begin,
    );
    return answer === null || last === null ? null : answer - last;
  });
}
function nearest(times: readonly number[], to: number): number | null {
  const found = times.reduce<number | null>((best, ms) => (best === null || Math.abs(ms - to) < Math.abs(best - to) ? ms : best), null);
  return found === null || Math.abs(found - to) > nearMs ? null : found;
}
