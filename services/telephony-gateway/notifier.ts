/** Wakes a waiting function of the same process. A notification without a waiter is kept for the next wait. */
export interface Notifier {
  notify(): void;
  /** Resolves after `ms`, on a notification, or when `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}
export function notifier(): Notifier {
  let isNotified = false;
  let wake = (): void => {};
  return {
    notify() {
      isNotified = true;
      wake();
    },
    async wait(ms, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      if (isNotified || signal.aborted) resolve();
      const end = () => resolve();
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
      await promise;
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      isNotified = false;
    },
  };
}
