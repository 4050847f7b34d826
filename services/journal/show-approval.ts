import { hash } from 'node:crypto';
import type { Notice, Notices } from '../../adapters/channel/port.ts';
import type { AdminRow, JournalAdmin } from '../../adapters/store/journal-admin.ts';
import type { Call, Handler, Queries } from '../../bus/service.ts';
import type { approvals } from '../../contracts/approvals.ts';
import { inbox } from '../../contracts/inbox.ts';
import { deciders, noticeOf, questionOf } from './notice-of.ts';
import { findShown, keepShown } from './rows.ts';

/**
 * Updates a chat to the current state of the row, so that the last of several changes is shown, in any order of arrival.
 * A process that stops between Telegram's reply and its own record posts a second message when it runs again; a press there counts too, and closes it.
 */
export function showApproval(
  desk: JournalAdmin,
  db: Queries,
  notices: Pick<Notices, 'longestText' | 'post' | 'redraw'>,
): Handler<typeof approvals.show_approval> {
  return async ({ chat, rowId, pressed }, { call, commit, signal }) => {
    const [row] = await desk.find(rowId);
    if (row?.id !== rowId || (row.approval !== 'staff' && row.approval !== 'both')) return { messageId: null };
    const notice = await drawn(row, call);
    const look = hash('sha256', JSON.stringify(notice), 'base64url');
    const shown = await findShown(db, rowId, chat);
    const closed = { ...notice, buttons: [] };
    // A review is asked by one message; the pressed draft may be another.
    if (pressed !== null && pressed.messageId !== shown?.messageId)
      await notices.redraw(pressed, row.state === 'review' ? closed : notice, signal);
    if (shown?.drawn === look) return { messageId: shown.messageId };
    const asks = questionOf(row);
    const isOpen = asks !== null;
    // A new question gets a new message, of which people are notified; they would not notice an edit.
    const isOfOther = isOpen && shown?.asks !== asks;
    if (isOfOther && shown?.isOpen) await notices.redraw(shown, closed, signal);
    const isThere = shown !== null && !isOfOther && (await notices.redraw(shown, notice, signal));
    const at = isThere ? shown : isOpen ? await notices.post(chat, notice, signal) : null;
    if (at === null) return { messageId: null };
    return commit(async (tx) => {
      await keepShown(tx, rowId, chat, { ...at, drawn: look, isOpen, asks });
      return { messageId: at.messageId };
    });
  };

  async function drawn(row: AdminRow, call: Call): Promise<Notice> {
    const [schemas] = await desk.schemas([row.method]);
    const names = new Map(await Promise.all(deciders(row).map(async (who) => [who, await nameOf(who, call)] as const)));
    const { required = [] } = (schemas?.output ?? {}) as { readonly required?: readonly string[] };
    const needsNoOutput = schemas !== undefined && required.length === 0;
    return noticeOf(row, {
      schema: schemas?.input ?? {},
      needsNoOutput,
      nameOf: (who) => names.get(who) ?? who,
      longestText: notices.longestText,
    });
  }
}

/** The presser, as named in the audit. */
export const presserOf = (userId: string): string => `telegram/${userId}`;

/** An actor of the audit, as a name for people. */
async function nameOf(who: string, call: Call): Promise<string> {
  const { client, customerId } = /^[^:]+:(?:telegram\/(?<customerId>\w{1,64})|(?<client>.+))$/.exec(who)?.groups ?? {};
  if (customerId === undefined) return client ?? who;
  try {
    return (await call(inbox.get_client, { customerId })).name || customerId;
  } catch {
    return customerId; // A missing name must not leave buttons in the chat.
  }
}
