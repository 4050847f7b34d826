import { decode, rateHz } from '../../media/audio/g711.ts';
import { levelDb } from '../../media/audio/speech.ts';

const searchMs = 30_000;
const frame = rateHz / 10;

/**
 * Splits a recording into parts of at most `mostMs`, each cut in the quietest tenth of a second of its second half or, if shorter, its last
 * half minute. Positions are bytes.
 */
export function* quietParts(recording: Uint8Array, mostMs: number): Generator<{ readonly from: number; readonly to: number }> {
  const most = (mostMs * rateHz) / 1_000;
  const searchBytes = (Math.min(searchMs, mostMs / 2) * rateHz) / 1_000;
  for (let from = 0; from < recording.length; ) {
    let best = { at: Math.min(recording.length, from + most), db: 0 };
    if (from + most < recording.length)
      for (let at = from + most - searchBytes; at < from + most; at += frame) {
        const db = levelDb(decode('PCMU', recording.subarray(at, at + frame)));
        if (db < best.db) best = { at: at + frame / 2, db };
      }
    yield { from, to: best.at };
    from = best.at;
  }
}
