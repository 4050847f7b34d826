import { z } from 'zod';
import { list, text } from '../../config/settings.ts';

const chat = text({ max: 21, like: /^-?\d{1,20}$/, expected: 'the id of a Telegram chat, e.g. -1001234567890' });
export const journalSettings = z.object({
  TELEGRAM_APPROVAL_CHATS: list(chat, { max: 20 })
    .default([])
    .describe(
      'Telegram chats in which staff see what waits for approval and what needs a review, and decide by a button. The first bot of TELEGRAM_BOT_TOKENS must be a member. ' +
        'A press counts only in these chats, and only by a person whose role is admin, director or manager (polyb call inbox.set_role).',
    ),
});
