import { setTimeout as delay } from 'node:timers/promises';

/** The first value of `look` that is not null, undefined or false. Looks again after 1 ms, then ever more slowly, up to 10 ms. */
export async function until<T>(
  look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  withinMs = 60_000,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs + 1, 10)) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    if (performance.now() > end) throw new Error(`nothing came within ${withinMs} ms: ${look}`);
    await delay(pauseMs);
  }
}
