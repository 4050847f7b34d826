/** Approvals in chats of the staff: waiting rows are shown there with buttons, and then their outcome. */

import { z } from 'zod';
import type { Notices } from '../../adapters/channel/port.ts';
import type { Desk } from '../../adapters/store/journal-admin.ts';
import { type Commit, type Consumer, every, type HandlersOf, type Log, type Loop, loop, on, type Queries } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { list, text } from '../../config/settings.ts';
import { approvals } from '../../contracts/approvals.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { choiceOf } from './notice-of.ts';
import { chatCalled, forgetShown, notShown } from './notice-rows.ts';
import { pressButton } from './press-button.ts';
import { showApproval } from './show-approval.ts';

const chat = text({ max: 21, like: /^-?\d{1,20}$/, expected: 'the id of a Telegram chat, e.g. -1001234567890' });
export const askingSettings = z.object({
  TELEGRAM_APPROVAL_CHATS: list(chat, { max: 20 })
    .default([])
    .describe(
      'Telegram chats in which staff see what waits for approval and what needs a review, and decide by a button. The first bot of TELEGRAM_BOT_TOKENS must be a member. ' +
        'A press counts only in these chats, and only by a person whose role is admin, director or manager (polyb call inbox.set_role).',
    ),
});

interface Parts {
  readonly chats: readonly string[];
  /** Null without a bot. */
  readonly notices: Notices | null;
  readonly desk: Desk;
  readonly decide: Pick<HandlersOf<typeof journal>, 'approve' | 'reject' | 'resolve'>;
  readonly db: Queries;
  readonly commit: Commit;
  readonly log: Log;
}
interface ApprovalParts {
  readonly approvals: HandlersOf<typeof approvals>;
  readonly on: readonly Consumer[];
  readonly loops: readonly Loop[];
}
const dayMs = 86_400_000;
const keepDays = 90;

export function askInChats({ chats, notices, desk, decide, db, commit, log }: Parts): ApprovalParts {
  if (notices === null || chats.length === 0) {
    if (chats.length > 0) log.error({}, 'TELEGRAM_APPROVAL_CHATS is set without TELEGRAM_BOT_TOKENS: approvals are not shown there');
    const off = () =>
      Promise.reject(
        new PolybError('failed_precondition', 'No approval chat is in use; set TELEGRAM_APPROVAL_CHATS and TELEGRAM_BOT_TOKENS.', {
          reason: 'not_set_up',
        }),
      );
    return { approvals: { show_approval: off, press_button: off }, on: [], loops: [] };
  }
  return {
    approvals: { show_approval: showApproval(desk, db, notices), press_button: pressButton({ desk, decide, notices, log }) },
    on: [
      on(journal.approval_changed, async ({ rowId, at }, tx) => {
        for (const each of chats)
          tx.send(approvals.show_approval, { chat: each, rowId, pressed: null }, { key: derivedKey(rowId, each, at) });
      }),
      on(inbox.button_pressed, async ({ channel, botId, data, chatExternalId, messageExternalId, queryId, userId, isStaff }, tx) => {
        const asked = choiceOf(data);
        if (asked === null || channel !== 'telegram' || botId !== notices.botId) return;
        if (chatExternalId === null || messageExternalId === null || queryId === null) return;
        const pressed = { chat: chatExternalId, messageId: messageExternalId };
        const from = await chatCalled(tx, chats, chatExternalId);
        tx.send(approvals.press_button, { ...asked, chat: from, pressed, queryId, userId, isStaff }, { key: derivedKey(botId, queryId) });
      }),
    ],
    loops: [
      // Rows that waited before a chat was configured, or could not be shown there. Once a day and at start.
      loop('show_waiting', { idleMs: dayMs, only: 'show_waiting' }, async () => {
        const [drafts, doubts] = await Promise.all([
          desk.list({ view: 'approvals', limit: 1000 }),
          desk.list({ view: 'reviews', limit: 1000 }),
        ]);
        const waiting = [...drafts, ...doubts.filter(({ approval }) => approval === 'staff')];
        const today = new Date().toISOString().slice(0, 10);
        for (const each of chats) {
          const unseen = await notShown(
            db,
            waiting.map(({ id }) => id),
            each,
          );
          await commit(async (tx) => {
            for (const rowId of unseen)
              tx.send(approvals.show_approval, { chat: each, rowId, pressed: null }, { key: derivedKey(rowId, each, today) });
          });
        }
        return 'idle';
      }),
      every('forget_notices', '29 3 * * *', () => forgetShown(db, keepDays)),
    ],
  };
}
