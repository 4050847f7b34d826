import type { Cache } from '../../adapters/cache/port.ts';
import { type Cooldowns, quotaExceeded } from '../../adapters/channel/cooldowns.ts';
import type { Sending } from '../../adapters/channel/port.ts';
import type { Effect } from '../../contracts/kit/define.ts';
import type { messages } from '../../contracts/messages.ts';

/** Enforces the limits of the channel. Above them an attempt is refused before any byte is sent, and the journal retries in time. */
export function withinQuotas(
  { deliver, quotas }: Sending,
  cache: Pick<Cache, 'take'>,
  cooldowns: Cooldowns,
): Effect<typeof messages.deliver> {
  return {
    ...deliver,
    attempt(input, at) {
      const buckets = quotas(input);
      return cooldowns.withCooldown(buckets, async () => {
        for (const { bucket, ...limit } of buckets) {
          const { isAllowed, retryAfterMs } = await cache.take(bucket, limit);
          if (!isAllowed) throw quotaExceeded(retryAfterMs);
        }
        return deliver.attempt(input, at);
      });
    },
  };
}
