import { setTimeout as delay } from 'node:timers/promises';

/** Waits; throws the signal's own reason when it fires. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}
