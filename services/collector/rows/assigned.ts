import type { Tx } from '../../../bus/service.ts';
import { inbox } from '../../../contracts/inbox.ts';

/**
 * Puts a person in charge of the chats, or nobody. Applies to their former ids too, since other services know older rows by those.
 * @param who null when it follows from a merge or an erasure
 */
export async function setAssigned(tx: Tx, chatIds: readonly string[], personId: string | null, who: string | null): Promise<void> {
  const rows = await tx.query<{ chatId: string }>(
    `update collector.chats set assigned_to = $2
     where (chat_id = any ($1) or merged_into = any ($1)) and assigned_to is distinct from $2 returning chat_id as "chatId"`,
    [chatIds, personId],
  );
  const at = new Date().toISOString();
  for (const { chatId } of rows) tx.emit(inbox.chat_assigned, { chatId, personId, who, at });
}
