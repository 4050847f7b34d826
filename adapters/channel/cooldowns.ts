import { isPolybError, PolybError } from '../../contracts/kit/errors.ts';
import type { Cache } from '../cache/port.ts';
import type { Quota } from './port.ts';

export interface Cooldowns {
  /**
   * Runs the work unless one of the buckets is cooling down. A refusal of the channel that names a time starts the cooldown, for all processes that share
   * the cache. @throws PolybError resource_exhausted/quota with the remaining time during a cooldown.
   */
  withCooldown<T>(buckets: readonly Pick<Quota, 'bucket' | 'startsCooldown'>[], work: () => Promise<T>): Promise<T>;
}

/** The error for a request withheld from the channel: nothing was sent, and the journal retries in time. */
export function quotaExceeded(retryAfterMs: number): PolybError {
  return new PolybError('resource_exhausted', 'The channel limits the sending rate; sending resumes later.', {
    reason: 'quota',
    retryAfterMs,
  });
}

/** Cooldowns that this process started are also kept here, because the cache may forget or be unavailable. */
export function cooldownsIn(cache: Pick<Cache, 'get' | 'set'>, now: () => number): Cooldowns {
  const own = new Map<string, number>();
  const keyOf = (bucket: string): string => `shut:${bucket}`;

  async function waitMs(bucket: string): Promise<number> {
    const shared = await cache.get(keyOf(bucket));
    // While the entry exists the bucket cools down, whatever the clock of the process that wrote it showed.
    const sharedMs = shared === null ? 0 : Math.max(1, Number(shared) - now());
    return Math.max(sharedMs, (own.get(bucket) ?? 0) - now(), 0);
  }
  async function shut(bucket: string, forMs: number): Promise<void> {
    for (const [other, until] of own) if (until <= now()) own.delete(other);
    own.set(bucket, now() + forMs);
    await cache.set(keyOf(bucket), String(now() + forMs), forMs);
  }

  return {
    async withCooldown(buckets, work) {
      const longestMs = Math.max(0, ...(await Promise.all(buckets.map(({ bucket }) => waitMs(bucket)))));
      if (longestMs > 0) throw quotaExceeded(longestMs);
      try {
        return await work();
      } catch (thrown) {
        if (
          isPolybError(thrown) &&
          thrown.code === 'resource_exhausted' &&
          thrown.retryAfterMs !== undefined &&
          thrown.reason !== 'quota'
        ) {
          const { reason, retryAfterMs } = thrown;
          const those = buckets.filter(({ startsCooldown }) => startsCooldown === undefined || startsCooldown(reason));
          await Promise.all(those.map(({ bucket }) => shut(bucket, retryAfterMs)));
        }
        throw thrown;
      }
    },
  };
}
