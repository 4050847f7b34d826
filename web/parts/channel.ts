import type { Desk } from '../kit/desk.ts';
import type { Words } from '../kit/words.ts';

const channelWords = {
  site: ['сайт', 'website'],
  telegram: ['Telegram', 'Telegram'],
  whatsapp: ['WhatsApp', 'WhatsApp'],
} as const satisfies Words;

/** A channel as people call it; one that is not known here by its name. */
export function channelName(desk: Desk, channel: string): string {
  return Object.hasOwn(channelWords, channel) ? desk.words(channelWords)(channel as keyof typeof channelWords) : channel;
}
