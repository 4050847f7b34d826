/** Time and randomness of the SIP stack, replaceable in tests. */
import { randomBytes } from 'node:crypto';

export interface Clock {
  /** Milliseconds since a fixed moment; monotonic. */
  now(): number;
  /** Calls `work` once after `ms`; the returned function cancels it. */
  after(ms: number, work: () => void): () => void;
}

/** With a longer delay setTimeout fires at once. */
const longestMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, work) {
    const timer = setTimeout(work, Math.min(Math.max(0, ms), longestMs));
    return () => clearTimeout(timer);
  },
};

/** A clock whose pending calls can be cancelled all at once. */
export function closableClock(clock: Clock): Clock & { close(): void } {
  const waits = new Set<() => void>();
  let isClosed = false;
  return {
    now: clock.now,
    after(ms, work) {
      if (isClosed) return () => {};
      const cancel = clock.after(ms, () => {
        waits.delete(cancel);
        work();
      });
      waits.add(cancel);
      return () => {
        waits.delete(cancel);
        cancel();
      };
    },
    close() {
      isClosed = true;
      for (const cancel of waits) cancel();
      waits.clear();
    },
  };
}

/** Returns `size` unpredictable bytes. */
export type RandomBytes = (size: number) => Uint8Array;
export const systemRandom: RandomBytes = (size) => randomBytes(size);

/** A tag, branch or id of 16 hexadecimal digits by default. */
export function randomToken(random: RandomBytes, bytes = 8): string {
  return Buffer.from(random(bytes)).toString('hex');
}
/** From 0 up to 1. */
export function randomShare(random: RandomBytes): number {
  return Buffer.from(random(4)).readUInt32BE() / 2 ** 32;
}
