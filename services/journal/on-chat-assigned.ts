import type { JournalAdmin } from '../../adapters/store/journal-admin.ts';
import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';

/** From then on a manager sees the rows about the chat, or no longer does. */
export function onChatAssigned(desk: Pick<JournalAdmin, 'assign'>): Consumer {
  return on(inbox.chat_assigned, ({ chatId, personId, at }, tx) => desk.assign(tx, chatId, personId, at));
}
