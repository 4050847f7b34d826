/** Changes of stored messages: edits and removals. */
import { hash } from 'node:crypto';
import type { ChannelName, ReadPart } from '../../../adapters/channel/port.ts';
import type { Queries, Tx } from '../../../bus/service.ts';
import { inbox } from '../../../contracts/inbox.ts';
import type { intents } from '../../../contracts/intents.ts';
import type { PayloadOf } from '../../../contracts/kit/define.ts';
import { nextActId } from '../act-ids.ts';
import { refreshWaiting } from './waiting.ts';

/** A message before a change. */
export interface StoredMessage {
  readonly message_id: string;
  readonly chat_id: string;
  readonly sender_id: string | null;
  readonly is_staff: boolean | null;
  readonly is_bot: boolean | null;
  readonly text: string;
  /** When it got this text. */
  readonly at: Date;
}
export const keptColumns = 'message_id, chat_id, sender_id, is_staff, is_bot, text, coalesce(edited_at, sent_at) as at';
export const keptTables = `collector.messages message
  left join collector.users person on person.user_id = message.sender_id left join collector.user_roles using (role)`;

export const digestOf = (words: string): string => hash('sha256', words, 'base64url').slice(0, 22);

/** Returns the id of the change. */
export async function emitChange(
  tx: Tx,
  channel: ChannelName,
  { message_id: messageId, chat_id: chatId, sender_id: senderId, is_staff, is_bot }: StoredMessage,
  {
    kind,
    change,
    at,
  }: {
    readonly kind: (typeof inbox.message_changed.payload)['_output']['kind'];
    readonly change: 'edited' | 'removed';
    readonly at: number;
  },
): Promise<string> {
  const changeId = nextActId();
  const [isStaff, isBot] = [is_staff ?? false, is_bot ?? false];
  if (senderId !== null && !isBot)
    await tx.query('update collector.chats set last_act_id = greatest(last_act_id, $2) where chat_id = $1', [chatId, changeId]);
  tx.emit(inbox.message_changed, {
    ...{ changeId, messageId, channel, chatId, senderId, isStaff, isBot, kind, change },
    at: new Date(at).toISOString(),
  });
  return changeId;
}

/** A withdrawn message keeps its row and its versions, and has no text. A repeat changes nothing. */
export async function putRemovals(
  tx: Tx,
  { channel, botId }: { readonly channel: ChannelName; readonly botId: string },
  removals: readonly Extract<ReadPart, { is: 'removal' }>[],
): Promise<void> {
  for (const { chat, externalIds, at } of removals) {
    const rows = await tx.query<StoredMessage & { readonly kind: Parameters<typeof emitChange>[3]['kind'] }>(
      `select ${keptColumns}, message.kind from ${keptTables}
       where message.channel = $1 and bot_id = $2 and chat_external_id = $3 and message.external_id = any ($4) and removed_at is null
       order by message_id for update of message`,
      [channel, botId, chat.externalId, externalIds],
    );
    if (rows.length === 0) continue;
    const ids = rows.map(({ message_id }) => message_id);
    const time = at ?? Date.now();
    await tx.query(
      `insert into collector.message_versions (message_id, at, digest, text)
       select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[]) on conflict do nothing`,
      [ids, rows.map((row) => row.at), rows.map(({ text }) => digestOf(text)), rows.map(({ text }) => text)],
    );
    await tx.query(
      `update collector.messages set text = '', transcript = null, content = '[]', removed_at = $2, is_urgent = false,
         intent = null, is_certain = null, confidence = null where message_id = any ($1)`,
      [ids, new Date(time)],
    );
    await clearIntent(tx, ids);
    await refreshWaiting(tx, [...new Set(rows.map(({ chat_id }) => chat_id))]);
    for (const row of rows) await emitChange(tx, channel, row, { kind: row.kind, change: 'removed', at: time });
  }
}

/** The chats no longer show the intent of these messages. */
export async function clearIntent(tx: Queries, messageIds: readonly string[]): Promise<void> {
  await tx.query(
    `update collector.chats chat set intent = null from collector.messages message
     where message.message_id = any ($1) and chat.chat_id = message.chat_id and chat.last_customer_message_id = message.message_id`,
    [messageIds],
  );
}

/** The classification of a message; a repeated or later one replaces it. */
export async function setIntent(
  tx: Queries,
  messageId: string,
  {
    intent,
    isCertain,
    confidence,
    isUrgent,
  }: Pick<PayloadOf<typeof intents.message_classified>, 'intent' | 'isCertain' | 'confidence' | 'isUrgent'>,
): Promise<void> {
  // The chat first, as a delivery locks them.
  const [was] = await tx.query<{ chatId: string; isUrgent: boolean }>(
    `select chat_id as "chatId", message.is_urgent as "isUrgent" from collector.messages message join collector.chats chat using (chat_id)
     where message_id = $1 for no key update of chat`,
    [messageId],
  );
  if (was === undefined) return;
  await tx.query('update collector.messages set intent = $2, is_certain = $3, confidence = $4, is_urgent = $5 where message_id = $1', [
    ...[messageId, intent, isCertain, confidence, isUrgent],
  ]);
  await tx.query('update collector.chats set intent = $3 where chat_id = $1 and last_customer_message_id = $2', [
    was.chatId,
    messageId,
    intent,
  ]);
  if (was.isUrgent !== isUrgent) await refreshWaiting(tx, [was.chatId]);
}
