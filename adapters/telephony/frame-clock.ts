/** Ticks every 20 ms at absolute times, so that a late tick makes no later one late. It runs while it has listeners. */
import { frameMs } from './audio-format.ts';

export interface FrameClock {
  /** Returns how to stop. */
  every(tick: () => void): () => void;
}
/** After a pause of the process this many ticks are made up for, and the others are left out. */
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
