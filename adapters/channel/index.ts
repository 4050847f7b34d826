/** The channels. Several are in use at once, so each is its own kind with one provider. */

import { telegram, telegramSettings } from '../vendors/telegram/channel.ts';
import { telegramNotices } from '../vendors/telegram/notices.ts';
import { telegramSend, telegramSendSettings } from '../vendors/telegram/send.ts';
import { whatsapp, whatsappSettings } from '../vendors/whatsapp/channel.ts';
import { whatsappSend, whatsappSendSettings } from '../vendors/whatsapp/send.ts';

export const telegramAdapters = { bot_api: { settings: telegramSettings, create: telegram } } as const;
export const whatsappAdapters = { cloud_api: { settings: whatsappSettings, create: whatsapp } } as const;

/** The same providers, for the service that sends. */
export const telegramSending = { bot_api: { settings: telegramSendSettings, create: telegramSend } } as const;
/** The channel for approvals by staff. */
export const telegramAsking = { bot_api: { settings: telegramSendSettings, create: telegramNotices } } as const;
export const whatsappSending = { cloud_api: { settings: whatsappSendSettings, create: whatsappSend } } as const;
