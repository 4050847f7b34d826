import type { Sending } from '../../adapters/channel/port.ts';
import type { Quotas } from '../../adapters/quota.ts';
import type { Effect } from '../../contracts/kit/define.ts';
import type { messages } from '../../contracts/messages.ts';

/** Enforces the limits of the channel. Above them an attempt is refused before any byte is sent, and the journal retries in time. */
export function withinQuotas({ deliver, quotas }: Sending, { within }: Quotas): Effect<typeof messages.deliver> {
  return { ...deliver, attempt: (input, at) => within(quotas(input), () => deliver.attempt(input, at)) };
}
