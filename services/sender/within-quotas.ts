import type { Cache } from '../../adapters/cache/port.ts';
import { notYet, type Shutters } from '../../adapters/channel/cooldowns.ts';
import type { Sending } from '../../adapters/channel/port.ts';
import type { Effect } from '../../contracts/kit/define.ts';
import type { messages } from '../../contracts/messages.ts';

/** Keeps to what the channel allows. Above it an attempt is refused before a byte goes out, and the journal tries again in time. */
export function withinQuotas(
  { deliver, quotas }: Sending,
  cache: Pick<Cache, 'take'>,
  shutters: Shutters,
): Effect<typeof messages.deliver> {
  return {
    ...deliver,
    attempt(input, at) {
      const buckets = quotas(input);
      return shutters.heeding(buckets, async () => {
        for (const { bucket, ...limit } of buckets) {
          const { isAllowed, retryAfterMs } = await cache.take(bucket, limit);
          if (!isAllowed) throw notYet(retryAfterMs);
        }
        return deliver.attempt(input, at);
      });
    },
  };
}
