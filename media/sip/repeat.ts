import type { Clock } from './clock.ts';
import { t1, t2, transactionMs } from './timers.ts';

/** Resends after T1, doubling up to `mostMs`, until stopped; gives up after 32 s. */
export function repeatUntilStopped(clock: Clock, on: { send(): void; gaveUp(): void }, mostMs: number = t2): () => void {
  let stopNext = (): void => {};
  const again = (ms: number): void => {
    stopNext = clock.after(ms, () => {
      on.send();
      again(Math.min(ms * 2, mostMs));
    });
  };
  again(t1);
  const stopDeadline = clock.after(transactionMs, () => {
    stopNext();
    on.gaveUp();
  });
  return () => {
    stopNext();
    stopDeadline();
  };
}
