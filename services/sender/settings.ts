import { z } from 'zod';
import { cacheSettings } from '../../adapters/cache/index.ts';
import { durationMs, integer } from '../../config/settings.ts';
import type { ChannelName } from './rows.ts';

const policy = z.enum(['staff', 'none']).meta({ expected: 'staff or none' });
export const senderSettings = z.object({
  SENDER_APPROVAL: policy.default('staff').describe('Whether a person approves each message before it goes out: staff or none.'),
  SENDER_APPROVAL_TELEGRAM: policy.optional().describe('The same for Telegram alone.'),
  SENDER_APPROVAL_WHATSAPP: policy.optional().describe('The same for WhatsApp alone.'),
  SENDER_UNDO_MS: durationMs({ max: 30_000 })
    .default(5_000)
    .describe('How long an approval can be taken back before the message goes out.'),
  SENDER_KEEP_DAYS: integer({ min: 31, max: 3650 }).default(365).describe('How long it is known how far a message came.'),
  ...cacheSettings.shape,
});

export type Policy = Readonly<Record<ChannelName, 'staff' | 'none'>>;
export function policyOf(settings: z.output<typeof senderSettings>): Policy {
  const { SENDER_APPROVAL: all, SENDER_APPROVAL_TELEGRAM: telegram = all, SENDER_APPROVAL_WHATSAPP: whatsapp = all } = settings;
  return { telegram, whatsapp };
}
