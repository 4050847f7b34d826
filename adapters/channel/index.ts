/** The channels. Several serve at once, so each is a kind of its own with one vendor. */
import { telegram, telegramSettings } from './telegram.ts';
import { whatsapp, whatsappSettings } from './whatsapp.ts';

export const telegramAdapters = { bot_api: { settings: telegramSettings, create: telegram } } as const;
export const whatsappAdapters = { cloud_api: { settings: whatsappSettings, create: whatsapp } } as const;
