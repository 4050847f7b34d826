import type { Sending } from '../../adapters/channel/port.ts';
import type { Dependency } from '../../bus/telemetry/dependencies.ts';

/** Records the outcome of each attempt, so that health reports whether the channel accepts messages. */
export function watched({ deliver, quotas }: Sending, channel: Dependency): Sending {
  return { quotas, deliver: { ...deliver, attempt: (input, at) => channel.watch(() => deliver.attempt(input, at)) } };
}
