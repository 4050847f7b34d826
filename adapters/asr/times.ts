import type { Final } from './port.ts';

/** Shifts all times of a final by `byMs`. */
export function moved(final: Final, byMs: number): Final {
  const move = <T extends { readonly startMs: number; readonly endMs: number }>(one: T): T => ({
    ...one,
    startMs: one.startMs + byMs,
    endMs: one.endMs + byMs,
  });
  return { ...move(final), words: final.words.map(move) };
}
