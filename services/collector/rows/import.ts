/**
 * Takes over the history of another system. Existing rows stay as they are, so an import may be repeated. No event is emitted: history
 * is not answered.
 */
import type { z } from 'zod';
import type { ChannelName, ReadChat } from '../../../adapters/channel/port.ts';
import { newId } from '../../../bus/durable/identity.ts';
import type { Queries } from '../../../bus/service.ts';
import type { MessageKind, UserRole } from '../../../contracts/inbox.ts';
import type { Bot } from './chats.ts';
import { learnWords } from './search.ts';

export interface ImportResult {
  /** Number of new rows. */
  readonly stored: number;
  /** The id of each row, also of those that existed, by external id. */
  readonly ids: ReadonlyMap<string, string>;
}
export interface PastPerson {
  readonly externalId: string;
  readonly name: string;
  readonly username: string | null;
  /** E.164 */
  readonly phone: string | null;
  readonly role: z.output<typeof UserRole>;
  readonly at: Date;
}
export interface PastMessage {
  readonly externalId: string;
  readonly chatId: string;
  /** The author, if known. */
  readonly sender: string | null;
  readonly kind: z.output<typeof MessageKind>;
  readonly text: string;
  readonly transcript: string | null;
  readonly replyTo: string | null;
  readonly at: Date;
}
const idsOf = (rows: readonly { readonly external_id: string; readonly id: string }[]) =>
  new Map(rows.map(({ external_id, id }) => [external_id, id]));

export async function importChats(tx: Queries, { channel, botId }: Bot, chats: readonly ReadChat[]): Promise<ImportResult> {
  const rows = chats.map((chat) => ({ id: newId('chat'), ...chat }));
  const inserted = await tx.query(
    `insert into collector.chats (chat_id, channel, bot_id, external_id, kind, title)
     select id, $1, $2, "externalId", kind, title
     from json_to_recordset($3) as row (id text, "externalId" text, kind text, title text) where not exists
       (select from collector.chat_aliases alias where alias.channel = $1 and alias.bot_id = $2 and alias.external_id = "externalId")
     on conflict do nothing returning chat_id`,
    [channel, botId, JSON.stringify(rows)],
  );
  const known = await tx.query<{ external_id: string; id: string }>(
    `select external_id, chat_id as id from collector.chats
     where channel = $1 and bot_id = $2 and external_id = any ($3) and merged_into is null
     union all
     select external_id, chat_id from collector.chat_aliases where channel = $1 and bot_id = $2 and external_id = any ($3)`,
    [channel, botId, chats.map(({ externalId }) => externalId)],
  );
  return { stored: inserted.length, ids: idsOf(known) };
}

export async function importPeople(tx: Queries, channel: ChannelName, people: readonly PastPerson[]): Promise<ImportResult> {
  const rows = people.map((person) => ({ id: newId('usr'), ...person }));
  const inserted = await tx.query(
    `insert into collector.users (user_id, channel, external_id, name, username, phone_number, role, first_seen_at, last_seen_at)
     select id, $1, "externalId", name, username, phone, role, at, at
     from json_to_recordset($2) as row (id text, "externalId" text, name text, username text, phone text, role text, at timestamptz)
     order by "externalId" on conflict do nothing returning user_id`,
    [channel, JSON.stringify(rows)],
  );
  const known = await tx.query<{ external_id: string; id: string }>(
    'select external_id, user_id as id from collector.users where channel = $1 and external_id = any ($2)',
    [channel, people.map(({ externalId }) => externalId)],
  );
  return { stored: inserted.length, ids: idsOf(known) };
}

/** Messages of the bot are outbound. Returns the number of new messages. */
export async function importMessages(tx: Queries, { channel, botId }: Bot, messages: readonly PastMessage[]): Promise<number> {
  const rows = messages.map((message) => ({ id: newId('msg'), ...message }));
  // Chats, then people, each in the order of their ids: as every other transaction locks them.
  await tx.query('select from collector.chats where chat_id = any ($1) order by chat_id for no key update', [
    [...new Set(messages.map(({ chatId }) => chatId))],
  ]);
  await tx.query('select from collector.users where user_id = any ($1) order by user_id for no key update', [
    [...new Set(messages.map(({ sender }) => sender))],
  ]);
  const inserted = await tx.query<{ message_id: string }>(
    `insert into collector.messages (message_id, channel, bot_id, chat_external_id, external_id, chat_id, sender_id, direction, kind, text,
       transcript, reply_to, is_forwarded, sent_at)
     select row.id, $1, $2, chat.external_id, row."externalId", chat.chat_id, row.sender,
       case when person.external_id = $2 then 'out' else 'in' end, row.kind, row.text, row.transcript, row."replyTo", false, row.at
     from json_to_recordset($3) as row (id text, "externalId" text, "chatId" text, sender text, kind text, text text, transcript text,
         "replyTo" text, at timestamptz)
       join collector.chats chat on chat.chat_id = row."chatId" left join collector.users person on person.user_id = row.sender
     order by row.at, row."externalId" on conflict do nothing returning message_id`,
    [channel, botId, JSON.stringify(rows)],
  );
  const ids = inserted.map(({ message_id }) => message_id);
  await tx.query(
    `insert into collector.chat_members (user_id, chat_id)
     select distinct sender_id, chat_id from collector.messages where message_id = any ($1) and sender_id is not null on conflict do nothing`,
    [ids],
  );
  await tx.query(
    `update collector.users person set messages = person.messages + wrote.messages,
       first_seen_at = least(person.first_seen_at, wrote.first), last_seen_at = greatest(person.last_seen_at, wrote.last)
     from (select sender_id, count(*) as messages, min(sent_at) as first, max(sent_at) as last
           from collector.messages where message_id = any ($1) group by sender_id) wrote
     where person.user_id = wrote.sender_id`,
    [ids],
  );
  await tx.query(
    `update collector.chats chat set
       last_message_id = case when chat.last_message_at >= last.sent_at then chat.last_message_id else last.message_id end,
       last_message_at = greatest(chat.last_message_at, last.sent_at),
       last_inbound_at = greatest(chat.last_inbound_at, last.inbound)
     from (select distinct on (chat_id) chat_id, message_id, sent_at,
             max(sent_at) filter (where person.role = 'client') over (partition by chat_id) as inbound
           from collector.messages message left join collector.users person on person.user_id = message.sender_id
           where message_id = any ($1) order by chat_id, sent_at desc, seq desc) last
     where chat.chat_id = last.chat_id`,
    [ids],
  );
  await learnWords(tx, ids);
  return ids.length;
}
