import type { Cache } from '../../adapters/cache/port.ts';
import type { Sending } from '../../adapters/channel/port.ts';
import type { Effect } from '../../contracts/define.ts';
import { PolybError } from '../../contracts/errors.ts';
import type { messages } from '../../contracts/messages.ts';

/** Keeps to what the channel allows. Above it an attempt is refused before a byte goes out, and the journal tries again in time. */
export function withinQuotas({ deliver, quotas }: Sending, cache: Pick<Cache, 'take'>): Effect<typeof messages.deliver> {
  return {
    ...deliver,
    async attempt(input, at) {
      for (const { bucket, ...limit } of quotas(input)) {
        const { isAllowed, retryAfterMs } = await cache.take(bucket, limit);
        if (!isAllowed)
          throw new PolybError('resource_exhausted', 'The channel takes no more messages at this pace; it is tried again in time.', {
            reason: 'quota',
            retryAfterMs,
          });
      }
      return deliver.attempt(input, at);
    },
  };
}
