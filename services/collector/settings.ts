import { z } from 'zod';
import { durationMs, integer, text } from '../../config/settings.ts';

export const collectorSettings = z.object({
  INBOX_TAKEOVER_MS: durationMs({ max: 30 * 86_400_000 })
    .default(30 * 60_000)
    .describe('How long the bot stays silent in a chat after a message by staff.'),
  INBOX_START_TEXT: text({ max: 4096 }).default('Здравствуйте! Напишите, чем мы можем помочь.').describe('Reply to /start.'),
  INBOX_HELP_TEXT: text({ max: 4096 })
    .default('Напишите вопрос или заказ обычными словами, и мы ответим здесь.')
    .describe('Reply to /help.'),
  INBOX_RAW_DAYS: integer({ min: 1, max: 3650 }).default(30).describe('How long raw updates are kept for replay.'),
  INBOX_MESSAGE_DAYS: integer({ min: 1, max: 3650 })
    .default(1095)
    .describe('How long messages are kept. Customers and chats without messages are deleted with them.'),
  INBOX_VOICE_DAYS: integer({ min: 1, max: 3650 })
    .default(90)
    .describe('How long recordings of voice messages are kept. Transcripts remain.'),
  INBOX_FILE_DAYS: integer({ min: 1, max: 3650 }).default(90).describe('How long files of messages are kept.'),
  INBOX_FILE_MAX_BYTES: integer({ min: 1000, max: 104_857_600 })
    .default(20_971_520)
    .describe('Larger files are not fetched. One file at a time is held in memory.'),
  INBOX_VOICE_MAX_BYTES: integer({ min: 1000, max: 20_000_000 }).default(5_000_000).describe('Larger recordings are not fetched.'),
});
