import { z } from 'zod';
import { cacheSettings } from '../../adapters/cache/index.ts';
import { durationMs, integer } from '../../config/settings.ts';
import type { ChannelName } from './rows.ts';

const policy = z.enum(['staff', 'none']).meta({ expected: 'staff or none' });
export const senderSettings = z.object({
  SENDER_APPROVAL: policy.default('staff').describe('Whether a person approves each message before it is sent: staff or none.'),
  SENDER_APPROVAL_TELEGRAM: policy.optional().describe('SENDER_APPROVAL for Telegram.'),
  SENDER_APPROVAL_WHATSAPP: policy.optional().describe('SENDER_APPROVAL for WhatsApp.'),
  SENDER_APPROVAL_SITE: policy.optional().describe('SENDER_APPROVAL for chats of a website.'),
  SENDER_APPROVERS: integer({ min: 1, max: 2 }).default(1).describe('Number of different people who must approve a message: 1 or 2.'),
  SENDER_UNDO_MS: durationMs({ max: 30_000 }).default(5_000).describe('How long an approval can be withdrawn before the message is sent.'),
  SENDER_KEEP_DAYS: integer({ min: 31, max: 3650 }).default(365).describe('Days to keep the delivery status of messages.'),
  ...cacheSettings.shape,
});

export type Policy = Readonly<Record<ChannelName, 'staff' | 'none'>>;
export function policyOf(settings: z.output<typeof senderSettings>): Policy {
  const { SENDER_APPROVAL: all } = settings;
  return {
    telegram: settings.SENDER_APPROVAL_TELEGRAM ?? all,
    whatsapp: settings.SENDER_APPROVAL_WHATSAPP ?? all,
    site: settings.SENDER_APPROVAL_SITE ?? all,
  };
}
