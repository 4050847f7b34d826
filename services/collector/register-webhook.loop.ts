import type { Intake } from '../../adapters/channel/port.ts';
import { type Loop, loop } from '../../bus/service.ts';

const dayMs = 86_400_000;

/** Registers the webhook at the channel, at start and once a day; a loop, so that the service can start while the channel is unavailable. */
export function registerWebhook(channel: string, register: NonNullable<Intake['register']>): Loop {
  const name = `register_webhook_${channel}`;
  return loop(name, { idleMs: dayMs, only: name }, async (signal) => {
    await register(signal);
    return 'idle';
  });
}
