/** Chats as rows: found, created and merged. A chat is one row per bot, under all ids that the channel has given it. */
import type { ChannelName, ReadChat } from '../../../adapters/channel/port.ts';
import { newId } from '../../../bus/durable/identity.ts';
import type { Queries, Tx } from '../../../bus/service.ts';
import { inbox } from '../../../contracts/inbox.ts';
import type { IdChange } from './aliases.ts';
import { setAssigned } from './assigned.ts';
import type { Person } from './people.ts';
import { refreshWaiting } from './waiting.ts';

export interface Bot {
  readonly channel: ChannelName;
  readonly botId: string;
}
/** The chat id of a requested chat. */
export type ChatOf = (chat: Pick<ReadChat, 'externalId'>) => string;

/** Finds and locks the chats, and creates missing ones. */
export async function chatsOf(tx: Queries, bot: Bot, chats: readonly ReadChat[]): Promise<ChatOf> {
  const wanted = new Map(chats.map((chat) => [chat.externalId, chat]));
  const known = await find(tx, bot, [...wanted.keys()]);
  const missing = [...wanted.values()]
    .filter(({ externalId }) => !known.has(externalId))
    .sort((a, b) => (a.externalId < b.externalId ? -1 : 1));
  if (missing.length > 0) {
    await tx.query(
      `insert into collector.chats (chat_id, channel, bot_id, external_id, kind, title)
       select row.chat_id, $1, $2, row.external_id, row.kind, row.title
       from json_to_recordset($3) as row (chat_id text, external_id text, kind text, title text)
       on conflict (channel, bot_id, external_id) where merged_into is null do nothing`,
      [
        bot.channel,
        bot.botId,
        JSON.stringify(missing.map(({ externalId, kind, title }) => ({ chat_id: newId('chat'), external_id: externalId, kind, title }))),
      ],
    );
    for (const [externalId, chatId] of await find(
      tx,
      bot,
      missing.map(({ externalId }) => externalId),
    ))
      known.set(externalId, chatId);
  }
  return ({ externalId }) => {
    const chatId = known.get(externalId);
    if (chatId === undefined) throw new TypeError('a chat that was not asked for');
    return chatId;
  };
}

/** Chat ids by external id; the chats are locked. */
async function find(tx: Queries, { channel, botId }: Bot, externalIds: readonly string[]): Promise<Map<string, string>> {
  if (externalIds.length === 0) return new Map();
  const rows = await tx.query<{ external_id: string; chat_id: string }>(
    `select named.external_id, chat_id from (
       select external_id, chat_id from collector.chats where channel = $1 and bot_id = $2 and external_id = any ($3) and merged_into is null
       union all
       select external_id, chat_id from collector.chat_aliases where channel = $1 and bot_id = $2 and external_id = any ($3)
     ) named join collector.chats using (chat_id) order by chat_id for no key update of chats`,
    [channel, botId, externalIds],
  );
  return new Map(rows.map((row) => [row.external_id, row.chat_id]));
}

/** A group becomes a supergroup: it keeps its chat id, takes the new external id, and is found by both. A repeat changes nothing. */
export async function migrate(tx: Tx, bot: Bot, from: string, to: string): Promise<void> {
  const known = await find(tx, bot, [from, to]);
  const [old, other] = [known.get(from), known.get(to)];
  if (old === undefined || old === other) {
    if (other !== undefined) await addAlias(tx, bot, from, other);
    return;
  }
  await tx.query(`update collector.chats set kind = 'supergroup' where chat_id = $1`, [old]);
  await moveAddress(tx, bot, from, to);
}
/** A chat moves to another address and is found by both; an existing chat there is merged into it. */
export async function moveAddress(tx: Tx, bot: Bot, from: string, to: string): Promise<void> {
  const known = await find(tx, bot, [from, to]);
  const [old, other] = [known.get(from), known.get(to)];
  if (old === undefined || old === other) return;
  if (other !== undefined) await merge(tx, other, old);
  await tx.query('update collector.chats set external_id = $2 where chat_id = $1', [old, to]);
  await addAlias(tx, bot, from, old);
}
/** The chats of a person move to another id. Existing chats there stay, and messages under the former id move to them. */
export async function moveChats(tx: Tx, channel: ChannelName, { from, to: { externalId: to }, isFormer }: IdChange): Promise<void> {
  const rows = await tx.query<{ botId: string }>(
    `select bot_id as "botId" from collector.chats where channel = $1 and external_id = $2 and merged_into is null order by bot_id`,
    [channel, from],
  );
  for (const { botId } of rows) {
    const known = await find(tx, { channel, botId }, [from, to]);
    const [old, other] = [known.get(from), known.get(to)];
    if (old === undefined) continue;
    // Names both ids: a consumer may have processed the merge already, or not yet.
    for (const chatId of isFormer ? [old, other] : [])
      if (chatId !== undefined) tx.emit(inbox.number_changed, { chatId, at: new Date().toISOString() });
    if (other === undefined) await tx.query('update collector.chats set external_id = $2 where chat_id = $1', [old, to]);
    else await merge(tx, old, other);
    // A message that is delivered or read again has the new id.
    await tx.query(
      `update collector.messages message set chat_external_id = $4 where channel = $1 and bot_id = $2 and chat_external_id = $3
         and not exists (select from collector.messages there where there.channel = $1 and there.bot_id = $2
           and there.chat_external_id = $4 and there.external_id = message.external_id)`,
      [channel, botId, from, to],
    );
  }
}

/** Settings made by people for the remaining chat stay. Chats merged earlier into the other one now refer to this chat. */
async function merge(tx: Tx, other: string, into: string): Promise<void> {
  await tx.query('update collector.chats set merged_into = $2 where $1 in (chat_id, merged_into)', [other, into]);
  const [merged] = await tx.query<{ assignedTo: string | null }>(
    `update collector.chats chat set
       owner = coalesce(chat.owner, other.owner),
       is_reachable = case when other.reachable_at > coalesce(chat.reachable_at, '-infinity') then other.is_reachable else chat.is_reachable end,
       reachable_at = greatest(chat.reachable_at, other.reachable_at),
       staff_wrote_at = greatest(chat.staff_wrote_at, other.staff_wrote_at),
       last_inbound_at = greatest(chat.last_inbound_at, other.last_inbound_at),
       customer_id = case when coalesce(chat.last_inbound_at >= other.last_inbound_at, other.last_inbound_at is null) then chat.customer_id else other.customer_id end,
       last_customer_message_id = case when coalesce(chat.last_inbound_at >= other.last_inbound_at, other.last_inbound_at is null)
         then chat.last_customer_message_id else other.last_customer_message_id end,
       intent = case when coalesce(chat.last_inbound_at >= other.last_inbound_at, other.last_inbound_at is null) then chat.intent else other.intent end,
       is_urgent = chat.is_urgent or other.is_urgent,
       waiting_since = least(chat.waiting_since, other.waiting_since),
       unanswered = chat.unanswered + other.unanswered,
       last_act_id = greatest(chat.last_act_id, other.last_act_id),
       last_message_id = case when chat.last_message_at > other.last_message_at or other.last_message_at is null
         then chat.last_message_id else other.last_message_id end,
       last_message_at = greatest(chat.last_message_at, other.last_message_at)
     from collector.chats other where other.chat_id = $1 and chat.chat_id = $2
     returning coalesce(chat.assigned_to, other.assigned_to) as "assignedTo"`,
    [other, into],
  );
  await setAssigned(tx, [into], merged?.assignedTo ?? null, null);
  await tx.query('update collector.messages set chat_id = $2 where chat_id = $1', [other, into]);
  await tx.query(
    `with gone as (delete from collector.chat_members where chat_id = $1 returning user_id)
     insert into collector.chat_members (user_id, chat_id) select user_id, $2 from gone on conflict do nothing`,
    [other, into],
  );
  await tx.query('update collector.notes set chat_id = $2 where chat_id = $1', [other, into]);
  await tx.query('update collector.chat_aliases set chat_id = $2 where chat_id = $1', [other, into]);
  tx.emit(inbox.chats_merged, { chatId: other, into, at: new Date().toISOString() });
}
async function addAlias(tx: Queries, { channel, botId }: Bot, externalId: string, chatId: string): Promise<void> {
  await tx.query(
    `insert into collector.chat_aliases (channel, bot_id, external_id, chat_id) values ($1, $2, $3, $4)
     on conflict (channel, bot_id, external_id) do update set chat_id = excluded.chat_id`,
    [channel, botId, externalId, chatId],
  );
}

interface ChatMessage {
  readonly chatId: string;
  readonly chat: ReadChat;
  readonly messageId: string;
  readonly kind: string;
  readonly sentAt: number;
  readonly direction: 'in' | 'out';
  readonly by: Pick<Person, 'customerId' | 'role' | 'isStaff' | 'isBot'> | null;
  /** Of an answer: the latest act that it knew; null: all that were stored before it. */
  readonly knows: string | null;
}
const isOfCustomer = ({ by }: ChatMessage): boolean => by !== null && !by.isStaff && !by.isBot;
const isAnswer = ({ by, direction }: ChatMessage): boolean => by?.isStaff || (direction === 'out' && by?.role !== 'broadcast_bot');
/** A bot or an unknown sender does not act, and a service message is not an act. */
const isAct = ({ by, kind }: ChatMessage): boolean => by !== null && !by.isBot && kind !== 'service';
/** Updates chats from new messages and from the bot being added or removed. Facts older than the stored ones are ignored. */
export async function touchChats(
  tx: Queries,
  arrived: readonly ChatMessage[],
  reachable: readonly { readonly chatId: string; readonly isReachable: boolean; readonly at: number }[],
): Promise<void> {
  const chats = Map.groupBy(arrived, ({ chatId }) => chatId);
  const latest = (times: readonly number[]) => (times.length === 0 ? null : new Date(Math.max(...times)));
  const rows = [...chats].map(([chatId, messages]) => {
    const words = messages.filter(({ kind }) => kind !== 'service');
    const latestOf = (some: readonly ChatMessage[]) =>
      some.reduce<ChatMessage | null>((a, b) => (a === null || b.sentAt >= a.sentAt ? b : a), null);
    const last = latestOf(messages) as ChatMessage; // A group has a message.
    const ofCustomers = words.filter(isOfCustomer);
    const lastOfCustomer = latestOf(ofCustomers);
    return {
      chat_id: chatId,
      external_id: last.chat.externalId,
      kind: last.chat.kind,
      title: last.chat.title,
      last_message_id: last.messageId,
      last_message_at: new Date(last.sentAt),
      last_act_id: messages.filter(isAct).reduce<string | null>((a, { messageId: b }) => (a === null || b > a ? b : a), null),
      staff_wrote_at: latest(words.filter(({ by }) => by?.isStaff).map(({ sentAt }) => sentAt)),
      last_inbound_at: latest(ofCustomers.map(({ sentAt }) => sentAt)),
      customer_id: lastOfCustomer?.by?.customerId ?? null,
      last_customer_message_id: lastOfCustomer?.messageId ?? null,
      first_unanswered_at: ofCustomers.length === 0 ? null : new Date(Math.min(...ofCustomers.map(({ sentAt }) => sentAt))),
      unanswered: ofCustomers.length,
    };
  });
  if (rows.length > 0)
    await tx.query(
      `update collector.chats chat set
         kind = case when chat.external_id = row.external_id then row.kind else chat.kind end,
         title = case when row.last_message_at >= coalesce(chat.last_message_at, '-infinity')
           then coalesce(row.title, chat.title) else coalesce(chat.title, row.title) end,
         is_reachable = chat.is_reachable or coalesce(row.last_inbound_at >= coalesce(chat.reachable_at, '-infinity'), false),
         reachable_at = greatest(chat.reachable_at, row.last_inbound_at),
         staff_wrote_at = greatest(chat.staff_wrote_at, row.staff_wrote_at),
         last_inbound_at = greatest(chat.last_inbound_at, row.last_inbound_at),
         customer_id = case when row.last_inbound_at >= coalesce(chat.last_inbound_at, '-infinity') then row.customer_id else chat.customer_id end,
         last_customer_message_id = case when row.last_inbound_at >= coalesce(chat.last_inbound_at, '-infinity')
           then row.last_customer_message_id else chat.last_customer_message_id end,
         intent = case when row.last_inbound_at >= coalesce(chat.last_inbound_at, '-infinity') then null else chat.intent end,
         waiting_since = least(chat.waiting_since, row.first_unanswered_at),
         unanswered = chat.unanswered + row.unanswered,
         last_act_id = greatest(chat.last_act_id, row.last_act_id),
         last_message_id = case when chat.last_message_at > row.last_message_at then chat.last_message_id else row.last_message_id end,
         last_message_at = greatest(chat.last_message_at, row.last_message_at)
       from json_to_recordset($1) as row (chat_id text, external_id text, kind text, title text, last_message_id text,
         last_act_id text, last_message_at timestamptz, staff_wrote_at timestamptz, last_inbound_at timestamptz, customer_id text,
         last_customer_message_id text, first_unanswered_at timestamptz, unanswered int)
       where chat.chat_id = row.chat_id`,
      [JSON.stringify(rows)],
    );
  for (const answer of arrived.filter((message) => message.kind !== 'service' && isAnswer(message)))
    await refreshWaiting(tx, [answer.chatId], answer.knows ?? answer.messageId);
  for (const { chatId, isReachable, at } of reachable)
    await tx.query(
      `update collector.chats set is_reachable = $2, reachable_at = $3
       where chat_id = $1 and coalesce(reachable_at, '-infinity') <= $3`,
      [chatId, isReachable, new Date(at)],
    );
}

/** The id of a merged chat refers to the chat it was merged into. */
const current = '(select coalesce(merged_into, chat_id) from collector.chats where chat_id = $1)';
/** Locks the chat; null if there is none, or it was erased. */
export async function lockChat(tx: Queries, chatId: string): Promise<ReadChat | null> {
  const [chat] = await tx.query<ReadChat>(
    `select external_id as "externalId", kind, title from collector.chats
     where chat_id = ${current} and not starts_with(external_id, 'erased:') for no key update`,
    [chatId],
  );
  return chat ?? null;
}
/** A member of staff wrote in the chat. @param at RFC 3339 */
export async function staffWrote(tx: Queries, chatId: string, at: string): Promise<void> {
  await tx.query(`update collector.chats set staff_wrote_at = greatest(staff_wrote_at, $2) where chat_id = ${current}`, [chatId, at]);
}
