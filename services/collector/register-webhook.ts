import type { Telegram } from '../../adapters/vendors/telegram/channel.ts';
import { type Loop, loop } from '../../bus/service.ts';

const dayMs = 86_400_000;

/** Registers the webhook at Telegram, at start and once a day; a loop, so that the service can start while Telegram is unavailable. */
export function registerWebhook(telegram: Pick<Telegram, 'bots' | 'pollers' | 'register'>): readonly Loop[] {
  if (telegram.bots.length === 0 || telegram.pollers.length > 0) return [];
  return [
    loop('register_webhook', { idleMs: dayMs, only: 'register_webhook' }, async (signal) => {
      await telegram.register(signal);
      return 'idle';
    }),
  ];
}
