/** WhatsApp, through the Cloud API. */
import type { ChannelAdapter } from '../../channel/port.ts';
import { whatsappIntake, whatsappSettings } from './intake.ts';
import { choiceLimits, mediaLimits, whatsappSend, whatsappSendSettings } from './send.ts';

export const whatsapp: ChannelAdapter = {
  name: 'whatsapp',
  provider: 'cloud_api',
  intake: { settings: whatsappSettings, create: whatsappIntake },
  sending: { settings: whatsappSendSettings, create: whatsappSend },
  replyWindowMs: 86_400_000, // Error 131047.
  hasTemplates: true,
  provesPhones: true,
  choices: choiceLimits,
  media: mediaLimits,
  personFields: ['id', 'from', 'from_user_id', 'wa_id', 'user_id', 'recipient_id', 'recipient_user_id'],
};
