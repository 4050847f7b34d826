/** State of chats, and status of deliveries. A delivery's status only moves forward: queued, sent, delivered, read, played, failed. */
import type { z } from 'zod';
import type { Queries } from '../../bus/service.ts';
import type { Channel, ChatOwner } from '../../contracts/inbox.ts';
import type { Author as AuthorSchema, DeliveryStatus } from '../../contracts/messages.ts';

export type ChannelName = z.output<typeof Channel>;
export type Author = z.output<typeof AuthorSchema>;
type Owner = z.output<typeof ChatOwner>;
export type Status = z.output<typeof DeliveryStatus>;
/** A chat as the sending rules see it. */
export interface ChatState {
  /** The latest message of a customer or of staff, or change of one. */
  readonly lastActId: string | null;
  readonly lastInboundId: string | null;
  readonly lastInboundAt: Date | null;
  readonly isBlocked: boolean;
  readonly isOptedOut: boolean;
  /** The latest act when the customer refused messages. */
  readonly optedOutActId: string | null;
  /** A person has turned off answers in this chat. */
  readonly isOff: boolean;
  /** Null if no message was ever sent to it. */
  readonly channel: ChannelName | null;
}
export type SeenInInbox = Pick<ChatState, 'lastActId' | 'lastInboundId' | 'lastInboundAt'>;
/** Where messages of a chat are sent. */
export interface RouteOfChat {
  readonly channel: ChannelName;
  readonly botId: string;
  /** The chat, as named by the channel. */
  readonly to: string;
  readonly isGroup: boolean;
}
export interface Delivery {
  readonly id: string;
  readonly key: string;
  readonly channel: ChannelName;
  readonly chatId: string;
  readonly botId: string;
  readonly answers: string | null;
  /** The latest act that its author knew. */
  readonly knows: string | null;
  readonly author: Author;
  /** States what was done, and is never stale. */
  readonly isReceipt: boolean;
  readonly status: Status;
  readonly reason: string | null;
  readonly externalId: string | null;
  readonly createdAt: Date;
  readonly changedAt: Date;
}

const chatStateColumns = `last_act_id as "lastActId", last_inbound_id as "lastInboundId", last_inbound_at as "lastInboundAt", blocked_at is not null as "isBlocked",
  opted_out_at is not null as "isOptedOut", opted_out_act_id as "optedOutActId", coalesce(owner = 'off', false) as "isOff", route->>'channel' as channel`;
const columns = `id, key, channel, chat_id as "chatId", bot_id as "botId", answers, knows, author, is_receipt as "isReceipt", status, reason, external_id as "externalId",
  created_at as "createdAt", changed_at as "changedAt"`;

export async function chatState(tx: Queries, chatId: string): Promise<ChatState> {
  const [row] = await tx.query<ChatState>(`select ${chatStateColumns} from sender.chats where chat_id = $1`, [chatId]);
  return (
    row ?? {
      lastActId: null,
      lastInboundId: null,
      lastInboundAt: null,
      isBlocked: false,
      isOptedOut: false,
      optedOutActId: null,
      isOff: false,
      channel: null,
    }
  );
}
/**
 * Locks the chat, so that a draft and a message of the customer see each other. Stores its address and what its author has seen in the
 * inbox: the events of those messages may arrive here later than the attempt to send.
 */
export async function lockedChatState(tx: Queries, chatId: string, route: RouteOfChat, seen: SeenInInbox): Promise<ChatState> {
  const [row] = await tx.query<ChatState>(
    `insert into sender.chats as chat (chat_id, route, last_act_id, last_inbound_id, last_inbound_at) values ($1, $2, $3, $4, $5)
     on conflict (chat_id) do update set route = excluded.route, last_act_id = greatest(chat.last_act_id, excluded.last_act_id),
       last_inbound_id = greatest(chat.last_inbound_id, excluded.last_inbound_id),
       last_inbound_at = greatest(chat.last_inbound_at, excluded.last_inbound_at) returning ${chatStateColumns}`,
    [chatId, JSON.stringify(route), seen.lastActId, seen.lastInboundId, seen.lastInboundAt],
  );
  return row as ChatState; // An upsert returns its row.
}
export async function routeOf(tx: Queries, chatId: string): Promise<RouteOfChat | null> {
  const [row] = await tx.query<{ route: RouteOfChat | null }>('select route from sender.chats where chat_id = $1', [chatId]);
  return row?.route ?? null;
}
/** A message or a change of one: the latest act counts, in any order of arrival. */
export async function personActed(tx: Queries, chatId: string, actId: string): Promise<void> {
  await tx.query(
    `insert into sender.chats as chat (chat_id, last_act_id) values ($1, $2)
     on conflict (chat_id) do update set last_act_id = greatest(chat.last_act_id, excluded.last_act_id)`,
    [chatId, actId],
  );
}
/** The customer wrote: the latest message counts, in any order of arrival, and a block ends. */
export async function customerWrote(tx: Queries, chatId: string, messageId: string, at: Date): Promise<void> {
  await tx.query(
    `insert into sender.chats as chat (chat_id, last_act_id, last_inbound_id, last_inbound_at) values ($1, $2, $2, $3)
     on conflict (chat_id) do update set last_act_id = greatest(chat.last_act_id, excluded.last_act_id),
       last_inbound_id = greatest(chat.last_inbound_id, excluded.last_inbound_id),
       last_inbound_at = greatest(chat.last_inbound_at, excluded.last_inbound_at), blocked_at = null`,
    [chatId, messageId, at],
  );
}
/** @param actId Id of the change that took the chat from the bot; null when it was returned. */
export async function ownerSet(tx: Queries, chatId: string, owner: Owner, actId: string | null): Promise<void> {
  await tx.query(
    `insert into sender.chats as chat (chat_id, owner, last_act_id) values ($1, $2, $3)
     on conflict (chat_id) do update set owner = excluded.owner, last_act_id = greatest(chat.last_act_id, excluded.last_act_id)`,
    [chatId, owner, actId],
  );
}
export async function customerBlocked(tx: Queries, chatId: string, at: Date): Promise<void> {
  await tx.query(
    `insert into sender.chats as chat (chat_id, blocked_at) values ($1, $2) on conflict (chat_id) do update set blocked_at = excluded.blocked_at`,
    [chatId, at],
  );
}

/** False when the key already has a delivery. */
export async function insertDelivery(
  tx: Queries,
  of: Pick<Delivery, 'id' | 'key' | 'channel' | 'chatId' | 'botId' | 'answers' | 'knows' | 'author' | 'isReceipt' | 'createdAt'>,
): Promise<boolean> {
  const inserted = await tx.query(
    `insert into sender.deliveries (id, key, channel, chat_id, bot_id, answers, knows, author, is_receipt, created_at, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
     on conflict (key) do nothing returning 1`,
    [of.id, of.key, of.channel, of.chatId, of.botId, of.answers, of.knows, of.author, of.isReceipt, of.createdAt],
  );
  return inserted.length > 0;
}
export async function findDelivery(tx: Queries, by: { readonly id: string } | { readonly key: string }): Promise<Delivery | null> {
  const [field, value] = 'id' in by ? ['id', by.id] : ['key', by.key];
  const [row] = await tx.query<Delivery>(`select ${columns} from sender.deliveries where ${field} = $1`, [value]);
  return row ?? null;
}
/** Keys of unsent deliveries of a chat that this act makes stale: it is unknown to them. Without an act, of all unsent ones. */
export async function keysBefore(tx: Queries, chatId: string, actId?: string): Promise<readonly string[]> {
  const rows = await tx.query<{ key: string }>(
    `select key from sender.deliveries where chat_id = $1 and status = 'queued'
       and ($2::text is null or (not is_receipt and (knows is null or knows < $2)))`,
    [chatId, actId ?? null],
  );
  return rows.map(({ key }) => key);
}

/** Keys of unsent deliveries of a chat, except receipts, that were drafted before this one. Ids sort by the time of drafting. */
export async function keysOlder(tx: Queries, chatId: string, id: string): Promise<readonly string[]> {
  const rows = await tx.query<{ key: string }>(
    `select key from sender.deliveries where chat_id = $1 and status = 'queued' and not is_receipt and id collate "C" < $2`,
    [chatId, id],
  );
  return rows.map(({ key }) => key);
}
/** True when an answer to this message of the customer or a later one was sent; `also`: or waits to be sent. */
export async function hasAnswer(tx: Queries, chatId: string, messageId: string, also: 'queued' | null): Promise<boolean> {
  const rows = await tx.query(
    `select from sender.deliveries where chat_id = $1 and answers >= $2 and status <> 'failed' and (status <> 'queued' or $3) limit 1`,
    [chatId, messageId, also === 'queued'],
  );
  return rows.length > 0;
}
/** True when staff has answered this message of the customer, or a later one, through this service. */
export async function isAnswered(tx: Queries, chatId: string, messageId: string): Promise<boolean> {
  const rows = await tx.query(
    `select from sender.deliveries
     where chat_id = $1 and answers >= $2 and author = 'person' and status in ('sent', 'delivered', 'read', 'played') limit 1`,
    [chatId, messageId],
  );
  return rows.length > 0;
}

/** A message of a channel, by its external id. */
export interface ChannelMessageId {
  readonly channel: ChannelName;
  readonly botId: string;
  readonly externalId: string;
}
/** A message of this service in a chat; null if it sent no such message there. */
export async function findSent(
  db: Queries,
  { channel, botId, externalId }: ChannelMessageId,
  chatId: string,
): Promise<{ readonly isPrivate: boolean } | null> {
  const [row] = await db.query<{ isPrivate: boolean }>(
    `select not coalesce((route->>'isGroup')::boolean, true) as "isPrivate" from sender.deliveries join sender.chats using (chat_id)
     where deliveries.channel = $1 and bot_id = $2 and external_id = $3 and chat_id = $4 limit 1`,
    [channel, botId, externalId, chatId],
  );
  return row ?? null;
}
/** Serialises the sending and a status of one message, so that neither misses the other. */
export async function lockExternal(tx: Queries, { channel, botId, externalId }: ChannelMessageId): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`sender ${channel} ${botId} ${externalId}`]);
}
/** The message was sent; also after a failure that a person retried. Null when that is already known. */
export async function markSent(tx: Queries, key: string, externalId: string | null, at: Date): Promise<Delivery | null> {
  const [row] = await tx.query<Delivery>(
    `update sender.deliveries set status = 'sent', reason = null, external_id = $2, changed_at = $3
     where key = $1 and status in ('queued', 'failed') and external_id is null returning ${columns}`,
    [key, externalId, at],
  );
  return row ?? null;
}
/** The message will not be sent. Null when that is already known. */
export async function markFailed(tx: Queries, key: string, reason: string, at: Date): Promise<Delivery | null> {
  const [row] = await tx.query<Delivery>(
    `update sender.deliveries set status = 'failed', reason = $2, changed_at = $3 where key = $1 and status = 'queued' returning ${columns}`,
    [key, reason, at],
  );
  return row ?? null;
}
interface StatusChange {
  readonly status: Status;
  readonly reason: string | null;
  readonly at: Date;
}
/** The updated delivery; null when it already had this status or a later one. `unknown`: no delivery has that id yet. */
export async function climb(tx: Queries, of: ChannelMessageId, { status, reason, at }: StatusChange): Promise<Delivery | null | 'unknown'> {
  const found = await tx.query<Delivery & { readonly climbed: boolean }>(
    `with climbed as (
       update sender.deliveries set status = $4, reason = $5, changed_at = $6
       where channel = $1 and bot_id = $2 and external_id = $3 and sender.rank(status) < sender.rank($4) returning ${columns})
     select *, true as climbed from climbed
     union all
     select ${columns}, false from sender.deliveries where channel = $1 and bot_id = $2 and external_id = $3 and not exists (select from climbed)`,
    [of.channel, of.botId, of.externalId, status, reason, at],
  );
  const [row] = found;
  return row === undefined ? 'unknown' : row.climbed ? row : null;
}
export async function keepEarly(tx: Queries, of: ChannelMessageId, { status, reason, at }: StatusChange): Promise<void> {
  await tx.query(
    `insert into sender.early_statuses as early (channel, bot_id, external_id, status, reason, at) values ($1, $2, $3, $4, $5, $6)
     on conflict (channel, bot_id, external_id) do update set status = excluded.status, reason = excluded.reason, at = excluded.at
       where sender.rank(early.status) < sender.rank(excluded.status)`,
    [of.channel, of.botId, of.externalId, status, reason, at],
  );
}
export async function takeEarly(tx: Queries, of: ChannelMessageId): Promise<StatusChange | null> {
  const [row] = await tx.query<StatusChange>(
    'delete from sender.early_statuses where channel = $1 and bot_id = $2 and external_id = $3 returning status, reason, at',
    [of.channel, of.botId, of.externalId],
  );
  return row ?? null;
}
export async function eraseChats(tx: Queries, chatIds: readonly string[], messageIds: readonly string[], at: Date): Promise<void> {
  await tx.query(
    `update sender.deliveries set external_id = null, key = id, changed_at = $3,
       reason = case when status = 'queued' then 'erased' else reason end, status = case when status = 'queued' then 'failed' else status end
     where chat_id = any ($1) or answers = any ($2)`,
    [chatIds, messageIds, at],
  );
  await forgetChats(tx, chatIds);
}
/** A customer who writes again in one of them is new. */
export async function forgetChats(tx: Queries, chatIds: readonly string[]): Promise<void> {
  await tx.query('delete from sender.consents where chat_id = any ($1)', [chatIds]);
  await tx.query('delete from sender.chats where chat_id = any ($1)', [chatIds]);
}
/** Deletes older rows: deliveries, ended or not, and statuses of unknown messages. */
export async function forget(tx: Queries, before: { readonly deliveries: Date; readonly statuses: Date }): Promise<void> {
  await tx.query('delete from sender.deliveries where created_at < $1', [before.deliveries]);
  await tx.query('delete from sender.early_statuses where at < $1', [before.statuses]);
}
/** Facts about either chat apply to both; the latest consent or refusal decides. */
export async function mergeChats(tx: Queries, chatId: string, into: string): Promise<void> {
  await tx.query('update sender.deliveries set chat_id = $2 where chat_id = $1', [chatId, into]);
  await tx.query('update sender.consents set chat_id = $2 where chat_id = $1', [chatId, into]);
  await tx.query(
    `insert into sender.chats as chat (chat_id, owner, last_act_id, last_inbound_id, last_inbound_at, opted_out_act_id, opted_out_at)
     select $2, owner, last_act_id, last_inbound_id, last_inbound_at, opted_out_act_id,
       (select case when not is_given then at end from sender.consents where chat_id = $2 order by consent_id desc limit 1)
     from sender.chats where chat_id = $1
     on conflict (chat_id) do update set owner = coalesce(chat.owner, excluded.owner), last_act_id = greatest(chat.last_act_id, excluded.last_act_id),
       last_inbound_id = greatest(chat.last_inbound_id, excluded.last_inbound_id),
       last_inbound_at = greatest(chat.last_inbound_at, excluded.last_inbound_at), opted_out_act_id = greatest(chat.opted_out_act_id, excluded.opted_out_act_id), opted_out_at = excluded.opted_out_at`,
    [chatId, into],
  );
}

/** Records what a customer said about further messages; the history is kept, and its latest entry decides. */
export async function insertConsent(
  tx: Queries,
  {
    chatId,
    isGiven,
    who,
    evidence,
    at,
    since,
  }: Pick<Consent, 'isGiven' | 'who' | 'evidence' | 'at'> & {
    readonly chatId: string /** The act that states a refusal. */;
    readonly since: string | null;
  },
): Promise<void> {
  await tx.query(
    `insert into sender.chats as chat (chat_id, opted_out_at, opted_out_act_id) values ($1, $2, $3)
     on conflict (chat_id) do update set opted_out_at = excluded.opted_out_at, opted_out_act_id = excluded.opted_out_act_id`,
    [chatId, isGiven ? null : at, isGiven ? null : since],
  );
  await tx.query('insert into sender.consents (chat_id, is_given, who, evidence, at) values ($1, $2, $3, $4, $5)', [
    ...[chatId, isGiven, who, evidence, at],
  ]);
}
export interface Consent {
  readonly isGiven: boolean;
  readonly who: string;
  readonly evidence: string | null;
  readonly at: Date;
}
/** Newest first. */
export function consentsOf(db: Queries, chatId: string): Promise<readonly Consent[]> {
  return db.query<Consent>(
    `select is_given as "isGiven", who, evidence, at from sender.consents where chat_id = $1 order by consent_id desc limit 100`,
    [chatId],
  );
}
