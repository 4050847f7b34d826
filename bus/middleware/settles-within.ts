import { setTimeout as wait } from 'node:timers/promises';

/** Waits for `work` for at most `ms`. False: the time ran out first; `work` continues. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController();
  const late = wait(ms, false, { signal: timer.signal }).catch(() => true); // aborted below: the work was faster
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    timer.abort();
  }
}
