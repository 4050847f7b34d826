/** Reading of messages: pages newest first, single messages, totals. */
import type { z } from 'zod';
import type { Queries } from '../../../bus/service.ts';
import type { inbox } from '../../../contracts/inbox.ts';
import type { Intent } from '../../../contracts/intents.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { cursorOf, listOf, type Place, placeOf, timeAt, usOf } from '../cursor.ts';
import type { Person } from './people.ts';
import { fewHits, firstWalked, likened, mostGathered, mostWalked, prepare, type Search } from './search.ts';
import { type AddValue, parameters, seenMessages, type Viewer } from './seen.ts';

export type Page = OutputOf<typeof inbox.list_messages>;
export type MessageItem = Page['items'][number];
export interface MessageFilter {
  readonly chatId?: string | undefined;
  readonly customerId?: string | undefined;
  /** The ids of one client, who is several customers. */
  readonly customerIds?: readonly string[] | undefined;
  readonly intent?: z.output<typeof Intent> | undefined;
  readonly role?: Person['role'] | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly viewer?: Viewer;
}
/** For cursors: those of earlier versions call the author `clientId`. */
export const filterOf = ({ customerId, ...rest }: MessageFilter) => ({ ...rest, clientId: customerId });
/** Length of a text in a list, in UTF-16 units. */
const shortText = 4096;
/** Maximum size of a page, in bytes of JSON; it ends early to fit into a reply. */
const pageBytes = 600_000;

export const columns = `message.seq::text, message.message_id, message.chat_id, message.channel, message.bot_id, message.external_id, message.direction,
  message.kind, coalesce(message.transcript, message.text) as text, message.content, message.reactions, message.thread_id, message.album_id, message.reply_to, message.is_forwarded,
  message.sent_at, ${usOf('message.sent_at')} as sent_us, message.edited_at, message.removed_at, message.received_at, message.intent, message.is_certain, message.confidence, message.is_urgent, message.written_by, message.approved_by,
  person.user_id, person.name, person.role, role.is_staff, role.is_bot, voice.content_type, voice.bytes::float8 as bytes, voice.duration_ms::float8 as duration_ms, voice.body is not null as is_kept,
  case when message.kind not in ('text', 'service') then (select json_agg(json_build_object('n', file.n, 'kind', file.kind, 'name', file.name, 'contentType', file.content_type,
    'bytes', file.bytes, 'durationMs', file.duration_ms, 'isKept', file.state = 'kept' or (file.kind = 'voice' and voice.body is not null)) order by file.n)
    from collector.files file where file.message_id = message.message_id and file.state <> 'doomed') end as files,
  case when message.direction = 'out' then (select json_build_object('status', status.status, 'errorCode', status.error_code, 'at', status.at)
    from collector.message_statuses status
    where (status.channel, status.bot_id, status.external_id) = (message.channel, message.bot_id, message.external_id)) end as delivery`;
export const tables = `collector.messages message
  left join collector.users person on person.user_id = message.sender_id
  left join collector.user_roles role on role.role = person.role
  left join collector.voices voice on voice.message_id = message.message_id`;
export interface Columns {
  readonly seq: string;
  readonly message_id: string;
  readonly chat_id: string;
  readonly channel: MessageItem['channel'];
  readonly bot_id: string;
  readonly external_id: string;
  readonly direction: MessageItem['direction'];
  readonly kind: MessageItem['kind'];
  readonly text: string;
  readonly content: MessageItem['content'];
  readonly reactions: readonly Omit<MessageItem['reactions'][number], 'customerId'>[];
  readonly thread_id: string | null;
  readonly album_id: string | null;
  readonly reply_to: string | null;
  readonly is_forwarded: boolean;
  readonly sent_at: Date;
  readonly sent_us: string;
  readonly edited_at: Date | null;
  readonly removed_at: Date | null;
  readonly received_at: Date;
  readonly intent: MessageItem['intent'];
  readonly is_certain: boolean | null;
  readonly confidence: number | null;
  readonly is_urgent: boolean;
  readonly written_by: string | null;
  readonly approved_by: readonly string[];
  readonly user_id: string | null;
  readonly name: string;
  readonly role: Person['role'];
  readonly is_staff: boolean;
  readonly is_bot: boolean;
  readonly content_type: string | null;
  readonly bytes: number | null;
  readonly duration_ms: number | null;
  readonly is_kept: boolean;
  readonly files: MessageItem['files'] | null;
  readonly delivery: MessageItem['delivery'];
  /** True when a search may have newer hits that were not collected. */
  readonly is_cut?: boolean;
}
export function shown(row: Columns, limit = shortText): MessageItem {
  return {
    messageId: row.message_id,
    chatId: row.chat_id,
    channel: row.channel,
    botId: row.bot_id,
    externalId: row.external_id,
    sender:
      row.user_id === null
        ? null
        : { customerId: row.user_id, userId: row.user_id, name: row.name, role: row.role, isStaff: row.is_staff, isBot: row.is_bot },
    direction: row.direction,
    kind: row.kind,
    text: row.text.slice(0, limit).toWellFormed(),
    isCut: row.text.length > limit,
    content: row.content,
    reactions: row.reactions.filter(({ emojis }) => emojis.length > 0).map((each) => ({ ...each, customerId: each.userId })),
    threadId: row.thread_id,
    albumId: row.album_id,
    replyToExternalId: row.reply_to,
    isForwarded: row.is_forwarded,
    sentAt: row.sent_at.toISOString(),
    editedAt: row.edited_at?.toISOString() ?? null,
    removedAt: row.removed_at?.toISOString() ?? null,
    receivedAt: row.received_at.toISOString(),
    intent: row.intent,
    isCertain: row.is_certain,
    confidence: row.confidence,
    isUrgent: row.is_urgent,
    writtenBy: row.written_by,
    approvedBy: [...row.approved_by],
    file:
      row.content_type === null
        ? null
        : { contentType: row.content_type, bytes: row.bytes, durationMs: row.duration_ms, isKept: row.is_kept },
    files: row.files ?? [],
    delivery: row.delivery === null ? null : { ...row.delivery, at: new Date(row.delivery.at).toISOString() },
  };
}

/** A page, newest first. */
export async function pageOfMessages(
  db: Queries,
  wanted: MessageFilter,
  at: { limit: number; cursor?: string | undefined },
): Promise<Page> {
  const list = listOf('messages', filterOf(wanted));
  return cutPage(await select(db, wanted, at.limit, placeOf(at.cursor, list)), at.limit, { list });
}

/** The same, limited to messages that match `q`. Must run in its own transaction. */
export async function searchMessages(
  tx: Queries,
  q: string,
  wanted: MessageFilter,
  at: { limit: number; cursor?: string | undefined },
): Promise<Page> {
  const list = listOf('messages', { ...filterOf(wanted), q });
  const place = placeOf(at.cursor, list);
  const search = await prepare(tx, q);
  const ask = async (asked: Search) => (asked.query === '' ? [] : find(tx, wanted, Math.max(at.limit, fewHits), place, asked));
  const rows = place?.isFuzzy ? [] : await ask(search);
  const isEnough = place === undefined ? rows.length >= fewHits || search.isExact : !place.isFuzzy;
  return isEnough
    ? cutPage(rows, at.limit, { list })
    : cutPage(await ask((await likened(tx, q, search)) ?? search), at.limit, { list, isFuzzy: true });
}

/**
 * Hits, newest first: `limit` plus one row if there are more. The frequency of words, alone and combined, is not taken from PostgreSQL's
 * statistics, which are poor here, but measured: each step costs a few milliseconds among a million messages, and most searches end after two.
 */
async function find(
  db: Queries,
  wanted: MessageFilter,
  limit: number,
  place: Place | undefined,
  search: Search,
): Promise<readonly Columns[]> {
  const ask = (by: HitQuery['by'], most: number | null) => select(db, wanted, limit, place, { ...search, by, most });
  // The messages of one chat or sender are few, however frequent the word is elsewhere.
  if (wanted.chatId !== undefined || wanted.customerId !== undefined) return ask('gathering', null);
  const lately = await ask('walking', firstWalked);
  if (lately.length > limit) return lately;
  const gathered = await ask('gathering', mostGathered);
  if (!gathered[0]?.is_cut) return gathered;
  const earlier = await ask('walking', mostWalked);
  return earlier.length > limit ? earlier : ask('gathering', null);
}

interface HitQuery extends Search {
  /** gathering: finds hits first, `most` of them, then sorts; walking: reads `most` messages back in time until enough match. */
  readonly by: 'gathering' | 'walking';
  /** Null: all. */
  readonly most: number | null;
}
/** SQL conditions for the requested messages; `value` adds a parameter. */
export function conditionsOf(wanted: MessageFilter, value: AddValue): readonly string[] {
  const when = (condition: (at: string) => string, given: unknown) => (given === undefined ? [] : [condition(value(given))]);
  return [
    ...when((at) => `message.chat_id = ${at}`, wanted.chatId),
    ...when((at) => `message.sender_id = ${at}`, wanted.customerId),
    ...when((at) => `message.sender_id = any (${at})`, wanted.customerIds),
    ...when((at) => `message.intent = ${at}`, wanted.intent),
    ...when((at) => `message.sender_id in (select user_id from collector.users where role = ${at})`, wanted.role),
    ...when((at) => `message.sent_at >= ${at}`, wanted.since),
    ...when((at) => `message.sent_at < ${at}`, wanted.until),
    ...seenMessages(wanted.viewer, 'message.chat_id', value),
  ];
}

/** `limit` plus one row if there are more. */
async function select(
  db: Queries,
  wanted: MessageFilter,
  limit: number,
  place: Place | undefined,
  search?: HitQuery,
): Promise<readonly Columns[]> {
  const { values, value } = parameters();
  const conditions = [
    ...conditionsOf({ ...wanted, viewer: undefined }, value),
    ...(place === undefined ? [] : [`(message.sent_at, message.seq) < (${timeAt(value(place.atUs))}, ${value(seqOf(place))}::bigint)`]),
  ];
  const where = (...more: string[]) => (conditions.length + more.length > 0 ? `where ${[...conditions, ...more].join(' and ')}` : '');
  const newest = (rows: string) => `order by message.sent_at desc, message.seq desc limit ${rows}`;
  // A walk reads the same messages for everybody; what it finds is narrowed, which is less.
  const seen = seenMessages(wanted.viewer, 'message.chat_id', value);
  if (search === undefined)
    return db.query<Columns>(`select ${columns} from ${tables} ${where(...seen)} ${newest(value(limit + 1))}`, values);
  const isHit = `message.fts @@ ${value(search.query)}::tsquery`;
  const most = value(search.most === null || search.by === 'walking' ? search.most : search.most + 1);
  const [hits, page] =
    search.by === 'walking'
      ? [
          // Already in order: the query stops when it has enough rows.
          `recent as materialized (select message.seq, message.chat_id, ${isHit} as is_hit from collector.messages message ${where()} ${newest(most)}),
           hits as (select seq from recent message where ${['is_hit', ...seen].join(' and ')})`,
          `select seq from hits limit ${value(limit + 1)}`,
        ]
      : [
          `hits as materialized (select message.seq, message.sent_at from collector.messages message ${where(isHit, ...seen)} limit ${most})`,
          `select seq from hits message ${newest(value(limit + 1))}`,
        ];
  return db.query<Columns>(
    `with ${hits}, page as materialized (${page})
     select ${columns}, ${search.by === 'walking' ? 'false' : `(select count(*) from hits) = ${most}`} as is_cut
     from ${tables} where message.seq in (select seq from page) order by message.sent_at desc, message.seq desc`,
    values,
  );
}
/** A forged cursor may contain a name here; no row is before it. */
export const seqOf = ({ id }: Place): string => (/^\d{1,18}$/.test(id) ? id : '0');

/** The first items, as many as fit into a reply; at least one. */
export function fitting<T>(items: readonly T[]): T[] {
  let bytes = 0;
  const tooMuch = items.findIndex((item, nth) => {
    bytes += Buffer.byteLength(JSON.stringify(item));
    return bytes > pageBytes && nth > 0;
  });
  return items.slice(0, tooMuch === -1 ? items.length : tooMuch);
}

function cutPage(
  rows: readonly Columns[],
  limit: number,
  { list, isFuzzy = false }: { readonly list: string; readonly isFuzzy?: boolean },
): Page {
  const items = fitting(rows.slice(0, limit).map((row) => shown(row)));
  const last = rows[items.length - 1];
  const isMore = last !== undefined && rows.length > items.length;
  return { items, nextCursor: isMore ? cursorOf({ atUs: last.sent_us, id: last.seq, isFuzzy }, list) : null };
}

/** Null if there is none. */
export async function findMessage(db: Queries, messageId: string, viewer: Viewer): Promise<OutputOf<typeof inbox.get_message> | null> {
  const { values, value } = parameters(messageId);
  const isSeen = ['message.message_id = $1', ...seenMessages(viewer, 'message.chat_id', value)].join(' and ');
  const [row] = await db.query<Columns & AnswerColumns>(
    `select ${columns}, answered.* from ${tables} left join lateral (${answered}) answered on true where ${isSeen}`,
    values,
  );
  if (row === undefined) return null;
  const versions = await db.query<{ at: Date; text: string }>(
    `select at, left(text, 4096) as text from (select * from collector.message_versions where message_id = $1 order by at desc limit 20) last order by at`,
    [messageId],
  );
  return {
    ...shown(row, Number.POSITIVE_INFINITY),
    versions: versions.map(({ at, text }) => ({ at: at.toISOString(), text: text.slice(0, shortText).toWellFormed() })),
    answers:
      row.answers_id === null
        ? null
        : { messageId: row.answers_id, text: row.answers_text.slice(0, shortText).toWellFormed(), isOurs: row.answers_ours },
  };
}

interface AnswerColumns {
  readonly answers_id: string | null;
  readonly answers_text: string;
  readonly answers_ours: boolean;
}
/** The message that `message` replies to, or else the last one of another sender among the twenty before it. */
const answered = `
  select other.message_id as answers_id, left(coalesce(other.transcript, other.text), ${shortText}) as answers_text,
    other.direction = 'out' or coalesce(role.is_staff or role.is_bot, false) as answers_ours
  from (
    select quoted.*, true as is_quoted from collector.messages quoted
    where (quoted.channel, quoted.bot_id, quoted.chat_external_id, quoted.external_id)
      = (message.channel, message.bot_id, message.chat_external_id, message.reply_to) and quoted.chat_id = message.chat_id
    union all (
      select *, false from (
        select * from collector.messages earlier
        where earlier.chat_id = message.chat_id and (earlier.sent_at, earlier.seq) < (message.sent_at, message.seq)
        order by earlier.sent_at desc, earlier.seq desc limit 20
      ) recent where recent.sender_id is distinct from message.sender_id order by sent_at desc, seq desc limit 1)
  ) other
  left join collector.users sender on sender.user_id = other.sender_id
  left join collector.user_roles role on role.role = sender.role
  order by is_quoted desc limit 1`;

/** Who wrote and who approved a message of the business. */
export async function setAuthors(
  tx: Queries,
  messageId: string,
  { writtenBy, approvedBy }: { readonly writtenBy: string | null; readonly approvedBy: readonly string[] },
): Promise<void> {
  if (writtenBy === null && approvedBy.length === 0) return;
  await tx.query('update collector.messages set written_by = $2, approved_by = $3 where message_id = $1', [
    ...[messageId, writtenBy, approvedBy],
  ]);
}

/** The latest messages of a chat, oldest first. */
export async function lastMessages(db: Queries, chatId: string, limit: number): Promise<readonly MessageItem[]> {
  const { items } = await pageOfMessages(db, { chatId }, { limit });
  return items.toReversed();
}

/** What was sent to the chat after a message, oldest first. */
export async function outboundAfter(
  db: Queries,
  chatId: string,
  messageId: string,
): Promise<readonly Pick<MessageItem, 'messageId' | 'text' | 'content'>[]> {
  return db.query<Pick<MessageItem, 'messageId' | 'text' | 'content'>>(
    `select message_id as "messageId", text, content from collector.messages
     where chat_id = $1 and direction = 'out' and seq > (select seq from collector.messages where message_id = $2)
     order by seq limit 10`,
    [chatId, messageId],
  );
}

/** Counts in one pass with hashes over the few senders and chats, without sorting a million rows. */
export async function totals(
  db: Queries,
  { since, until, viewer }: Pick<MessageFilter, 'since' | 'until' | 'viewer'>,
): Promise<OutputOf<typeof inbox.message_totals>> {
  const { values, value } = parameters();
  const conditions = conditionsOf({ since, until, viewer }, value);
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : '';
  const rows = await db.query<{
    kind: MessageItem['kind'];
    direction: MessageItem['direction'];
    role: Person['role'] | null;
    messages: number;
    chats: number;
    clients: number;
  }>(
    `with counted as materialized (
       select chat_id, sender_id, kind, direction, count(*) as messages from collector.messages message ${where} group by 1, 2, 3, 4
     )
     select kind, direction, role, sum(messages)::float8 as messages, (select count(distinct chat_id) from counted)::float8 as chats,
       (select count(distinct sender_id) from counted join collector.users on user_id = sender_id where role = 'client')::float8 as clients
     from counted left join (select user_id, role from collector.users) person on user_id = sender_id group by kind, direction, role`,
    values,
  );
  const count = (is: (row: (typeof rows)[number]) => boolean) => rows.filter(is).reduce((sum, { messages }) => sum + messages, 0);
  return {
    messages: count(() => true),
    inbound: count(({ direction }) => direction === 'in'),
    outbound: count(({ direction }) => direction === 'out'),
    chats: rows[0]?.chats ?? 0,
    clients: rows[0]?.clients ?? 0,
    // Combined from the lists of all groups.
    byKind: Object.fromEntries(kinds.map((kind) => [kind, count((row) => row.kind === kind)])) as Record<MessageItem['kind'], number>,
    byRole: Object.fromEntries(roles.map((role) => [role, count((row) => row.role === role)])) as Record<Person['role'], number>,
  };
}
const kinds: readonly MessageItem['kind'][] = ['text', 'voice', 'photo', 'document', 'contact', 'location', 'service', 'other'];
const roles: readonly Person['role'][] = ['admin', 'director', 'manager', 'broadcast_bot', 'assistant_bot', 'client'];
