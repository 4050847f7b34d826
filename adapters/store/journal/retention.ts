/** Retention and erasure of rows and events, and the schemas that mask rows. */
import type { RetentionStore } from '../../../bus/durable/store.ts';
import type { Queries } from '../../deps.ts';
import { isOfNoOpenRun, json } from './rows.ts';

export function retentionStore(db: Queries): RetentionStore {
  return {
    async forget(
      on: Queries,
      {
        ids,
        names,
        mentions,
      }: { readonly ids: readonly string[]; readonly names: readonly string[]; readonly mentions: readonly string[] },
    ): Promise<void> {
      const isOwn = (name: string) => name.length >= 7 || !/^\d*$/.test(name);
      const long = mentions.filter((name) => name.length >= 7).map((name) => name.replace(/[^\w-]/g, '\\$&'));
      const mention = long.length === 0 ? null : `(^|[^[:alnum:]_])(${long.join('|')})([^[:alnum:]_]|$)`;
      await on.query('select journal.forget($1, $2, $3)', [ids, names.filter(isOwn), mention]);
    },
    async retain(keepDays: number): Promise<number> {
      const old = (which: string): string =>
        `array(select id from journal.rows where ${which} and ${isOfNoOpenRun} limit 5000 for update skip locked)`;
      const limit = 'now() - make_interval(days => $1)';
      const gone = await db.query(
        `delete from journal.rows where id = any (
           ${old(`blanked and ended_at < ${limit}`)} || ${old(`not blanked and ended_at < ${limit}`)}
           || ${old(`state = 'attempting' and lease_until < ${limit}`)}
           || ${old(`state <> 'attempting' and ended_at is null and created_at < ${limit} and greatest(updated_at, not_before, not_after) < ${limit}`)})
         returning id`,
        [keepDays],
      );
      return gone.length;
    },
    async toBlank(
      days: number,
    ): Promise<readonly { readonly id: string; readonly method: string; readonly input: unknown; readonly output: unknown }[]> {
      return db.query(
        `select id, method, input, output from journal.rows where not blanked and ended_at < now() - make_interval(days => $1) and ${isOfNoOpenRun} order by ended_at limit 500`,
        [days],
      );
    },
    async blank(rows: readonly { readonly id: string; readonly input: unknown; readonly output: unknown }[]): Promise<void> {
      await db.query(
        `update journal.rows r set input = t.input, output = t.output, lane = null, blanked = true from unnest($1::text[], $2::jsonb[], $3::jsonb[]) as t(id, input, output) where r.id = t.id`,
        [rows.map((r) => r.id), rows.map((r) => json(r.input)), rows.map((r) => json(r.output))],
      );
    },
    async forgetEvents(keepDays: number): Promise<number> {
      const gone = await db.query(
        `delete from journal.events where id = any (array(
           select id from journal.events where created_at < now() - make_interval(days => $1) order by created_at limit 5000 for update skip locked)) returning id`,
        [keepDays],
      );
      return gone.length;
    },
    async announceMethods(
      service: string,
      methods: readonly { readonly method: string; readonly input: unknown; readonly output: unknown }[],
    ): Promise<void> {
      await db.query(
        `insert into journal.methods (method, service, input, output) select m, $1, i, o from unnest($2::text[], $3::jsonb[], $4::jsonb[]) as t(m, i, o) order by m
         on conflict (method) do update set service = excluded.service, input = excluded.input, output = excluded.output, seen_at = now()`,
        [service, methods.map((m) => m.method), methods.map((m) => JSON.stringify(m.input)), methods.map((m) => JSON.stringify(m.output))],
      );
    },
    async schemas(): Promise<readonly { readonly method: string; readonly input: object; readonly output: object }[]> {
      return db.query('select method, input, output from journal.methods');
    },
  };
}
