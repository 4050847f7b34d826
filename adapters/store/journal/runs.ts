/** Runs of pipelines: their steps, waits and pauses. */
import type { Ending, EventRow, NewStep, Row, RowError, RunStore } from '../../../bus/durable/store.ts';
import type { Queries } from '../../deps.ts';
import { batched } from '../batch.ts';
import { over } from '../over.ts';
import { asStep, date, ended, isInTime, json, line, row, type StoredRow } from './rows.ts';

const putting = over<NewStep>(
  [
    ['id', 'text', ({ id }) => id],
    ['method', 'text', ({ method }) => method],
    ['key', 'text', ({ key }) => key],
    ['mode', 'text', ({ mode }) => mode],
    ['state', 'text', ({ state }) => state],
    ['hash', 'text', ({ hash }) => hash],
    ['input', 'jsonb', ({ input }) => json(input)],
    ['parent', 'text', ({ run }) => run.id],
    ['step', 'text', ({ step }) => step],
    ['edition', 'integer', ({ edition }) => edition],
    ['wait_key', 'text', ({ waitKey }) => waitKey],
    ['until_ms', 'bigint', ({ untilMs }) => untilMs],
    ['traceparent', 'text', ({ run }) => run.traceparent],
    ['run_token', 'text', ({ run }) => run.token],
    ['approval', 'text', ({ approval }) => approval ?? 'none'],
  ],
  (given) =>
    `insert into journal.rows as r (id, method, key, mode, state, hash, input, parent, step, edition, wait_key, approval, not_before, not_after, caller, traceparent, ref, started_at, ended_at)
     select s.id, s.method, s.key, s.mode, s.state, s.hash, s.input, s.parent, s.step, s.edition, s.wait_key, s.approval,
       case when s.mode = 'wait' then now() + make_interval(secs => s.until_ms / 1000.0) else now() end,
       case when s.until_ms is null then null else now() + make_interval(secs => s.until_ms / 1000.0) end,
       'pipelines', s.traceparent, s.id, now(), case when s.state = 'done' then now() end
     from (select * from ${given}) s join journal.rows run on run.id = s.parent and run.token = s.run_token and run.state = 'attempting'
     on conflict (method, key) do update set updated_at = r.updated_at returning r.*, (extract(epoch from r.not_after - clock_timestamp()) * 1000)::float8 as left_ms`,
);

export function runStore(db: Queries): RunStore {
  const putTogether = batched<NewStep, StoredRow | undefined>(async (steps) => {
    const { text, values } = putting(steps);
    const byKey = new Map((await db.query<StoredRow>(text, values)).map((stored) => [`${stored.method} ${stored.key}`, stored]));
    return steps.map(({ method, key }) => byKey.get(`${method} ${key}`));
  });

  return {
    async steps(run: string): Promise<readonly Row[]> {
      return (await db.query<StoredRow>(`select ${asStep} from journal.rows where parent = $1 order by seq`, [run])).map(row);
    },
    async putStep(step: NewStep): Promise<Row | null> {
      const stored = await putTogether(step);
      return stored === undefined ? null : row(stored);
    },
    /** A step whose method is not keyed has no attempt of its own; the run writes its end. */
    async endStep(id: string, ending: Ending): Promise<boolean> {
      const rows = await db.query(
        `update journal.rows set state = $2, output = $3, error = $4, attempts = attempts + case when mode = 'step' then 1 else 0 end, updated_at = now(), ended_at = case when $2 in ${ended} then now() end, log = ${line('$5')}
         where id = $1 and state in ('queued', 'waiting', 'failed') returning id`,
        [id, ending.state, json(ending.output), json(ending.error), json(ending.log)],
      );
      return rows.length === 1;
    },
    async park(run: Pick<Row, 'id' | 'token'>, stepId: string | null, untilMs: number, error: RowError | null): Promise<boolean> {
      const rows = await db.query(
        `with step as (select state from journal.rows where id = $3 for update)
         update journal.rows set state = 'waiting', token = null, lease_until = null, takeovers = 0, error = $5, not_before = clock_timestamp() + make_interval(secs => $4 / 1000.0), updated_at = now()
         where id = $1 and token = $2 and state = 'attempting' and ${isInTime} and ($3::text is null or (select state from step) in ('proposed', 'attempting', 'waiting', 'unknown', 'review')) returning id`,
        [run.id, run.token, stepId, untilMs, json(error)],
      );
      return rows.length === 1;
    },
    async firstEvent(event: string, key: string, sinceMs: number): Promise<EventRow | null> {
      const [found] = await db.query<EventRow>(
        `select id, xid::text, payload, traceparent from journal.events where event = $1 and key = $2 and created_at >= $3 order by id limit 1`,
        [event, key, date(sinceMs)],
      );
      return found ?? null;
    },
    async wakeWaits(on: Queries, event: string, key: string, payload: unknown): Promise<void> {
      await on.query(
        `update journal.rows set state = 'done', output = $3, ended_at = now(), updated_at = now()
         where id = any (array(
           select id from journal.rows where method = $1 and wait_key = $2 and state = 'waiting' and mode = 'wait' order by id for no key update))`,
        [`@${event}`, key, json(payload)],
      );
    },
  };
}
