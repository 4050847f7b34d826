/** Queues the frames and facts of a leg for a listener on the bus. A slow listener loses the oldest audio, but no facts. */
import type { MediaFact, MediaListener } from '../../adapters/telephony/port.ts';
import { PolybError } from '../../contracts/kit/errors.ts';

export interface MediaQueue extends MediaListener {
  /** Frames and facts in order, until `close`. */
  items(signal: AbortSignal): AsyncGenerator<Uint8Array | MediaFact>;
  close(): void;
}
/** One second. */
const mostFrames = 50;
/** A listener with this many pending facts counts as gone. */
const mostFacts = 2_000;

/** @param dropped called for each dropped frame */
export function createMediaQueue(dropped: () => void): MediaQueue {
  let queue: (Uint8Array | MediaFact)[] = [];
  let frames = 0;
  let isClosed = false;
  let isTooSlow = false;
  let wake = (): void => {};
  const add = (item: Uint8Array | MediaFact): void => {
    queue.push(item);
    wake();
  };
  return {
    frame(audio) {
      if (frames === mostFrames) {
        queue.splice(
          queue.findIndex((item) => item instanceof Uint8Array),
          1,
        );
        frames -= 1;
        dropped();
      }
      frames += 1;
      add(audio);
    },
    fact(fact) {
      if (queue.length - frames >= mostFacts) isTooSlow = true;
      else add(fact);
    },
    close() {
      isClosed = true;
      wake();
    },
    async *items(signal) {
      const woken = (): void => wake();
      signal.addEventListener('abort', woken, { once: true });
      try {
        for (;;) {
          if (isTooSlow)
            throw new PolybError('resource_exhausted', 'The listener of this leg takes its facts too slowly.', { reason: 'too_slow' });
          const taken = queue;
          queue = [];
          frames = 0;
          yield* taken;
          if (signal.aborted || (isClosed && queue.length === 0)) return;
          if (queue.length > 0) continue;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = () => {};
        }
      } finally {
        signal.removeEventListener('abort', woken);
      }
    },
  };
}

/** Merges two reasons why a speaker is not heard into one fact `held`: the phone is on hold, or the leg plays a sound or another leg. */
export function heldFacts(queue: MediaQueue): MediaListener & { suspend(isSuspended: boolean): void } {
  let [isOnHold, isSuspended, isReported] = [false, false, false];
  const report = (): void => {
    const isHeld = isOnHold || isSuspended;
    if (isHeld !== isReported) queue.fact({ held: isHeld });
    isReported = isHeld;
  };
  return {
    frame: queue.frame,
    fact(fact) {
      if (!('held' in fact)) return queue.fact(fact);
      isOnHold = fact.held;
      report();
    },
    suspend(is) {
      isSuspended = is;
      report();
    },
  };
}
