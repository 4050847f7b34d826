/** Ticks every 20 ms at absolute times, so that one late tick does not delay the next. Runs while it has listeners. */
import { frameMs } from './audio-format.ts';

export interface FrameClock {
  /** Returns a function that stops the ticks. */
  every(tick: () => void): () => void;
}
/** Maximum missed ticks made up for after a pause of the process; the rest are skipped. */
const mostLate = 50;

export function createFrameClock(now: () => number = () => performance.now()): FrameClock {
  const ticks = new Set<() => void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let dueAt = 0;
  const turn = (): void => {
    timer = undefined;
    const at = now();
    dueAt = Math.max(dueAt, at - mostLate * frameMs);
    for (; dueAt <= at; dueAt += frameMs) for (const tick of ticks) tick();
    if (ticks.size > 0) timer = setTimeout(turn, dueAt - at);
  };
  return {
    every(tick) {
      ticks.add(tick);
      if (timer === undefined) {
        dueAt = now() + frameMs;
        timer = setTimeout(turn, frameMs);
      }
      return () => {
        ticks.delete(tick);
        if (ticks.size > 0 || timer === undefined) return;
        clearTimeout(timer);
        timer = undefined;
      };
    },
  };
}
