/** Writes the live audio of both sides of a call to a WAV file or as raw samples to stdout. */
import { open } from 'node:fs/promises';
import { decode } from '../../../media/audio/g711.ts';
import { twoSides } from '../../../media/audio/two-sides.ts';
import { wavHeader } from '../../../media/audio/wav.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';

export interface HeardAudio {
  /** Adds G.711 μ-law, heard now. */
  left(pcmu: Uint8Array): void;
  right(pcmu: Uint8Array): void;
  /** Notes that unplayed audio of the right side was dropped. */
  clearRight(): void;
  /** Writes the rest. @returns the length of the audio */
  close(): Promise<{ readonly seconds: number }>;
}
const format = { rateHz: 8_000, channels: 2 } as const;
const writeMs = 100;
/** Pieces of both sides arrive within this time. */
const lagMs = 200;

export async function heardAudio(file: string | undefined, out: Invocation['out']): Promise<HeardAudio> {
  const handle = file === undefined ? undefined : await open(file, 'w', 0o600);
  const sides = twoSides(performance.now());
  let bytes = 0;
  let writing: Promise<unknown> = handle === undefined ? Promise.resolve() : handle.write(wavHeader(format, null));
  const write = (untilMs: number): void => {
    const samples = sides.take(untilMs);
    if (samples.length === 0) return;
    const chunk = new Uint8Array(samples.buffer);
    bytes += chunk.length;
    // Samples are not shown on a terminal.
    if (handle === undefined && !out.isTty) out.bytes(chunk);
    else if (handle !== undefined) writing = writing.then(() => handle.write(chunk));
  };
  writing.catch(() => {}); // Awaited at the end.
  const timer = setInterval(() => write(performance.now() - lagMs), writeMs);
  return {
    left: (pcmu) => sides.left(decode('PCMU', pcmu), performance.now()),
    right: (pcmu) => sides.right(decode('PCMU', pcmu), performance.now()),
    clearRight: () => sides.clearRight(performance.now()),
    async close() {
      clearInterval(timer);
      write(performance.now());
      try {
        await writing;
        await handle?.write(wavHeader(format, bytes), 0, undefined, 0);
      } finally {
        await handle?.close();
      }
      return { seconds: Math.round((bytes / format.rateHz / format.channels / 2) * 10) / 10 };
    },
  };
}
