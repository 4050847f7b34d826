/** Wakes the one who sleeps, within a process. A ring that nobody hears is kept for the next sleep. */
export interface Bell {
  ring(): void;
  /** Until `ms` are over, the bell rings or `signal` fires. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}
export function bell(): Bell {
  let rung = false;
  let wake = (): void => {};
  return {
    ring() {
      rung = true;
      wake();
    },
    async sleep(ms, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      if (rung || signal.aborted) resolve();
      const end = () => resolve();
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
      await promise;
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      rung = false;
    },
  };
}
