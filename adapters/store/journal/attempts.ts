/** Attempts: acquired, claimed, ended, renewed and looked up. */
import type {
  AcquireRequest,
  AcquireResult,
  AttemptStore,
  Ending,
  LogLine,
  MethodPolicy,
  Row,
  RowError,
} from '../../../bus/durable/store.ts';
import type { Queries } from '../../deps.ts';
import { batched } from '../batch.ts';
import { type Column, over } from '../over.ts';
import { asStep, date, ended, isInTime, json, line, pauseSettleMs, row, type StoredRow } from './rows.ts';

interface Taking {
  readonly request: AcquireRequest;
  readonly holder: string;
  readonly leaseMs: number;
}
/** What every new row takes from its request. */
const ofRequest: readonly Column<Pick<Taking, 'request' | 'holder'>>[] = [
  ['id', 'text', ({ request }) => request.id],
  ['method', 'text', ({ request }) => request.method],
  ['key', 'text', ({ request }) => request.key],
  ['hash', 'text', ({ request }) => request.hash],
  ['input', 'jsonb', ({ request }) => json(request.input)],
  ['settles', 'boolean', ({ request }) => request.settles],
  ['caller', 'text', ({ request }) => request.caller],
  ['traceparent', 'text', ({ request }) => request.traceparent],
  ['token', 'text', ({ request }) => request.token],
  ['holder', 'text', ({ holder }) => holder],
  ['parent', 'text', ({ request }) => request.of?.run ?? null],
  ['run_token', 'text', ({ request }) => request.of?.runToken ?? null],
  ['step', 'text', ({ request }) => request.of?.name ?? null],
  ['edition', 'integer', ({ request }) => request.of?.edition ?? 1],
];
const taking = over<Taking & { readonly nth: number }>(
  [
    ['nth', 'integer', ({ nth }) => nth],
    ...ofRequest,
    ['mode', 'text', ({ request }) => request.mode],
    ['lane', 'text', ({ request }) => request.lane],
    ['approval', 'text', ({ request }) => request.approval],
    ['handling', 'text', ({ request }) => request.handling],
    ['settle_ms', 'integer', ({ request }) => request.settleMs],
    ['not_after', 'timestamptz', ({ request }) => (request.notAfter === null ? null : date(request.notAfter))],
    ['deadline', 'timestamptz', ({ request }) => date(request.deadlineAt)],
    ['lease_ms', 'integer', ({ leaseMs }) => leaseMs],
    ['relaxed', 'boolean', ({ request }) => request.relaxed === true],
  ],
  (given) =>
    `select nth, t.did, t.found from ${given} cross join lateral journal.take(id, method, key, hash, mode, input, lane, approval, handling, settle_ms,
       not_after, deadline, caller, traceparent, token, holder, lease_ms, settles, parent, run_token, step, edition, relaxed) t`,
);

/** Part of statements that run often: see `AttemptStore.isUnpaused`. */
const areNonePaused = 'not exists (select from journal.pauses) as "areNonePaused"';

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
     returning given.token, ${areNonePaused}`,
);

interface Making {
  readonly request: AcquireRequest;
  readonly holder: string;
  readonly output: unknown;
}
const making = over<Making>(
  [...ofRequest, ['output', 'jsonb', ({ output }) => json(output)]],
  (given) =>
    `with given as (select * from ${given}),
     made as (
       insert into journal.rows (id, method, key, mode, state, hash, input, output, on_unknown, settle_ms, settles, caller, traceparent, ref, parent, step, edition, held_by, attempts, started_at, ended_at)
       select s.id, s.method, s.key, 'step', 'done', s.hash, s.input, s.output, 'function', 0, s.settles, s.caller, s.traceparent, s.id, s.parent, s.step, s.edition, s.holder, 1, now(), now()
       from given s join journal.rows run on run.id = s.parent and run.token = s.run_token and run.state = 'attempting'
       order by s.method, s.key on conflict (method, key) do nothing returning id)
     select given.token, made.id is not null as made, ${areNonePaused} from given left join made on made.id = given.id`,
);

/** @param db the pool; a method with `on` runs in that transaction.
 *  @param leases a pool of its own for leases and ends, so that work which holds every connection of `db` loses neither. */
export function attemptStore(db: Queries, leases: Queries): AttemptStore {
  const name = ({ method, key }: AcquireRequest): string => `${method} ${key}`;

  /** Sorted by method and key, so that two batches insert rows in one order. */
  async function takeMany(on: Queries, wanted: readonly Taking[]): Promise<readonly AcquireResult[]> {
    const sorted = wanted.map((taking, nth) => ({ ...taking, nth })).sort((a, b) => (name(a.request) < name(b.request) ? -1 : 1));
    const { text, values } = taking(sorted);
    const taken: AcquireResult[] = [];
    for (const { nth, did, found } of await on.query<{ nth: number; did: string; found: StoredRow | null }>(text, values))
      taken[nth] = { did, ...(found === null ? {} : { row: found.method === undefined ? found : row(found) }) } as AcquireResult; // the function answers a row with each `did` that has one
    return taken;
  }
  // A commit that waits for the disk and one that does not are never one commit.
  const takeTogether = batched<Taking, AcquireResult>((wanted) => takeMany(db, wanted));
  const takeRelaxed = batched<Taking, AcquireResult>((wanted) => takeMany(db, wanted));

  /** True for rows whose lease was valid. A batch skips rows that another transaction has locked, so that they do not delay the others. */
  async function endMany(on: Queries, ends: readonly End[]): Promise<readonly boolean[]> {
    const { text, values } = ending(ends);
    const since = performance.now();
    const ended = await on.query<{ token: string; areNonePaused: boolean }>(text, values);
    notePauses(since, ended);
    const kept = new Set(ended.map(({ token }) => token));
    return ends.map(({ token }) => kept.has(token));
  }
  const endTogether = batched<End, boolean>((ends) => endMany(leases, ends));

  async function makeMany(on: Queries, rows: readonly Making[]): Promise<readonly boolean[]> {
    const { text, values } = making(rows);
    const since = performance.now();
    const answers = await on.query<{ token: string; made: boolean; areNonePaused: boolean }>(text, values);
    notePauses(since, answers);
    const made = new Set(answers.filter(({ made }) => made).map(({ token }) => token));
    return rows.map(({ request }) => made.has(request.token));
  }
  const makeTogether = batched<Making, boolean>((rows) => makeMany(leases, rows));

  /** `performance.now()` before the last query that found no pause. */
  let unpausedAt = Number.NEGATIVE_INFINITY;
  function notePauses(since: number, [answer]: readonly { readonly areNonePaused: boolean }[]): void {
    if (answer !== undefined) unpausedAt = answer.areNonePaused ? since : Number.NEGATIVE_INFINITY;
  }

  return {
    /** In the caller's transaction `on`, else in a batch with concurrent requests. */
    async acquire(on: Queries | null, request: AcquireRequest, holder: string, leaseMs: number): Promise<AcquireResult> {
      const one = { request, holder, leaseMs };
      // A lane is locked until the transaction ends, so rows with a lane are not batched with others.
      if (on !== null || request.lane !== null) return (await takeMany(on ?? db, [one]))[0] as AcquireResult;
      return request.relaxed ? takeRelaxed(one) : takeTogether(one);
    },
    async claim(
      policies: Readonly<Record<string, MethodPolicy>>,
      holder: string,
      leaseMs: number,
      atMost: number,
    ): Promise<readonly Row[]> {
      return (
        await db.query<StoredRow>(`select * from journal.claim($1, $2, $3, $4)`, [JSON.stringify(policies), holder, leaseMs, atMost])
      ).map(row);
    },
    async end(on: Queries | null, id: string, token: string, ending: Ending): Promise<boolean> {
      const one = { id, token, ending };
      if (on === null && (await endTogether(one))) return true;
      return (await endMany(on ?? leases, [one]))[0] === true;
    },
    async makeDone(on: Queries | null, request: AcquireRequest, holder: string, output: unknown): Promise<boolean> {
      const one = { request, holder, output };
      return on === null ? makeTogether(one) : (await makeMany(on, [one]))[0] === true;
    },
    isUnpaused: () => performance.now() - unpausedAt < pauseSettleMs,
    async markUnknown(id: string, token: string, error: RowError, log: LogLine): Promise<boolean> {
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
    async toLookUp(methods: readonly string[], leaseMs: number, atMost: number): Promise<readonly Row[]> {
      const rows = await db.query<StoredRow>(
        `update journal.rows set settle_at = clock_timestamp() + make_interval(secs => $2 * (takeovers + 1) / 1000.0), takeovers = takeovers + 1, updated_at = now() where id in (
           select id from journal.rows where state = 'unknown' and on_unknown = 'look_up' and settle_at <= clock_timestamp() and takeovers <= journal.max_takeovers() and method = any ($1) and not journal.is_paused(method)
           order by settle_at limit $3 for update skip locked) returning *`,
        [methods, leaseMs, atMost],
      );
      return rows.map(row);
    },
    async resolve({ id, attempts }: Pick<Row, 'id' | 'attempts'>, ending: Ending): Promise<boolean> {
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
    async read(id: string): Promise<Row | null> {
      const [stored] = await db.query<StoredRow>(`select ${asStep} from journal.rows where id = $1`, [id]);
      return stored === undefined ? null : row(stored);
    },
  };
}
