/**
 * Turns the items emitted by `run` into an iteration that ends or fails with it. Leaving the iteration, or aborting, fires the signal of
 * `run`, which must then end.
 */
export async function* emitted<T>(
  run: (emit: (item: T) => void, signal: AbortSignal) => Promise<void>,
  outer: AbortSignal,
): AsyncGenerator<T, undefined> {
  const left = new AbortController();
  const items: T[] = [];
  let wake = Promise.withResolvers<void>();
  let ended: { readonly error?: unknown } | undefined;
  const emit = (item: T): void => {
    items.push(item);
    wake.resolve();
  };
  const running = run(emit, AbortSignal.any([outer, left.signal])).then(
    () => {
      ended = {};
      wake.resolve();
    },
    (error: unknown) => {
      ended = { error };
      wake.resolve();
    },
  );
  try {
    for (;;) {
      for (let item = items.shift(); item !== undefined; item = items.shift()) yield item;
      if (ended !== undefined) break;
      await wake.promise;
      wake = Promise.withResolvers();
    }
    if ('error' in ended) throw ended.error;
  } finally {
    left.abort();
    await running;
  }
}
