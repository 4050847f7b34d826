/** Who is in charge of a chat: a copy of what the inbox reports, for the event stream. */
import type { Queries } from '../../bus/service.ts';

/** The person of each chat that has one. */
export type OwnersOf = (chatIds: readonly string[]) => Promise<ReadonlyMap<string, string>>;

export const chatOwnersIn =
  (db: Queries): OwnersOf =>
  async (chatIds) => {
    if (chatIds.length === 0) return new Map();
    const rows = await db.query<{ chat_id: string; person_id: string }>(
      'select chat_id, person_id from gateway.chat_owners where chat_id = any($1) and person_id is not null',
      [chatIds],
    );
    return new Map(rows.map(({ chat_id, person_id }) => [chat_id, person_id]));
  };
/**
 * A change that is older than the one known has no effect.
 * @param personId Null: nobody is in charge any more.
 */
export async function setChatOwner(tx: Queries, chatId: string, personId: string | null, at: string): Promise<void> {
  await tx.query(
    `insert into gateway.chat_owners as known (chat_id, person_id, changed_at) values ($1, $2, $3)
     on conflict (chat_id) do update set person_id = excluded.person_id, changed_at = excluded.changed_at
     where known.changed_at <= excluded.changed_at`,
    [chatId, personId, at],
  );
}
export async function forgetChatOwners(tx: Queries, chatIds: readonly string[]): Promise<void> {
  await tx.query('delete from gateway.chat_owners where chat_id = any($1)', [chatIds]);
}
