/** Wakes a waiting function of the same process. A notification without a waiter ends the next wait. */
export interface Notifier {
  notify(): void;
  /** Resolves after `ms`, on a notification, or when `signal` aborts. True: notified. */
  wait(ms: number, signal?: AbortSignal): Promise<boolean>;
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
      if (!isNotified && signal?.aborted !== true) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const end = (): void => resolve();
        const timer = setTimeout(end, ms);
        signal?.addEventListener('abort', end);
        await promise;
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
      }
      const was = isNotified;
      isNotified = false;
      return was;
    },
  };
}
