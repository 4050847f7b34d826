import type { Sending } from '../../adapters/channel/port.ts';
import type { Outsider } from '../../bus/telemetry/dependencies.ts';

/** Notes how each attempt ended, so that health tells whether the channel takes messages. */
export function watched({ deliver, quotas }: Sending, channel: Outsider): Sending {
  return { quotas, deliver: { ...deliver, attempt: (input, at) => channel.watch(() => deliver.attempt(input, at)) } };
}
