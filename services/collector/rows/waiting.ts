/** Since when a customer waits for an answer in a chat, and how many of their messages are without one. */
import type { Queries } from '../../../bus/service.ts';

/**
 * Counts the unanswered messages of the chats anew: those since `waiting_since`, which new messages of customers set.
 * @param knows the latest act that an answer knew: what came later is still unanswered
 */
export async function refreshWaiting(tx: Queries, chatIds: readonly string[], knows: string | null = null): Promise<void> {
  await tx.query(
    `update collector.chats chat set (waiting_since, unanswered, is_urgent) = (
       select min(message.sent_at), count(*), coalesce(bool_or(message.is_urgent), false)
       from collector.messages message join collector.users person on person.user_id = message.sender_id join collector.user_roles using (role)
       where message.chat_id = chat.chat_id and message.sent_at >= chat.waiting_since and ($2::text is null or message.message_id collate "C" > $2)
         and not is_staff and not is_bot and message.kind <> 'service' and message.removed_at is null and person.erased_at is null)
     where chat_id = any ($1) and waiting_since is not null`,
    [chatIds, knows],
  );
}
/** Chats whose unanswered messages are older than this may have lost them. At most as many as the second parameter. */
export const waitingSince = `select chat_id as "chatId" from collector.chats where waiting_since < $1 order by waiting_since limit $2`;
