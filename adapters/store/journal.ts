/** The journal's statements. The shape is that of the store port in `bus/durable/store.ts`; the tables stand in `migrations/`. */
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Queries } from '../deps.ts';
import { batched } from './batch.ts';
import { over } from './over.ts';
import type { Postgres } from './postgres.ts';

interface StoredRow {
  id: string;
  method: string;
  key: string;
  mode: string;
  state: string;
  input: unknown;
  output: unknown;
  error: object | null;
  attempts: number;
  takeovers: number;
  token: string | null;
  ref: string;
  parent: string | null;
  step: string | null;
  edition: number;
  editions: object | null;
  edits: object | null;
  traceparent: string | null;
  caller: string | null;
  created_at: Date | string;
  not_before: Date | string;
  not_after: Date | string | null;
  lease_until: Date | string | null;
  settle_at: Date | string | null;
  left_ms?: number | null;
}
const ms = (time: Date | string): number => new Date(time).getTime();
const msOrNull = (time: Date | string | null): number | null => (time === null ? null : ms(time));

/** A stored row as the runtime reads it; the casts are earned by the table's checks. */
function row<Row>(stored: StoredRow): Row {
  const {
    id,
    method,
    key,
    mode,
    state,
    input,
    output,
    error,
    attempts,
    takeovers,
    ref,
    parent,
    step,
    edition,
    editions,
    edits,
    traceparent,
    caller,
  } = stored;
  return {
    id,
    method,
    key,
    mode,
    state,
    input,
    output,
    error,
    attempts,
    takeovers,
    token: stored.token ?? '',
    ref,
    parent,
    step,
    edition,
    editions,
    edits,
    traceparent,
    caller,
    createdAt: ms(stored.created_at),
    notBefore: ms(stored.not_before),
    notAfter: msOrNull(stored.not_after),
    leftMs: stored.left_ms ?? null,
    readAt: performance.now(),
    leaseUntil: msOrNull(stored.lease_until),
    settleAt: msOrNull(stored.settle_at),
  } as Row;
}
const json = (value: unknown): string | null => (value === undefined || value === null ? null : JSON.stringify(value, bytesAsBase64));
/** Bytes lie in a row as they travel in JSON. */
function bytesAsBase64(this: unknown, name: string, value: unknown): unknown {
  const raw = (this as Record<string, unknown>)[name];
  return raw instanceof Uint8Array ? Buffer.from(raw).toString('base64') : value;
}
/** A row as a step: how much of its time is left is PostgreSQL's to say, since the clock of this process may be set otherwise. */
const asStep = '*, (extract(epoch from not_after - clock_timestamp()) * 1000)::float8 as left_ms';
const date = (time: number): Date => new Date(time);
const ended = `('done', 'failed', 'rejected', 'expired', 'stale', 'cancelled')`;
/** A holder that was silent past its lease may still write while nobody else has tried the row. Once it was taken over, the silence is what is counted. */
const isInTime = `(rows.takeovers = 0 or rows.on_unknown <> 'function' or rows.lease_until > clock_timestamp())`;
/** A step is needed for as long as its run goes on. */
const isOfNoOpenRun = '(parent is null or not exists (select from journal.rows run where run.id = rows.parent and run.ended_at is null))';
/** One line of a row's log, made in the statement so that its time is PostgreSQL's. */
const line = (parameter: string): string =>
  `case when ${parameter}::jsonb is null then rows.log else (case when jsonb_array_length(rows.log) >= 100 then rows.log - 1 else rows.log end) || jsonb_build_array(${parameter}::jsonb || jsonb_build_object('at', now(), 'by', held_by)) end`;

interface Asked {
  readonly id: string;
  readonly method: string;
  readonly key: string;
  readonly hash: string;
  readonly mode: string;
  readonly of?: { readonly run: string; readonly runToken: string; readonly edition: number; readonly name: string } | undefined;
  readonly input: unknown;
  readonly lane: string | null;
  readonly approval: string;
  readonly handling: string;
  readonly settleMs: number;
  readonly settles: boolean;
  readonly notAfter: number | null;
  readonly deadlineAt: number;
  readonly caller: string;
  readonly traceparent: string;
  readonly token: string;
  readonly relaxed?: boolean;
}
interface Sent {
  readonly id: string;
  readonly method: string;
  readonly key: string;
  readonly hash: string;
  readonly input: unknown;
  readonly lane: string | null;
  readonly approval: string;
  readonly settles: boolean;
  readonly notBefore: number | null;
  readonly undoMs?: number;
  readonly approvers?: number;
  readonly ttlMs: number;
  readonly caller: string;
  readonly traceparent: string | null;
}
interface Emitted {
  readonly event: string;
  readonly key: string;
  readonly payload: unknown;
  readonly traceparent: string | null;
}
interface Ending {
  readonly state: string;
  readonly output?: unknown;
  readonly error?: object | null;
  readonly notBefore?: number;
  readonly log?: object;
}
interface NewStep {
  readonly id: string;
  readonly run: { readonly id: string; readonly token: string; readonly traceparent: string | null };
  readonly method: string;
  readonly key: string;
  readonly hash: string;
  readonly step: string;
  readonly edition: number;
  readonly input: unknown;
  readonly mode: string;
  readonly state: string;
  readonly approval?: string;
  readonly waitKey: string | null;
  readonly untilMs: number | null;
}
interface EventRow {
  readonly id: string;
  readonly xid: string;
  readonly payload: unknown;
  readonly traceparent: string | null;
}

interface Taking {
  readonly asked: Asked;
  readonly holder: string;
  readonly leaseMs: number;
}
const taking = over<Taking & { readonly nth: number }>(
  [
    ['nth', 'integer', ({ nth }) => nth],
    ['id', 'text', ({ asked }) => asked.id],
    ['method', 'text', ({ asked }) => asked.method],
    ['key', 'text', ({ asked }) => asked.key],
    ['hash', 'text', ({ asked }) => asked.hash],
    ['mode', 'text', ({ asked }) => asked.mode],
    ['input', 'jsonb', ({ asked }) => json(asked.input)],
    ['lane', 'text', ({ asked }) => asked.lane],
    ['approval', 'text', ({ asked }) => asked.approval],
    ['handling', 'text', ({ asked }) => asked.handling],
    ['settle_ms', 'integer', ({ asked }) => asked.settleMs],
    ['not_after', 'timestamptz', ({ asked }) => (asked.notAfter === null ? null : date(asked.notAfter))],
    ['deadline', 'timestamptz', ({ asked }) => date(asked.deadlineAt)],
    ['caller', 'text', ({ asked }) => asked.caller],
    ['traceparent', 'text', ({ asked }) => asked.traceparent],
    ['token', 'text', ({ asked }) => asked.token],
    ['holder', 'text', ({ holder }) => holder],
    ['lease_ms', 'integer', ({ leaseMs }) => leaseMs],
    ['settles', 'boolean', ({ asked }) => asked.settles],
    ['parent', 'text', ({ asked }) => asked.of?.run ?? null],
    ['run_token', 'text', ({ asked }) => asked.of?.runToken ?? null],
    ['step', 'text', ({ asked }) => asked.of?.name ?? null],
    ['edition', 'integer', ({ asked }) => asked.of?.edition ?? 1],
    ['relaxed', 'boolean', ({ asked }) => asked.relaxed === true],
  ],
  (given) =>
    `select nth, t.did, t.found from ${given} cross join lateral journal.take(id, method, key, hash, mode, input, lane, approval, handling, settle_ms,
       not_after, deadline, caller, traceparent, token, holder, lease_ms, settles, parent, run_token, step, edition, relaxed) t`,
);

interface End {
  readonly id: string;
  readonly token: string;
  readonly ending: Ending;
}
const ending = over<End>(
  [
    ['id', 'text', ({ id }) => id],
    ['token', 'text', ({ token }) => token],
    ['state', 'text', ({ ending }) => ending.state],
    ['output', 'jsonb', ({ ending }) => json(ending.output)],
    ['error', 'jsonb', ({ ending }) => json(ending.error)],
    ['not_before', 'timestamptz', ({ ending }) => (ending.notBefore === undefined ? null : date(ending.notBefore))],
    ['log', 'jsonb', ({ ending }) => json(ending.log)],
  ],
  (given, isMany) =>
    `update journal.rows set state = given.state, output = given.output, error = given.error, token = null, lease_until = null, takeovers = 0, updated_at = now(),
       ended_at = case when given.state in ${ended} then now() end, not_before = coalesce(given.not_before, rows.not_before), log = ${line('given.log')}
     from ${given} where rows.id = given.id and rows.token = given.token and rows.state = 'attempting' and ${isInTime}
       ${isMany ? `and rows.id = any (array(select id from journal.rows where id = any ($1) and state = 'attempting' for no key update skip locked))` : ''}
     returning given.token`,
);

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

/** @param db the pool; methods that take `on` run in the transaction they are given.
 *  @param leases another pool, for leases and ends alone. */
export function journalStore(db: Queries & Pick<Postgres, 'session'>, leases: Queries) {
  const named = (events: readonly Emitted[]): unknown[] => [
    events.map((e) => e.event),
    events.map((e) => e.key),
    events.map((e) => json(e.payload)),
    events.map((e) => e.traceparent),
  ];
  const name = ({ method, key }: Asked): string => `${method} ${key}`;

  /** Sorted by method and key, so that two batches insert rows in one order. */
  async function takeMany(on: Queries, wanted: readonly Taking[]): Promise<readonly object[]> {
    const sorted = wanted.map((taking, nth) => ({ ...taking, nth })).sort((a, b) => (name(a.asked) < name(b.asked) ? -1 : 1));
    const { text, values } = taking(sorted);
    const taken: object[] = [];
    for (const { nth, did, found } of await on.query<{ nth: number; did: string; found: StoredRow | null }>(text, values))
      taken[nth] = { did, ...(found === null ? {} : { row: found.method === undefined ? found : row(found) }) };
    return taken;
  }
  // A commit that waits for the disk and one that does not are never one commit.
  const takeTogether = batched<Taking, object>((wanted) => takeMany(db, wanted));
  const takeRelaxed = batched<Taking, object>((wanted) => takeMany(db, wanted));

  /** True for those whose lease held. Several together skip the rows that another transaction holds: one of them must hold up no other. */
  async function endMany(on: Queries, ends: readonly End[]): Promise<readonly boolean[]> {
    const { text, values } = ending(ends);
    const kept = new Set((await on.query<{ token: string }>(text, values)).map(({ token }) => token));
    return ends.map(({ token }) => kept.has(token));
  }
  const endTogether = batched<End, boolean>((ends) => endMany(leases, ends));

  const putTogether = batched<NewStep, StoredRow | undefined>(async (steps) => {
    const { text, values } = putting(steps);
    const byKey = new Map((await db.query<StoredRow>(text, values)).map((stored) => [`${stored.method} ${stored.key}`, stored]));
    return steps.map(({ method, key }) => byKey.get(`${method} ${key}`));
  });

  return {
    /** In a transaction of the caller's where `on` is given; else on its own, together with others who ask at the same time. */
    async take(on: Queries | null, asked: Asked, holder: string, leaseMs: number): Promise<never> {
      const one = { asked, holder, leaseMs };
      // The lock of a lane is kept until the transaction ends: rows with a lane do not wait for each other's neighbours.
      if (on !== null || asked.lane !== null) return (await takeMany(on ?? db, [one]))[0] as never;
      return (await (asked.relaxed ? takeRelaxed(one) : takeTogether(one))) as never;
    },
    async claim<Row>(policies: Readonly<Record<string, object>>, holder: string, leaseMs: number, atMost: number): Promise<readonly Row[]> {
      return (
        await db.query<StoredRow>(`select * from journal.claim($1, $2, $3, $4)`, [JSON.stringify(policies), holder, leaseMs, atMost])
      ).map((stored) => row<Row>(stored));
    },
    async end(on: Queries | null, id: string, token: string, ending: Ending): Promise<boolean> {
      const one = { id, token, ending };
      if (on === null && (await endTogether(one))) return true;
      return (await endMany(on ?? leases, [one]))[0] === true;
    },
    async doubt(id: string, token: string, error: object, log: object): Promise<boolean> {
      const rows = await leases.query(
        `update journal.rows set state = case when on_unknown = 'review' then 'review' else 'unknown' end, error = $3, token = null, lease_until = null, takeovers = 0, updated_at = now(),
           settle_at = clock_timestamp() + make_interval(secs => settle_ms / 1000.0), log = ${line('$4')}
         where id = $1 and token = $2 and state = 'attempting' returning id`,
        [id, token, json(error), json(log)],
      );
      return rows.length === 1;
    },
    async renew(tokens: readonly string[], leaseMs: number): Promise<readonly { readonly token: string; readonly isRenewed: boolean }[]> {
      return leases.query(
        `with standing as (
           select id, token from journal.rows where token = any ($1) and state = 'attempting' and lease_until > now()),
         free as (
           select id from journal.rows where id in (select id from standing) and token = any ($1) and state = 'attempting' for no key update skip locked),
         renewed as (
           update journal.rows set lease_until = clock_timestamp() + make_interval(secs => $2 / 1000.0) from free where rows.id = free.id returning token)
         select token, token in (select token from renewed) as "isRenewed" from standing`,
        [tokens, leaseMs],
      );
    },
    async sweep(methods: readonly string[]): Promise<number> {
      const [swept] = await db.query<{ sweep: number }>(`select journal.sweep($1) as sweep`, [methods]);
      return swept?.sweep ?? 0;
    },
    async toLookUp<Row>(methods: readonly string[], leaseMs: number, atMost: number): Promise<readonly Row[]> {
      const rows = await db.query<StoredRow>(
        `update journal.rows set settle_at = clock_timestamp() + make_interval(secs => $2 * (takeovers + 1) / 1000.0), takeovers = takeovers + 1, updated_at = now() where id in (
           select id from journal.rows where state = 'unknown' and on_unknown = 'look_up' and settle_at <= clock_timestamp() and takeovers <= journal.max_takeovers() and method = any ($1) and not journal.is_paused(method)
           order by settle_at limit $3 for update skip locked) returning *`,
        [methods, leaseMs, atMost],
      );
      return rows.map((stored) => row<Row>(stored));
    },
    async found({ id, attempts }: { readonly id: string; readonly attempts: number }, ending: Ending): Promise<boolean> {
      const rows = await db.query(
        `update journal.rows set state = $2, output = $3, error = $4, takeovers = case when $2 = 'done' then 0 else takeovers - 1 end, updated_at = now(), ended_at = case when $2 in ${ended} then now() end,
           not_before = case when $2 in ('queued', 'failed') then coalesce($5, now()) else not_before end,
           settle_at = case when $2 = 'unknown' then coalesce($5, settle_at) else settle_at end, log = ${line('$6')}
         where id = $1 and state = 'unknown' and attempts = $7 and takeovers > 0 returning id`,
        [
          id,
          ending.state,
          json(ending.output),
          json(ending.error),
          ending.notBefore === undefined ? null : date(ending.notBefore),
          json(ending.log),
          attempts,
        ],
      );
      return rows.length === 1;
    },
    async read<Row>(id: string): Promise<Row | null> {
      const [stored] = await db.query<StoredRow>(`select ${asStep} from journal.rows where id = $1`, [id]);
      return stored === undefined ? null : row<Row>(stored);
    },
    /** @throws PolybError conflict/key_reused is the journal's to make: a clash shows as fewer rows kept. */
    async send(on: Queries, rows: readonly Sent[]): Promise<readonly string[]> {
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
    async outdate(on: Queries, method: string, keys: readonly string[], why: string): Promise<void> {
      await on.query(
        `update journal.rows set state = 'stale', ended_at = now(), updated_at = now(),
           error = jsonb_build_object('code', 'failed_precondition', 'reason', 'stale', 'detail', $3::text, 'outcome', 'not_executed')
         where id = any (array(
           select id from journal.rows where method = $1 and key = any ($2) and mode = 'send' and state in ('proposed', 'queued') order by id for no key update))`,
        [method, keys, why],
      );
    },
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
    async emit(on: Queries, events: readonly Emitted[]): Promise<void> {
      await on.query(
        `insert into journal.events (event, key, payload, traceparent) select * from unnest($1::text[], $2::text[], $3::jsonb[], $4::text[])`,
        named(events),
      );
    },
    async steps<Row>(run: string): Promise<readonly Row[]> {
      return (await db.query<StoredRow>(`select ${asStep} from journal.rows where parent = $1 order by seq`, [run])).map((stored) =>
        row<Row>(stored),
      );
    },
    async putStep<Row>(step: NewStep): Promise<Row | null> {
      const stored = await putTogether(step);
      return stored === undefined ? null : row<Row>(stored);
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
    async park(
      run: { readonly id: string; readonly token: string },
      stepId: string | null,
      untilMs: number,
      error: object | null,
    ): Promise<boolean> {
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
    async renumber(): Promise<boolean> {
      const [events] = await db.query<{ areForeign: boolean }>(`select journal.is_from_another_cluster() as "areForeign"`);
      if (events?.areForeign !== true) return false;
      return db.session(async (session) => {
        await session.run('set statement_timeout = 0'); // it rewrites every event
        const [answer] = await session.query<{ renumber: boolean }>('select journal.renumber()');
        return answer?.renumber === true;
      });
    },
    async register(consumer: string, event: string, after: string | null = null): Promise<void> {
      await db.query(
        `insert into journal.cursors (consumer, event, xid, id)
         select $1, $2, coalesce(former.xid, pg_snapshot_xmin(pg_current_snapshot())), coalesce(former.id, 0)
         from (select) one left join journal.cursors former on former.consumer = $3
         on conflict (consumer) do update set event = excluded.event where cursors.event is distinct from excluded.event`,
        [consumer, event, after],
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
    /** As for a row: a holder that outlived its lease may still write unless the cursor was taken over before. */
    async advance(on: Queries, consumer: string, past: EventRow, token: string | null = null): Promise<boolean> {
      const rows = await on.query(
        `update journal.cursors set xid = $2::xid8, id = $3, failures = 0, token = null, lease_until = null, takeovers = 0, one_by_one = greatest(one_by_one - 1, 0), error = null
         where consumer = $1 and ($4::text is null or (token = $4 and (takeovers = 0 or lease_until > clock_timestamp()))) returning consumer`,
        [consumer, past.xid, past.id, token],
      );
      return rows.length === 1;
    },
    async stumble(
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
    async deadLetter(on: Queries, consumer: string, id: string, event: EventRow, error: object): Promise<void> {
      await on.query(
        `insert into journal.rows (id, method, key, mode, state, hash, input, error, on_unknown, attempts, traceparent, ref, ended_at)
         values ($1, $2, $3, 'event', 'failed', '', $4, $5, 'function', 1, $6, $1, now()) on conflict do nothing`,
        [id, consumer, event.id, json(event.payload), json(error), event.traceparent],
      );
    },
    async announceLoops(service: string, loops: readonly { readonly name: string; readonly schedule: string }[]): Promise<void> {
      await db.query(
        `with gone as (delete from journal.loops where service = $1 and not (name = any ($2)))
        insert into journal.loops (service, name, schedule) select $1, * from unnest($2::text[], $3::text[]) on conflict (service, name) do update set schedule = excluded.schedule`,
        [service, loops.map((l) => l.name), loops.map((l) => l.schedule)],
      );
    },
    /** Answers how many holders in a row vanished, or null while another holds it. Only a turn that ends resets the count: see `reportLoop`. */
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
  };
}
