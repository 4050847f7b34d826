/**
 * The playback queue of a leg: splits chunks of any length into frames of 20 ms, and reports each chunk when its last frame has been
 * played.
 */
import { PolybError } from '../../contracts/kit/errors.ts';
import { bytesPerMs, frameBytes, silentByte } from './audio-format.ts';

/** Two minutes. */
const maxQueuedBytes = 960_000;

export interface FrameQueue {
  /** @throws PolybError resource_exhausted/too_much_audio beyond two minutes; nothing is queued then. */
  play(id: string, audio: Uint8Array): void;
  mark(id: string): void;
  clear(): void;
  /** The next frame; null when nothing is queued. Call it every 20 ms: it first reports the chunks finished by the previous frame. */
  next(): Uint8Array | null;
}

/** @param played called when a chunk or mark is finished or dropped, with the milliseconds played */
export function createFrameQueue(played: (id: string, ms: number) => void): FrameQueue {
  /** A mark is a chunk without audio. */
  let queue: { readonly id: string; readonly audio: Uint8Array; at: number }[] = [];
  let queued = 0;
  /** Chunks whose last byte is in the current frame. */
  let playing: (readonly [id: string, ms: number])[] = [];
  const msOf = (bytes: number): number => Math.round(bytes / bytesPerMs);
  const report = (): void => {
    const done = playing;
    playing = [];
    for (const [id, ms] of done) played(id, ms);
  };
  return {
    play(id, audio) {
      if (queued + audio.length > maxQueuedBytes)
        throw new PolybError(
          'resource_exhausted',
          'At most two minutes of audio can be queued on a leg; send it at the pace at which it plays.',
          {
            reason: 'too_much_audio',
            retryAfterMs: 1_000,
          },
        );
      queued += audio.length;
      queue.push({ id, audio, at: 0 });
    },
    mark(id) {
      queue.push({ id, audio: new Uint8Array(0), at: 0 });
    },
    clear() {
      const dropped = queue;
      queue = [];
      queued = 0;
      report();
      for (const { id, at } of dropped) played(id, msOf(at));
    },
    next() {
      report();
      if (queue.length === 0) return null;
      const frame = new Uint8Array(frameBytes).fill(silentByte);
      let filled = 0;
      for (let first = queue[0]; first !== undefined; first = queue[0]) {
        const part = first.audio.subarray(first.at, first.at + frameBytes - filled);
        frame.set(part, filled);
        filled += part.length;
        first.at += part.length;
        queued -= part.length;
        if (first.at < first.audio.length) break;
        playing.push([first.id, msOf(first.at)]);
        queue.shift();
      }
      if (filled > 0) return frame;
      report(); // only marks
      return null;
    },
  };
}
