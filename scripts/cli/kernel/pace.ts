/** Works on items, so many at once and so many begun per second, until all are done or `signal` fires; what is under way ends. */
export async function pace<T>(
  items: readonly T[],
  {
    concurrency,
    perSecond,
    signal,
  }: { readonly concurrency: number; readonly perSecond: number | undefined; readonly signal: AbortSignal },
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const beganAt = performance.now();
  let begun = 0;
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (perSecond !== undefined) await pauseUntil(beganAt + (begun++ * 1000) / perSecond, signal);
      if (signal.aborted) return;
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
}

/** Resolves at the time, as `performance.now()` counts it, or at once when `signal` fires. */
export async function pauseUntil(at: number, signal: AbortSignal): Promise<void> {
  const ms = at - performance.now();
  if (ms <= 0 || signal.aborted) return;
  await new Promise<void>((done) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      done();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish, { once: true });
  });
}
