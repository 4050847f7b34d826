/** People as rows, read, given a role, and erased. */
import type { Queries } from '../../bus/service.ts';
import type { OutputOf } from '../../contracts/define.ts';
import type { inbox } from '../../contracts/inbox.ts';
import { cursorOf, listOf, placeOf, timeAt, usOf } from './cursor.ts';
import type { Person } from './people.ts';
import { forgetWords } from './search.ts';

type Page = OutputOf<typeof inbox.list_clients>;
type Client = Page['items'][number];

const columns = `person.user_id, person.channel, person.name, person.username, person.phone_number, person.role, person.messages::float8 as messages,
  person.first_seen_at, person.last_seen_at, ${usOf('person.last_seen_at')} as seen_us`;
interface Columns {
  readonly user_id: string;
  readonly channel: Client['channel'];
  readonly name: string;
  readonly username: string | null;
  readonly phone_number: string | null;
  readonly role: Person['role'];
  readonly messages: number;
  readonly first_seen_at: Date;
  readonly last_seen_at: Date;
  readonly seen_us: string;
}
function shown(row: Columns): Client {
  return {
    clientId: row.user_id,
    channel: row.channel,
    name: row.name,
    username: row.username,
    phoneNumber: row.phone_number,
    role: row.role,
    messages: row.messages,
    firstSeenAt: row.first_seen_at.toISOString(),
    lastSeenAt: row.last_seen_at.toISOString(),
  };
}

export async function pageOfClients(
  db: Queries,
  {
    role,
    channel,
    q,
    limit,
    cursor,
  }: { role: Person['role']; channel?: string | undefined; q?: string | undefined; limit: number; cursor?: string | undefined },
): Promise<Page> {
  const list = listOf('clients', { role, channel, q });
  const place = placeOf(cursor, list);
  const like = q === undefined ? null : `%${q.replace(/[\\%_]/g, '\\$&')}%`;
  const rows = await db.query<Columns>(
    `select ${columns} from collector.users person
     where role = $1 and ($2::text is null or channel = $2)
       and ($3::text is null or collector.fold(name) like collector.fold($3) or username ilike $3
         or regexp_replace(phone_number, '\\D', '', 'g') like any ($7))
       and ($4::bigint is null or (last_seen_at, user_id) < (${timeAt('$4')}, $5))
     order by last_seen_at desc, user_id desc limit $6`,
    [role, channel ?? null, like, place?.atUs ?? null, place?.id ?? null, limit + 1, phonesLike(q ?? '')],
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const isMore = rows.length > limit && last !== undefined;
  return { items: page.map(shown), nextCursor: isMore ? cursorOf({ atUs: last.seen_us, id: last.user_id, isFuzzy: false }, list) : null };
}

/** Patterns for the digits of a phone of which any four digits or more are given; Russia and Kazakhstan write 8 for +7. */
function phonesLike(q: string): readonly string[] {
  const digits = /^[\d\s()+.-]+$/.test(q) ? q.replace(/\D/g, '') : '';
  if (digits.length < 4) return [];
  return digits.startsWith('8') ? [`%${digits}%`, `7${digits.slice(1)}%`] : [`%${digits}%`];
}

export async function findClient(db: Queries, userId: string): Promise<Client | null> {
  const [row] = await db.query<Columns>(`select ${columns} from collector.users person where user_id = $1`, [userId]);
  return row === undefined ? null : shown(row);
}

/** Clients who wrote since then, the busiest first. */
export async function activeClients(db: Queries, since: Date, limit: number): Promise<OutputOf<typeof inbox.active_clients>> {
  const rows = await db.query<Columns & { readonly recent: number; readonly total: number }>(
    `with wrote as (
       select sender_id, count(*) as recent from collector.messages where sent_at >= $1 and direction = 'in' group by sender_id
     )
     select ${columns}, recent::float8 as recent, count(*) over ()::float8 as total
     from wrote join collector.users person on person.user_id = sender_id
     where role = 'client' order by wrote.recent desc, last_seen_at desc limit $2`,
    [since, limit],
  );
  return {
    since: since.toISOString(),
    total: rows[0]?.total ?? 0,
    items: rows.map((row) => ({ ...shown(row), recentMessages: row.recent })),
  };
}

/** Null when there is no such person. */
export async function setRole(db: Queries, userId: string, role: Person['role']): Promise<Client | null> {
  const [row] = await db.query<Columns>(`update collector.users person set role = $2 where user_id = $1 returning ${columns}`, [
    userId,
    role,
  ]);
  return row === undefined ? null : shown(row);
}

/** Blanks who somebody is and all that they wrote, also as it came raw in private chats; answers how many messages, null when there is no such person. */
export async function erase(tx: Queries, userId: string): Promise<number | null> {
  const aliases = await tx.query<{ external_id: string }>(
    `delete from collector.user_aliases alias using collector.users person
     where person.user_id = $1 and alias.channel = person.channel
       and (alias.known_as = person.external_id or alias.known_as is null and (alias.external_id = person.external_id or exists (
         select from collector.user_aliases other
         where other.channel = alias.channel and other.external_id = alias.external_id and other.known_as = person.external_id)))
     returning alias.external_id`,
    [userId],
  );
  const [person] = await tx.query<{ external_id: string; channel: string }>(
    `update collector.users set name = '', username = null, phone_number = null, erased_at = coalesce(erased_at, now())
     where user_id = $1 returning external_id, channel`,
    [userId],
  );
  if (person === undefined) return null;
  await tx.query(
    `update collector.chats set title = null where channel = $1 and (external_id = $2 or external_id like '%:' || $2) and kind = 'private'`,
    [person.channel, person.external_id],
  );
  // A raw update names its sender as a number or as text; any that does, goes.
  const ids = [person, ...aliases].map(({ external_id }) => external_id.replace(/[^\w-]/g, '\\$&'));
  await tx.query(`delete from collector.raw_updates where channel = $1 and body ~ $2`, [
    person.channel,
    `"(id|from|from_user_id|wa_id|user_id|recipient_id|recipient_user_id)"\\s*:\\s*"?(${ids.join('|')})"?[,}]`,
  ]);
  await forgetWords(tx, userId);
  const own = `select message_id from collector.messages where sender_id = $1`;
  await tx.query(`delete from collector.message_versions where message_id in (${own})`, [userId]);
  await tx.query(`update collector.voices set body = null, state = 'gone' where message_id in (${own})`, [userId]);
  const blanked = await tx.query(
    `update collector.messages set text = '', transcript = null, content = '[]' where sender_id = $1 returning 1`,
    [userId],
  );
  return blanked.length;
}
