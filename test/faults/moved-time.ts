/** One clock for several processes: its offset from the real one stands in a file. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

export interface MovedTime {
  now(): number;
  /** Moves the clock of every process on. */
  advance(ms: number): void;
}

/** Starts at `startMs`. */
export function movedTime(file: string, startMs: number): MovedTime {
  let offsetMs = startMs - Date.now();
  const write = (): void => {
    // Renamed, so that no process reads half of it.
    writeFileSync(`${file}.new`, String(offsetMs));
    renameSync(`${file}.new`, file);
  };
  write();
  return {
    now: () => Date.now() + offsetMs,
    advance(ms) {
      offsetMs += ms;
      write();
    },
  };
}

/** The clock of that file, read at each look. */
export const timeIn = (file: string) => (): number => Date.now() + Number(readFileSync(file, 'utf8'));
