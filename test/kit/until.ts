import { setTimeout as delay } from 'node:timers/promises';

/** What a lost attempt needs until it counts as lost, twice: a busy machine is no failure. */
const patienceMs = 150_000;

/** The first value of `look` that is not null, undefined or false. Looks again after 1 ms, then after an eighth of the time so far, up to 40 ms. */
export async function until<T>(
  look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  withinMs = patienceMs,
): Promise<T> {
  const began = performance.now();
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    const waitedMs = performance.now() - began;
    if (waitedMs > withinMs) throw new Error(`nothing came within ${withinMs} ms: ${look}`);
    await delay(Math.min(1 + waitedMs / 8, 40));
  }
}
