/** Who is in charge of a chat: the copy of what the inbox reports by which a service narrows its own lists. */
import type { Queries } from '../deps.ts';

export interface ChatOwners {
  /** SQL that narrows rows of chats to those of a person and of nobody; a null parameter shows all. The parameter is `narrowedTo(viewer)`. */
  isSeen(chatId: string, parameter: string): string;
  /** The person of each chat that has one. */
  of(db: Queries, chatIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /**
   * A change that is older than the one known has no effect: a dead letter may be replayed days later.
   * @param personId null: nobody is in charge any more
   * @param at ISO 8601
   */
  set(tx: Queries, chatId: string, personId: string | null, at: string): Promise<void>;
  forget(tx: Queries, chatIds: readonly string[]): Promise<void>;
}

/** @param table with `chat_id`, `person_id`, which is null where nobody is in charge, and `changed_at` */
export function chatOwners(table: string): ChatOwners {
  return {
    isSeen: (chatId, parameter) =>
      `(${parameter}::text is null or not exists (select from ${table} other where other.chat_id = ${chatId} and other.person_id <> ${parameter}))`,
    async of(db, chatIds) {
      if (chatIds.length === 0) return new Map();
      const rows = await db.query<{ chat_id: string; person_id: string }>(
        `select chat_id, person_id from ${table} where chat_id = any ($1) and person_id is not null`,
        [chatIds],
      );
      return new Map(rows.map(({ chat_id, person_id }) => [chat_id, person_id]));
    },
    async set(tx, chatId, personId, at) {
      await tx.query(
        `insert into ${table} as known (chat_id, person_id, changed_at) values ($1, $2, $3)
         on conflict (chat_id) do update set person_id = excluded.person_id, changed_at = excluded.changed_at
         where known.changed_at <= excluded.changed_at`,
        [chatId, personId, at],
      );
    },
    async forget(tx, chatIds) {
      await tx.query(`delete from ${table} where chat_id = any ($1)`, [chatIds]);
    },
  };
}
