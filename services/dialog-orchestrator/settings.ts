import { z } from 'zod';
import { durationMs, integer, text } from '../../config/settings.ts';
import { TimeZone } from '../../contracts/common.ts';
import { DialogLanguage, DialogMode } from '../../contracts/dialog.ts';

export const dialogSettings = z.object({
  DIALOG_MODE: DialogMode.default('draft')
    .meta({ expected: 'auto, draft or off' })
    .describe('Whether the agent replies in chats by itself, drafts replies for approval, or is silent: auto, draft or off.'),
  DIALOG_LANGUAGE: DialogLanguage.default('ru')
    .meta({ expected: 'ru or en' })
    .describe('Language of a conversation until the customer writes in another.'),
  DIALOG_GATHER_MS: durationMs({ max: 30_000 }).default(700).describe('How long a message waits for another one before the agent answers.'),
  DIALOG_FRAGMENT_MS: durationMs({ max: 30_000 }).default(2_500).describe('The same for a fragment of a sentence, in all.'),
  DIALOG_VOICE_MS: durationMs({ max: 600_000 })
    .default(10_000)
    .describe('How long a voice message waits for its transcript; then the agent asks the customer to write.'),
  DIALOG_SESSION_MS: durationMs({ max: 30 * 86_400_000 })
    .default(2 * 3_600_000)
    .describe('Silence after which a conversation begins anew.'),
  DIALOG_PROPOSAL_MS: durationMs({ max: 1_800_000 })
    .default(1_500_000)
    .describe('How long a customer can confirm a proposal; a slot can be booked for 30 minutes.'),
  DIALOG_HANDOVER_MS: durationMs({ min: 60_000, max: 30 * 86_400_000 })
    .default(86_400_000)
    .describe('How long staff has a chat that the agent handed over; then the agent answers again.'),
  DIALOG_MAX_TURNS: integer({ min: 1, max: 1000 }).default(40).describe('Turns of a session; then it is handed over to staff.'),
  DIALOG_MAX_TOKENS: integer({ min: 1000, max: 10_000_000 })
    .default(60_000)
    .describe('Tokens of a session; then it is handed over to staff.'),
  DIALOG_MAX_BOOKINGS: integer({ min: 1, max: 100 })
    .default(3)
    .describe('Appointments that one phone can make through the agent in 24 hours.'),
  DIALOG_TIME_ZONE: TimeZone.meta({ expected: 'an IANA time zone, e.g. Europe/Moscow' })
    .default('Europe/Moscow')
    .describe('Zone of the location, if the booking calendar is not the built-in one.'),
  DIALOG_CONNECTION: text({ max: 20 }).default('main').describe('The booking connection that the agent uses.'),
  DIALOG_PROMPTS: text({ max: 1000 })
    .optional()
    .describe('Folder with prompts of the company, ru/greeting.md and so on; they replace those of the same name.'),
  DIALOG_KEEP_DAYS: integer({ min: 1, max: 3650 }).default(365).describe('Days to keep conversations.'),
});
export type DialogSettings = z.output<typeof dialogSettings>;
