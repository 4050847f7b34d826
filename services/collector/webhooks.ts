/** HTTP deliveries of channels: verified, stored, and only then acknowledged. */
import type { UpdateBatch, WebhookRequest } from '../../adapters/channel/port.ts';
import type { Telegram } from '../../adapters/vendors/telegram/channel.ts';
import type { WhatsApp } from '../../adapters/vendors/whatsapp/channel.ts';
import type { HandlersOf } from '../../bus/service.ts';
import type { inbox } from '../../contracts/inbox.ts';
import type { IntakeResult, UpdateIntake } from './intake.ts';

type Webhooks = Pick<HandlersOf<typeof inbox>, 'telegram_webhook' | 'whatsapp_webhook' | 'whatsapp_verify'>;

export function webhooks(telegram: Telegram, whatsapp: WhatsApp, { take }: UpdateIntake): Webhooks {
  const takeAll = async (channel: 'telegram' | 'whatsapp', deliveries: readonly UpdateBatch[]): Promise<IntakeResult> => {
    const taken = await Promise.all(deliveries.map((delivery) => take(channel, delivery)));
    return taken.reduce((a, b) => ({ updates: a.updates + b.updates, messages: a.messages + b.messages }), { updates: 0, messages: 0 });
  };
  return {
    telegram_webhook: (given: WebhookRequest) => takeAll('telegram', telegram.receive(given)),
    whatsapp_webhook: (given: WebhookRequest) => takeAll('whatsapp', whatsapp.receive(given)),
    whatsapp_verify: async (query) => ({ contentType: 'text/plain', body: Buffer.from(whatsapp.verify(query)) }),
  };
}
