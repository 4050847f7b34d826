/** Which message of which chat shows a row, and how. */
import type { Queries } from '../../bus/service.ts';

export interface NoticeRow {
  /** The current Telegram id of the chat. */
  readonly chat: string;
  readonly messageId: string;
  /** Digest of its appearance. */
  readonly drawn: string;
  /** True if it has buttons. */
  readonly isOpen: boolean;
  /** The decision that its buttons offer; null without buttons. */
  readonly asks: string | null;
}

export async function findShown(db: Queries, rowId: string, chat: string): Promise<NoticeRow | null> {
  const [row] = await db.query<NoticeRow>(
    `select posted_in as chat, message_id as "messageId", drawn, is_open as "isOpen", asks from pipelines.approval_notices where row_id = $1 and chat = $2`,
    [rowId, chat],
  );
  return row ?? null;
}
export async function keepShown(tx: Queries, rowId: string, chat: string, shown: NoticeRow): Promise<void> {
  await tx.query(
    `insert into pipelines.approval_notices (row_id, chat, posted_in, message_id, drawn, is_open, asks) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (row_id, chat) do update set posted_in = excluded.posted_in, message_id = excluded.message_id, drawn = excluded.drawn,
       is_open = excluded.is_open, asks = excluded.asks, changed_at = now()`,
    [rowId, chat, shown.chat, shown.messageId, shown.drawn, shown.isOpen, shown.asks],
  );
}
/** The configured chat with this Telegram id: itself, or one that became a supergroup. */
export async function chatCalled(tx: Queries, chats: readonly string[], called: string): Promise<string | null> {
  if (chats.includes(called)) return called;
  const [row] = await tx.query<{ chat: string }>(
    'select chat from pipelines.approval_notices where posted_in = $1 and chat = any ($2) limit 1',
    [called, chats],
  );
  return row?.chat ?? null;
}
/** Waiting rows that a chat does not show. */
export async function notShown(db: Queries, rowIds: readonly string[], chat: string): Promise<readonly string[]> {
  const rows = await db.query<{ id: string }>(
    `select id from unnest($1::text[]) as waiting (id)
     where not exists (select from pipelines.approval_notices where row_id = id and chat = $2 and is_open)`,
    [rowIds, chat],
  );
  return rows.map(({ id }) => id);
}
/** Including those with buttons: rows that still wait are shown again. */
export async function forgetShown(db: Queries, keepDays: number): Promise<void> {
  await db.query('delete from pipelines.approval_notices where changed_at < now() - make_interval(days => $1)', [keepDays]);
}
