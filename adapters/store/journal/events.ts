/** Durable events and the cursors of their consumers. */

import type { EventRow, EventStore, NewEvent, RowError } from '../../../bus/durable/store.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Queries } from '../../deps.ts';
import type { Postgres } from '../postgres.ts';
import { json } from './rows.ts';

/** @param leases a pool of its own for renewals. */
export function eventStore(db: Queries & Pick<Postgres, 'session'>, leases: Queries): EventStore {
  const named = (events: readonly NewEvent[]): unknown[] => [
    events.map((e) => e.event),
    events.map((e) => e.key),
    events.map((e) => json(e.payload)),
    events.map((e) => e.traceparent),
  ];
  return {
    async emit(on: Queries, events: readonly NewEvent[]): Promise<void> {
      await on.query(
        `insert into journal.events (event, key, payload, traceparent) select * from unnest($1::text[], $2::text[], $3::jsonb[], $4::text[])`,
        named(events),
      );
    },
    async renumber(): Promise<boolean> {
      const [events] = await db.query<{ areForeign: boolean }>(`select journal.is_from_another_cluster() as "areForeign"`);
      if (events?.areForeign !== true) return false;
      return db.session(async (session) => {
        await session.run('set statement_timeout = 0'); // it rewrites every event
        const [answer] = await session.query<{ renumber: boolean }>('select journal.renumber()');
        return answer?.renumber === true;
      });
    },
    async register(
      consumer: string,
      event: string,
      { after, fromOldest = false }: { readonly after?: string; readonly fromOldest?: boolean } = {},
    ): Promise<void> {
      await db.query(
        `insert into journal.cursors (consumer, event, xid, id)
         select $1, $2, coalesce(former.xid, case when $4 then '0'::xid8 else pg_snapshot_xmin(pg_current_snapshot()) end), coalesce(former.id, 0)
         from (select) one left join journal.cursors former on former.consumer = $3
         on conflict (consumer) do update set event = excluded.event where cursors.event is distinct from excluded.event`,
        [consumer, event, after ?? null, fromOldest],
      );
    },
    async takeEvents(
      consumer: string,
      event: string,
      lease: { readonly token: string; readonly was: string | null; readonly leaseMs: number; readonly deadId: string },
      atMost: number,
    ): Promise<readonly (EventRow & { readonly isAlone: boolean })[]> {
      try {
        return await db.query<EventRow & { readonly isAlone: boolean }>(
          `select id, xid, payload, traceparent, is_alone as "isAlone" from journal.take_events($1, $2, $3, $4, $5, $6, $7)`,
          [consumer, event, lease.token, lease.was, lease.leaseMs, atMost, lease.deadId],
        );
      } catch (thrown) {
        if ((thrown as { code?: unknown }).code === 'PB001')
          throw new PolybError('failed_precondition', `The position of ${consumer} is a number of another PostgreSQL cluster.`, {
            reason: 'another_cluster',
          });
        throw thrown;
      }
    },
    async renewEvents(consumer: string, token: string, leaseMs: number): Promise<void> {
      await leases.query(
        `update journal.cursors set lease_until = clock_timestamp() + make_interval(secs => $3 / 1000.0) where consumer = $1 and token = $2 and lease_until > clock_timestamp()`,
        [consumer, token, leaseMs],
      );
    },
    async nextEvents(on: Queries, consumer: string, event: string, atMost: number): Promise<readonly EventRow[] | null> {
      const [cursor] = await on.query<{ xid: string; id: string; isAhead: boolean }>(
        `select xid::text, id, xid >= pg_snapshot_xmax(pg_current_snapshot()) as "isAhead" from journal.cursors
         where consumer = $1 and retry_at <= clock_timestamp() for update skip locked`,
        [consumer],
      );
      if (cursor === undefined) return null;
      if (cursor.isAhead)
        throw new PolybError('failed_precondition', `The position of ${consumer} is a number of another PostgreSQL cluster.`, {
          reason: 'another_cluster',
        });
      return on.query<EventRow>(
        `select id, xid::text, payload, traceparent from journal.events
         where event = $1 and (xid, id) > ($2::xid8, $3::bigint) and xid < pg_snapshot_xmin(pg_current_snapshot()) order by events.xid, events.id limit $4`,
        [event, cursor.xid, cursor.id, atMost],
      );
    },
    /** As for a row: a holder whose lease ran out may still write until another holder takes the cursor over. */
    async advance(on: Queries, consumer: string, past: EventRow, token: string | null = null): Promise<boolean> {
      const rows = await on.query(
        `update journal.cursors set xid = $2::xid8, id = $3, failures = 0, token = null, lease_until = null, takeovers = 0, one_by_one = greatest(one_by_one - 1, 0), error = null
         where consumer = $1 and ($4::text is null or (token = $4 and (takeovers = 0 or lease_until > clock_timestamp()))) returning consumer`,
        [consumer, past.xid, past.id, token],
      );
      return rows.length === 1;
    },
    async recordFailure(
      consumer: string,
      token: string,
      { firstMs, lastMs, giveUpAfter, error }: { firstMs: number; lastMs: number; giveUpAfter: number | null; error: string },
    ): Promise<number> {
      const [cursor] = await db.query<{ failures: number }>(
        `update journal.cursors set failures = failures + 1, token = null, lease_until = null, takeovers = 0, error = $6,
           retry_at = clock_timestamp() + case when failures + 1 >= $5 then interval '0' else make_interval(secs => least($4, $3 * 2 ^ least(failures, 30)) / 1000.0) end
         where consumer = $1 and token = $2 returning failures`,
        [consumer, token, firstMs, lastMs, giveUpAfter, error],
      );
      return cursor?.failures ?? 0;
    },
    async deadLetter(on: Queries, consumer: string, id: string, event: EventRow, error: RowError): Promise<void> {
      await on.query(
        `insert into journal.rows (id, method, key, mode, state, hash, input, error, on_unknown, attempts, traceparent, ref, ended_at)
         values ($1, $2, $3, 'event', 'failed', '', $4, $5, 'function', 1, $6, $1, now()) on conflict do nothing`,
        [id, consumer, event.id, json(event.payload), json(error), event.traceparent],
      );
    },
  };
}
