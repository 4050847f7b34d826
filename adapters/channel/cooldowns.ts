import { isPolybError, PolybError } from '../../contracts/kit/errors.ts';
import type { Cache } from '../cache/port.ts';
import type { Quota } from './port.ts';

export interface Shutters {
  /**
   * Does the work unless one of the buckets is shut. A refusal of the channel that names a time shuts them, here and for all who share the cache.
   * @throws PolybError resource_exhausted/quota with the time that is left while one is shut.
   */
  heeding<T>(buckets: readonly Pick<Quota, 'bucket' | 'shutBy'>[], work: () => Promise<T>): Promise<T>;
}

/** Our own refusal to ask a channel: nothing went out, and it is tried again in time. */
export function notYet(retryAfterMs: number): PolybError {
  return new PolybError('resource_exhausted', 'The channel limits the sending rate; sending resumes later.', {
    reason: 'quota',
    retryAfterMs,
  });
}

/** This process remembers what it shut itself also while the cache, which may forget, is away. */
export function shuttersIn(cache: Pick<Cache, 'get' | 'set'>, now: () => number): Shutters {
  const own = new Map<string, number>();
  const keyOf = (bucket: string): string => `shut:${bucket}`;

  async function waitMs(bucket: string): Promise<number> {
    const shared = await cache.get(keyOf(bucket));
    // While it is kept it is shut, whatever the clock of the process that wrote it said.
    const sharedMs = shared === null ? 0 : Math.max(1, Number(shared) - now());
    return Math.max(sharedMs, (own.get(bucket) ?? 0) - now(), 0);
  }
  async function shut(bucket: string, forMs: number): Promise<void> {
    for (const [other, until] of own) if (until <= now()) own.delete(other);
    own.set(bucket, now() + forMs);
    await cache.set(keyOf(bucket), String(now() + forMs), forMs);
  }

  return {
    async heeding(buckets, work) {
      const longestMs = Math.max(0, ...(await Promise.all(buckets.map(({ bucket }) => waitMs(bucket)))));
      if (longestMs > 0) throw notYet(longestMs);
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
          const those = buckets.filter(({ shutBy }) => shutBy === undefined || shutBy(reason));
          await Promise.all(those.map(({ bucket }) => shut(bucket, retryAfterMs)));
        }
        throw thrown;
      }
    },
  };
}
