/**
 * Messages in the order of storing, for followers.
 *
 * Glossary: a *position* is the place of a message in that order; an *epoch* is one copy of the data, within which positions are comparable.
 */
import type { Queries } from '../../../bus/service.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { listOf } from '../cursor.ts';
import { type Columns, columns, conditionsOf, filterOf, fitting, type MessageFilter, type Page, shown, tables } from './messages.ts';
import { parameters } from './seen.ts';

/** Positions that one page of a filtered feed scans: with a rare filter a page may be empty although more follow. */
const mostScanned = 2_000;
/** How far a cursor of another epoch goes back: more than the clock difference of two machines. */
const overlapMs = 300_000;

interface Place {
  readonly epoch: string;
  readonly position: string;
  /** When the message at the position was stored. Unix ms. */
  readonly atMs: number;
}
interface Head {
  readonly epoch: string;
  /** The last scanned position, or the start of the page. */
  readonly last_position: string;
  readonly last_at: Date;
}
interface FeedRow extends Columns {
  readonly position: string;
  readonly stored_at: Date;
}

/**
 * The page after `cursor`; without one, from the first message stored at `storedSince` or later, or from the oldest. `nextCursor` is never null.
 * A cursor of another epoch (a restored database, or a replica that took over) continues from its time, some minutes earlier:
 * messages may be repeated, and none is missed.
 */
export async function pageOfFeed(
  db: Queries,
  wanted: MessageFilter,
  {
    limit,
    cursor,
    storedSince,
  }: { readonly limit: number; readonly cursor?: string | undefined; readonly storedSince?: string | undefined },
): Promise<Page> {
  const list = listOf('feed', filterOf(wanted));
  const place = placeOf(cursor, list);
  const { values, value } = parameters();
  const since = place === undefined ? (storedSince ?? '-infinity') : new Date(place.atMs - overlapMs).toISOString();
  const [epoch, position, from] = [value(place?.epoch ?? ''), value(place?.position ?? '0'), value(since)];
  const conditions = conditionsOf(wanted, value);
  const most = value(conditions.length === 0 ? limit : mostScanned);
  const rows = await db.query<Head & (FeedRow | { readonly position: null })>(
    // Looks up each message by its number: with a free join PostgreSQL might read all of them for a page. `limit 1` gives it the estimate
    // that it lacks for a new table; a high estimate would make it compile the query, which takes longer than running it.
    `with head as materialized (
       select epoch, case when epoch = ${epoch} then ${position}::bigint
         else coalesce((select feed.position - 1 from collector.feed where feed.stored_at >= ${from} order by feed.stored_at, feed.position limit 1),
           feed_head.position) end as start
       from collector.feed_head limit 1
     ), scanned as materialized (
       select position, seq, stored_at from collector.feed where position > (select start from head) order by position limit ${most}
     ), page as materialized (
       select scanned.position, scanned.stored_at, found.* from scanned cross join lateral (
         select ${columns} from ${tables} where ${[...conditions, 'message.seq = scanned.seq'].join(' and ')} offset 0
       ) found order by scanned.position limit ${value(limit)}
     ), last as (
       select coalesce((select max(position) from scanned), (select start from head)) as position,
         coalesce((select max(stored_at) from scanned), (select feed.stored_at from collector.feed
           where feed.position <= (select start from head) order by feed.position desc limit 1), now()) as at
     )
     select head.epoch, last.position::text as last_position, last.at as last_at, page.*, page.position::text
     from head cross join last left join page on true order by page.position`,
    values,
  );
  const [head] = rows;
  if (head === undefined) throw new TypeError('collector.feed_head has no row');
  const found = rows.filter((row): row is Head & FeedRow => row.position !== null);
  const cursorAt = (position: string, at: Date) => cursorOf({ epoch: head.epoch, position, atMs: at.getTime() }, list);
  const items = fitting(found.map((row) => ({ ...shown(row), cursor: cursorAt(row.position, row.stored_at) })));
  const isWhole = items.length === found.length && found.length < limit;
  return { items, nextCursor: (isWhole ? undefined : items.at(-1)?.cursor) ?? cursorAt(head.last_position, head.last_at) };
}

const cursorOf = ({ epoch, position, atMs }: Place, list: string): string => `s${epoch}.${position}.${atMs}.${list}`;
function placeOf(cursor: string | undefined, list: string): Place | undefined {
  if (cursor === undefined) return undefined;
  const [, epoch, position, atMs, of] = /^s([0-9a-f]{8})\.(\d{1,18})\.(\d{1,13})\.([\w-]{8})$/.exec(cursor) ?? [];
  if (epoch === undefined || position === undefined || of !== list)
    throw new PolybError('invalid_argument', 'Bad cursor: expected the nextCursor of an earlier page of this feed with the same filters.');
  return { epoch, position, atMs: Number(atMs) };
}

/** Assigns positions to at most so many committed messages; returns to how many. */
export async function numberMessages(db: Queries, most: number): Promise<number> {
  const [row] = await db.query<{ given: number }>('select collector.number_feed($1) as given', [most]);
  return row?.given ?? 0;
}
