/** Calls that wait for a row which another attempt of this process may end. */
export interface Watchers {
  /** Resolves when an attempt of the row ends in this process, or after `ms`. */
  wait(method: string, key: string, ms: number): Promise<void>;
  notify(row: { readonly method: string; readonly key: string }): void;
}

export function createWatchers(): Watchers {
  const waiting = new Map<string, Set<() => void>>();
  const name = (method: string, key: string): string => `${method} ${key}`;
  return {
    wait: (method, key, ms) =>
      new Promise((resolve) => {
        const of = name(method, key);
        const callbacks = waiting.get(of) ?? new Set();
        const end = (): void => {
          clearTimeout(timer);
          callbacks.delete(end);
          if (callbacks.size === 0) waiting.delete(of);
          resolve();
        };
        const timer = setTimeout(end, ms);
        waiting.set(of, callbacks.add(end));
      }),
    notify({ method, key }) {
      for (const end of waiting.get(name(method, key)) ?? []) end();
    },
  };
}
