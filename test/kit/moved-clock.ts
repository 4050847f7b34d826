/** Time that a test moves. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../media/sip/clock.ts';

export interface MovedClock extends Clock {
  /** Moves on, and calls what is due at its moment, in order; promises settle in between. */
  advance(ms: number): Promise<void>;
}

export function movedClock(): MovedClock {
  let now = 0;
  let made = 0;
  const waits = new Map<number, { readonly at: number; readonly work: () => void }>();
  const settle = async (): Promise<void> => {
    for (let times = 0; times < 4; times += 1) await setImmediate();
  };
  return {
    now: () => now,
    after(ms, work) {
      made += 1;
      const id = made;
      waits.set(id, { at: now + Math.max(0, ms), work });
      return () => waits.delete(id);
    },
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (;;) {
        const [next] = [...waits].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at || a[0] - b[0]);
        if (!next) break;
        const [id, { at, work }] = next;
        waits.delete(id);
        now = at;
        work();
        await settle();
      }
      now = end;
    },
  };
}
