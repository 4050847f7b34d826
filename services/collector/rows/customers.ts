/** Customers and staff as rows: reading, roles and erasure. */
import { provesPhones } from '../../../adapters/channel/index.ts';
import type { Queries } from '../../../bus/service.ts';
import type { inbox } from '../../../contracts/inbox.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { cursorOf, listOf, placeOf, timeAt, usOf } from '../cursor.ts';
import type { Person } from './people.ts';
import { mostGathered, mostWalked, prepare } from './search.ts';
import { type AddValue, parameters, seenMessages, seenPeople, type Viewer } from './seen.ts';
import { refreshWaiting } from './waiting.ts';

type Page = OutputOf<typeof inbox.list_clients>;
export type Client = Page['items'][number];

const columns = `person.user_id, person.channel, coalesce(nullif(person.name, ''), merged.name, '') as name, coalesce(person.username, merged.username) as username,
  coalesce(person.phone_number, merged.phone_number) as phone_number, case when person.phone_number is null then merged.phone_channel else person.channel end as phone_channel,
  person.role, (person.messages + coalesce(merged.messages, 0))::float8 as messages, least(person.first_seen_at, merged.first_seen_at) as first_seen_at,
  greatest(person.last_seen_at, merged.last_seen_at) as last_seen_at, coalesce(merged.ids, '{}') as merged_ids, ${usOf('person.last_seen_at')} as seen_us`;
/** A client, with what the customers who were merged into it add. */
const table = `collector.users person left join lateral (
  select array_agg(user_id order by user_id) as ids, max(nullif(name, '')) as name, max(username) as username, max(phone_number) as phone_number,
    (array_agg(channel order by phone_number desc nulls last))[1] as phone_channel, sum(messages) as messages, min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at
  from collector.users where merged_into = person.user_id having count(*) > 0) merged on true`;
interface Columns {
  readonly user_id: string;
  readonly channel: Client['channel'];
  readonly name: string;
  readonly username: string | null;
  readonly phone_number: string | null;
  readonly phone_channel: Client['channel'];
  readonly merged_ids: readonly string[];
  readonly role: Person['role'];
  readonly messages: number;
  readonly first_seen_at: Date;
  readonly last_seen_at: Date;
  readonly seen_us: string;
}
const mostMerged = 200;
function shown(row: Columns): Client {
  return {
    customerId: row.user_id,
    clientId: row.user_id,
    channel: row.channel,
    name: row.name,
    username: row.username,
    phoneNumber: row.phone_number,
    isPhoneProved: row.phone_number !== null && provesPhones(row.phone_channel),
    role: row.role,
    messages: row.messages,
    firstSeenAt: row.first_seen_at.toISOString(),
    lastSeenAt: row.last_seen_at.toISOString(),
    mergedIds: row.merged_ids.slice(0, mostMerged),
  };
}

/** Must run in its own transaction if it has `q`. */
export async function pageOfClients(
  tx: Queries,
  {
    role,
    channel,
    phoneNumber,
    q,
    viewer,
    limit,
    cursor,
  }: {
    role: Person['role'];
    channel?: string | undefined;
    phoneNumber?: string | undefined;
    q?: string | undefined;
    viewer?: Viewer;
    limit: number;
    cursor?: string | undefined;
  },
): Promise<Page> {
  const list = listOf('clients', { role, channel, phoneNumber, q, viewer });
  const place = placeOf(cursor, list);
  const said = q === undefined ? [] : await authorsOf(tx, q, viewer);
  const merged = await mergedLike(tx, { q, phoneNumber });
  const { values, value } = parameters();
  const when = <T>(given: T | undefined, condition: (given: T) => string) => (given === undefined ? [] : [condition(given)]);
  const conditions = [
    `person.role = ${value(role)} and person.merged_into is null`,
    ...when(
      channel,
      (name) =>
        `(person.channel = ${value(name)} or exists (select from collector.users identity where identity.merged_into = person.user_id and identity.channel = ${value(name)}))`,
    ),
    ...when(phoneNumber, (phone) => `(person.phone_number = ${value(phone)} or person.user_id = any (${value(merged)}))`),
    ...when(q, (text) => `(${peopleLike(text, value)} or person.user_id = any (${value([...said, ...merged])}))`),
    ...when(place, ({ atUs, id }) => `(person.last_seen_at, person.user_id) < (${timeAt(value(atUs))}, ${value(id)})`),
    ...seenPeople(viewer, 'person.user_id', value),
  ];
  const rows = await tx.query<Columns>(
    `select ${columns} from ${table} where ${conditions.join(' and ')}
     order by person.last_seen_at desc, person.user_id desc limit ${value(limit + 1)}`,
    values,
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const isMore = rows.length > limit && last !== undefined;
  return { items: page.map(shown), nextCursor: isMore ? cursorOf({ atUs: last.seen_us, id: last.user_id, isFuzzy: false }, list) : null };
}

/** The clients into whom a customer with this phone, or like `q`, was merged. Apart, so that each search has its index. */
async function mergedLike(
  tx: Queries,
  { q, phoneNumber }: { readonly q: string | undefined; readonly phoneNumber: string | undefined },
): Promise<readonly string[]> {
  if (q === undefined && phoneNumber === undefined) return [];
  const { values, value } = parameters();
  const where = [
    'person.merged_into is not null',
    ...(phoneNumber === undefined ? [] : [`person.phone_number = ${value(phoneNumber)}`]),
    ...(q === undefined ? [] : [peopleLike(q, value)]),
  ].join(' and ');
  const rows = await tx.query<{ into: string }>(
    `select distinct person.merged_into as "into" from collector.users person where ${where} limit ${mostGathered}`,
    values,
  );
  return rows.map(({ into }) => into);
}

/** Authors of messages with these words that the person who looks may see. Of a frequent word, of the latest messages. */
async function authorsOf(tx: Queries, q: string, viewer: Viewer): Promise<readonly string[]> {
  const { query } = await prepare(tx, q);
  if (query === '') return [];
  const { values, value } = parameters(query);
  const isSeen = ['message.sender_id is not null', ...seenMessages(viewer, 'message.chat_id', value)].join(' and ');
  const isHit = 'message.fts @@ $1::tsquery';
  const gathered = await tx.query<{ author: string }>(
    `select message.sender_id as author from collector.messages message where ${isHit} and ${isSeen} limit ${mostGathered + 1}`,
    values,
  );
  const found =
    gathered.length <= mostGathered
      ? gathered
      : await tx.query<{ author: string }>(
          `with recent as materialized (
             select chat_id, sender_id, ${isHit} as is_hit from collector.messages message order by sent_at desc, seq desc limit ${mostWalked})
           select distinct message.sender_id as author from recent message where is_hit and ${isSeen}`,
          values,
        );
  const authors = await tx.query<{ author: string }>(
    'select distinct coalesce(merged_into, user_id) as author from collector.users where user_id = any ($1)',
    [[...new Set(found.map(({ author }) => author))]],
  );
  return authors.map(({ author }) => author);
}

/** SQL for people with this part of their name, user name or phone. Fewer than four digits are a part of no phone. */
export function peopleLike(q: string, value: AddValue): string {
  const digits = /^[\d\s()+.-]+$/.test(q) ? q.replace(/\D/g, '') : null;
  const isTooShort = digits !== null && digits.length < 4;
  const text = `collector.found_by(person.name, person.username, ${isTooShort ? "''" : 'person.phone_number'})`;
  const likes = [`%${q.replace(/[\\%_]/g, '\\$&')}%`, ...(digits === null || isTooShort ? [] : phonesLike(digits))];
  return `(${likes.map((like) => `${text} like collector.fold(${value(like)})`).join(' or ')})`;
}

/** Patterns for phones that contain the digits; Russia and Kazakhstan write 8 for +7. */
function phonesLike(digits: string): readonly string[] {
  return digits.startsWith('8') ? [`%${digits}%`, `% 7${digits.slice(1)}%`] : [`%${digits}%`];
}

/** The client into whom they were merged, if they were. Null if there is none, or the person who looks may not see them. */
export async function findClient(db: Queries, customerId: string, viewer: Viewer): Promise<Client | null> {
  const { values, value } = parameters(customerId);
  const named = 'person.user_id = (select coalesce(merged_into, user_id) from collector.users where user_id = $1)';
  const isSeen = [named, ...seenPeople(viewer, 'person.user_id', value)].join(' and ');
  const [row] = await db.query<Columns>(`select ${columns} from ${table} where ${isSeen}`, values);
  return row === undefined ? null : shown(row);
}

/** Customers who have written since then, most active first. */
export async function activeClients(
  db: Queries,
  { since, limit, viewer }: { readonly since: Date; readonly limit: number; readonly viewer?: Viewer },
): Promise<OutputOf<typeof inbox.active_clients>> {
  const { values, value } = parameters(since, limit);
  const recent = [`sent_at >= $1 and direction = 'in'`, ...seenMessages(viewer, 'message.chat_id', value)].join(' and ');
  const rows = await db.query<Columns & { readonly recent: number; readonly total: number }>(
    `with authors as (
       select sender_id, count(*) as recent from collector.messages message where ${recent} group by sender_id
     ), wrote as (
       select coalesce(merged_into, user_id) as client_id, sum(recent) as recent
       from authors join collector.users on user_id = sender_id group by coalesce(merged_into, user_id)
     )
     select ${columns}, recent::float8 as recent, count(*) over ()::float8 as total
     from ${table} join wrote on person.user_id = client_id
     where person.role = 'client' order by wrote.recent desc, person.last_seen_at desc limit $2`,
    values,
  );
  return {
    since: since.toISOString(),
    total: rows[0]?.total ?? 0,
    items: rows.map((row) => ({ ...shown(row), recentMessages: row.recent })),
  };
}

/** Messages of staff and bots do not wait for an answer. Null if there is no such customer. */
export async function setRole(tx: Queries, customerId: string, role: Person['role']): Promise<Client | null> {
  const set = await tx.query('update collector.users set role = $2 where user_id = $1 returning 1', [customerId, role]);
  if (set.length === 0) return null;
  const chats = await tx.query<{ chatId: string }>('select chat_id as "chatId" from collector.chat_members where user_id = $1', [
    customerId,
  ]);
  await refreshWaiting(
    tx,
    chats.map(({ chatId }) => chatId),
  );
  return findClient(tx, customerId, undefined);
}
