import { rateHz } from '../../media/audio/g711.ts';
import type { Final } from './port.ts';

/** Duration of samples, or of bytes of G.711, ms. */
export const samplesMs = (samples: number): number => Math.round((samples * 1_000) / rateHz);

/** Shifts all times of a final by `byMs`. */
export function moved(final: Final, byMs: number): Final {
  const move = <T extends { readonly startMs: number; readonly endMs: number }>(one: T): T => ({
    ...one,
    startMs: one.startMs + byMs,
    endMs: one.endMs + byMs,
  });
  return { ...move(final), words: final.words.map(move) };
}
