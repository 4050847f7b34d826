/** The channels. Several serve at once, so each is a kind of its own with one vendor. */

import { telegram, telegramSettings } from '../vendors/telegram/channel.ts';
import { telegramNotices } from '../vendors/telegram/notices.ts';
import { telegramSend, telegramSendSettings } from '../vendors/telegram/send.ts';
import { whatsapp, whatsappSettings } from '../vendors/whatsapp/channel.ts';
import { whatsappSend, whatsappSendSettings } from '../vendors/whatsapp/send.ts';

export const telegramAdapters = { bot_api: { settings: telegramSettings, create: telegram } } as const;
export const whatsappAdapters = { cloud_api: { settings: whatsappSettings, create: whatsapp } } as const;

/** The same vendors, as the service that sends needs them. */
export const telegramSending = { bot_api: { settings: telegramSendSettings, create: telegramSend } } as const;
/** The channel in which people of the staff are asked. */
export const telegramAsking = { bot_api: { settings: telegramSendSettings, create: telegramNotices } } as const;
export const whatsappSending = { cloud_api: { settings: whatsappSendSettings, create: whatsappSend } } as const;
