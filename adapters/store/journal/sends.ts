/** Rows that a transaction sends, and those that it makes stale. */
import type { NewSend, SendStore } from '../../../bus/durable/store.ts';
import type { Queries } from '../../deps.ts';
import { date, json } from './rows.ts';

export function sendStore(): SendStore {
  return {
    /** A key with another input stores no row, so fewer rows come back; the journal turns that into conflict/key_reused. */
    async send(on: Queries, rows: readonly NewSend[]): Promise<readonly string[]> {
      const clashes = await on.query<{ method: string }>(
        `with sent as (
           select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::text[], $8::boolean[], $9::timestamptz[], $10::bigint[], $11::text[], $12::text[], $13::integer[], $14::smallint[])
             with ordinality as s(id, method, key, hash, input, lane, approval, settles, not_before, ttl_ms, caller, traceparent, undo_ms, approvers, nth)),
         kept as (
           insert into journal.rows (id, method, key, mode, state, hash, input, lane, approval, settles, not_before, not_after, caller, traceparent, undo_ms, approvers, ref)
           select id, method, key, 'send', case when approval = 'none' then 'queued' else 'proposed' end, hash, input, lane, approval, settles,
             coalesce(not_before, now()), coalesce(not_before, now()) + make_interval(secs => ttl_ms / 1000.0), caller, traceparent, undo_ms, approvers, id
           from sent order by nth
           on conflict (method, key) do nothing)
         select s.method from sent s join journal.rows r on r.method = s.method and r.key = s.key where r.hash <> s.hash`,
        [
          rows.map((r) => r.id),
          rows.map((r) => r.method),
          rows.map((r) => r.key),
          rows.map((r) => r.hash),
          rows.map((r) => json(r.input)),
          rows.map((r) => r.lane),
          rows.map((r) => r.approval),
          rows.map((r) => r.settles),
          rows.map((r) => (r.notBefore === null ? null : date(r.notBefore))),
          rows.map((r) => r.ttlMs),
          rows.map((r) => r.caller),
          rows.map((r) => r.traceparent),
          rows.map((r) => r.undoMs ?? 0),
          rows.map((r) => r.approvers ?? 1),
        ],
      );
      return clashes.map(({ method }) => method);
    },
    async markStale(on: Queries, method: string, keys: readonly string[], why: string): Promise<void> {
      await on.query(
        `update journal.rows set state = 'stale', ended_at = now(), updated_at = now(),
           error = jsonb_build_object('code', 'failed_precondition', 'reason', 'stale', 'detail', $3::text, 'outcome', 'not_executed')
         where id = any (array(
           select id from journal.rows where method = $1 and key = any ($2) and mode = 'send' and state in ('proposed', 'queued') order by id for no key update))`,
        [method, keys, why],
      );
    },
  };
}
