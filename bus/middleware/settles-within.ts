import { setTimeout as wait } from 'node:timers/promises';

/** Waits for `work`, but no longer than `ms`. False: the time was over first; `work` goes on. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController();
  const late = wait(ms, false, { signal: timer.signal }).catch(() => true); // ended below: the work was faster
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    timer.abort();
  }
}
