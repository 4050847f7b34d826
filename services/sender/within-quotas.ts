import type { Cache } from '../../adapters/cache/port.ts';
import type { Sending } from '../../adapters/channel/port.ts';
import type { Effect } from '../../contracts/define.ts';
import { isPolybError, PolybError } from '../../contracts/errors.ts';
import type { messages } from '../../contracts/messages.ts';

type Shared = Pick<Cache, 'take' | 'get' | 'set'>;

/**
 * Keeps to what the channel allows. Above it an attempt is refused before a byte goes out, and the journal tries again in time.
 * Where the channel itself refuses one message for a time, all others that share its buckets wait as long.
 */
export function withinQuotas({ deliver, quotas }: Sending, cache: Shared, now: () => number): Effect<typeof messages.deliver> {
  const shutters = shuttersIn(cache, now);
  return {
    ...deliver,
    async attempt(input, at) {
      const buckets = quotas(input);
      const waits = await Promise.all(buckets.map(({ bucket }) => shutters.waitMs(bucket)));
      if (waits.some((ms) => ms > 0)) throw notYet(Math.max(...waits));
      for (const { bucket, ...limit } of buckets) {
        const { isAllowed, retryAfterMs } = await cache.take(bucket, limit);
        if (!isAllowed) throw notYet(retryAfterMs);
      }
      try {
        return await deliver.attempt(input, at);
      } catch (thrown) {
        if (isPolybError(thrown) && thrown.code === 'resource_exhausted' && thrown.retryAfterMs !== undefined) {
          const { reason, retryAfterMs } = thrown;
          const shut = buckets.filter(({ shutBy }) => shutBy === undefined || shutBy(reason));
          await Promise.all(shut.map(({ bucket }) => shutters.shut(bucket, retryAfterMs)));
        }
        throw thrown;
      }
    },
  };
}

function notYet(retryAfterMs: number): PolybError {
  return new PolybError('resource_exhausted', 'The channel takes no more messages at this pace; it is tried again in time.', {
    reason: 'quota',
    retryAfterMs,
  });
}

/** Buckets that the channel has shut. This process remembers its own also while the cache, which may forget, is away. */
function shuttersIn(cache: Shared, now: () => number) {
  const own = new Map<string, number>();
  return {
    /** 0 when it is open. */
    async waitMs(bucket: string): Promise<number> {
      const shared = await cache.get(`shut:${bucket}`);
      // While it is kept it is shut, whatever the clock of the process that wrote it said.
      const sharedMs = shared === null ? 0 : Math.max(1, Number(shared) - now());
      return Math.max(sharedMs, (own.get(bucket) ?? 0) - now(), 0);
    },
    async shut(bucket: string, forMs: number): Promise<void> {
      const until = now() + forMs;
      for (const [other, end] of own) if (end <= now()) own.delete(other);
      own.set(bucket, until);
      await cache.set(`shut:${bucket}`, String(until), forMs);
    },
  };
}
