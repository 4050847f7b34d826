import type { Final } from './port.ts';

/** The final with all its times later by so much. */
export function moved(final: Final, byMs: number): Final {
  const move = <T extends { readonly startMs: number; readonly endMs: number }>(one: T): T => ({
    ...one,
    startMs: one.startMs + byMs,
    endMs: one.endMs + byMs,
  });
  return { ...move(final), words: final.words.map(move) };
}
