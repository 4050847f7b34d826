/** Telegram, through the Bot API. */
import type { ChannelAdapter } from '../../channel/port.ts';
import { telegramIntake, telegramSettings } from './intake.ts';
import { telegramNotices } from './notices.ts';
import { canRequestContact, choiceLimits, mediaLimits, telegramSend, telegramSendSettings } from './send.ts';

export const telegram: ChannelAdapter = {
  name: 'telegram',
  provider: 'bot_api',
  intake: { settings: telegramSettings, create: telegramIntake },
  sending: { settings: telegramSendSettings, create: telegramSend },
  notices: { settings: telegramSendSettings, create: telegramNotices },
  provesPhones: true,
  canRequestContact,
  choices: choiceLimits,
  media: mediaLimits,
  personFields: ['id', 'user_id'],
};
