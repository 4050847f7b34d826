/** Numbers of rows that wait for people, counted from the oldest up to a limit, so that a flood costs no more. */
import type { Queries } from '../deps.ts';

export interface Pile {
  /** `dead`: dead letters of one method; `proposed`: approvals of one channel; `review`: unknown outcomes. */
  readonly kind: 'dead' | 'proposed' | 'review';
  readonly of: string;
  readonly rows: number;
  readonly oldestSeconds: number;
}
const most = 10_000;

export function piles(db: Queries): Promise<readonly Pile[]> {
  return db.query<Pile>(
    `select kind, "of", count(*)::int as rows, greatest(0, extract(epoch from now() - min(created_at)))::float8 as "oldestSeconds" from (
       (select 'dead' as kind, method as "of", created_at from journal.rows
        where state in ('failed', 'expired') and mode in ('send', 'run', 'event') order by seq limit ${most})
       union all
       (select 'proposed', coalesce(input->>'channel', 'none'), created_at from journal.rows where state = 'proposed' and approval <> 'customer' order by seq limit ${most})
       union all
       (select 'review', method, created_at from journal.rows where state = 'review' order by seq limit ${most})
     ) as piled group by kind, "of"`,
  );
}

export interface OpenTransaction {
  /** Null for a prepared transaction, which no process holds. */
  readonly pid: number | null;
  readonly name: string;
  readonly seconds: number;
}
/** Transactions of the whole cluster that have written, the oldest first: no consumer reads past them. */
export function openTransactions(db: Queries): Promise<readonly OpenTransaction[]> {
  return db.query<OpenTransaction>(
    `select pid, name, greatest(0, extract(epoch from clock_timestamp() - since))::float8 as seconds from (
       select pid, coalesce(nullif(application_name, ''), 'a session') || ' of ' || coalesce(usename, '?') as name, xact_start as since
         from pg_stat_activity where backend_xid is not null and pid <> pg_backend_pid()
       union all
       select null, 'the prepared transaction ' || gid, prepared from pg_prepared_xacts
     ) open where since is not null order by since limit 10`,
  );
}

export interface Lag {
  readonly consumer: string;
  /** Age of the oldest unhandled event; 0 without one. */
  readonly seconds: number;
}
/** How far consumers are behind. */
export function lags(db: Queries): Promise<readonly Lag[]> {
  return db.query<Lag>(
    `select consumer, coalesce(greatest(0, extract(epoch from clock_timestamp() - (
       select created_at from journal.events where event = cursors.event and (events.xid, events.id) > (cursors.xid, cursors.id)
       order by events.xid, events.id limit 1))), 0)::float8 as seconds
     from journal.cursors where event is not null order by consumer limit 1000`,
  );
}
