/** Loops: who holds each, and when it ran. */
import type { LoopStore } from '../../../bus/durable/store.ts';
import type { Queries } from '../../deps.ts';
import { date } from './rows.ts';

/** @param leases a pool of its own for leases. */
export function loopStore(db: Queries, leases: Queries): LoopStore {
  return {
    async announceLoops(service: string, loops: readonly { readonly name: string; readonly schedule: string }[]): Promise<void> {
      await db.query(
        `with gone as (delete from journal.loops where service = $1 and not (name = any ($2)))
        insert into journal.loops (service, name, schedule) select $1, * from unnest($2::text[], $3::text[]) on conflict (service, name) do update set schedule = excluded.schedule`,
        [service, loops.map((l) => l.name), loops.map((l) => l.schedule)],
      );
    },
    /** Returns how many consecutive holders were lost, null while another holds the loop. Only a finished turn resets the count: see `reportLoop`. */
    async leaseLoop(service: string, name: string, holder: string, leaseMs: number): Promise<number | null> {
      const rows = await leases.query<{ takeovers: number }>(
        `update journal.loops set takeovers = takeovers + coalesce((held_by <> $3)::integer, 0),
           last_error = case when held_by <> $3 and takeovers > 0
             then 'internal/holder_gone: ' || takeovers + 1 || ' processes in a row died or stalled in its turn; the pauses between them grow to an hour' else last_error end,
           held_by = $3, lease_until = clock_timestamp() + make_interval(secs => $4 / 1000.0)
         where service = $1 and name = $2 and (held_by is not distinct from $3 or lease_until is null
           or lease_until + least(interval '1 hour', make_interval(secs => $4 * (2 ^ least(takeovers, 20) - 1) / 1000.0)) < clock_timestamp())
           and (takeovers = 0 or held_by = $3 or journal.may_hold_suspect($3)) returning takeovers`,
        [service, name, holder, leaseMs],
      );
      return rows[0]?.takeovers ?? null;
    },
    async takeTime(service: string, name: string, at: number): Promise<boolean> {
      const rows = await db.query(
        `update journal.loops set last_due_at = $3
         where service = $1 and name = $2 and coalesce(last_due_at, '-infinity') < $3 and $3 < clock_timestamp() + interval '1 minute' returning name`,
        [service, name, date(at)],
      );
      return rows.length === 1;
    },
    async reportLoop(
      service: string,
      name: string,
      report: { readonly error: string | null; readonly nextRunAt: number | null },
    ): Promise<void> {
      await db.query(
        `update journal.loops set last_run_at = now(), last_error = $3, next_run_at = $4, requested = false, takeovers = 0 where service = $1 and name = $2`,
        [service, name, report.error, report.nextRunAt === null ? null : date(report.nextRunAt)],
      );
    },
    async releaseLoops(holder: string): Promise<void> {
      await db.query(`update journal.loops set held_by = null, lease_until = null where held_by = $1`, [holder]);
    },
    async requestedLoops(service: string): Promise<readonly string[]> {
      return (await db.query<{ name: string }>(`select name from journal.loops where service = $1 and requested`, [service])).map(
        ({ name }) => name,
      );
    },
  };
}
