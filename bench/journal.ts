/** The journal's own statements at two million rows beside the same on an empty table, in a PostgreSQL with its default durability. */

import { openStore, type PostgresStore } from '../adapters/store/index.ts';
import type { Listing } from '../adapters/store/journal/lists.ts';
import { journalAdmin } from '../adapters/store/journal-admin.ts';
import { migrate } from '../runtime/migrate.ts';
import { quiet } from '../runtime/noop-log.ts';
import { startPostgres } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';

export interface JournalFigures {
  readonly asked: string;
  readonly times: number;
  readonly emptyP50Ms: number;
  readonly fullP50Ms: number;
  readonly fullP95Ms: number;
  /** Full to empty where what must be done is the same, else null. */
  readonly ratio: number | null;
  readonly goal: string;
}

const methods = Array.from({ length: 40 }, (_, nth) => `bench.method_${nth}`);
const policies = Object.fromEntries(
  methods.map((method) => [method, { method, handling: 'function' as const, settleMs: 0, settles: false }]),
);

/** @param rows how many wait for a later time, and how many have ended */
export async function benchJournal({
  rows = 1_000_000,
  rounds = 40,
}: {
  rows?: number;
  rounds?: number;
} = {}): Promise<readonly JournalFigures[]> {
  const server = await startPostgres({ dir: temporaryDir(), durable: true, temporary: true });
  try {
    const open = async (name: string): Promise<PostgresStore> => {
      const url = Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
      await migrate({ url });
      return openStore({ url, name: 'bench', log: quiet, connections: 2 });
    };
    await using empty = disposable(await open('empty'));
    await using full = disposable(await open('full'));
    await fill(full.store, rows);
    const work = await Promise.all([questions(empty.store, rows), questions(full.store, rows)]);
    const figures: JournalFigures[] = [];
    for (const [nth, { asked, goal, isSame, ask }] of work[1].entries()) {
      const none = await timed(work[0][nth]?.ask ?? ask, rounds);
      const all = await timed(ask, rounds);
      const [emptyP50Ms, fullP50Ms, fullP95Ms] = [quantile(none, 0.5), quantile(all, 0.5), quantile(all, 0.95)];
      figures.push({ asked, times: rounds, emptyP50Ms, fullP50Ms, fullP95Ms, ratio: isSame ? round(fullP50Ms / emptyP50Ms) : null, goal });
    }
    return figures;
  } finally {
    await server.stop();
  }
}
const disposable = (store: PostgresStore) => ({ store, [Symbol.asyncDispose]: () => store.close() });

/** Rows of 40 methods; indexes are made at the end, a fraction of the time. */
async function fill(store: PostgresStore, rows: number): Promise<void> {
  const began = performance.now();
  const indexes = await store.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
     from pg_index where indrelid = 'journal.rows'::regclass and not indisunique`,
  );
  await store.session(async (session) => {
    await session.run(`set statement_timeout = 0; set maintenance_work_mem = '256MB'; set synchronous_commit = off`);
    for (const { name } of indexes) await session.run(`drop index ${name}`);
    await session.run(`alter table journal.rows disable trigger user`);
    // Ended within 30 days, one of 50 failed, one of 100 a run; every tenth of the rest waits for tomorrow in a lane of its own.
    await session.query(
      `insert into journal.rows (id, method, key, mode, state, hash, input, owner, output, error, reason, lane, not_before, not_after, created_at, started_at, ended_at, updated_at, attempts, traceparent, ref)
       select 'row_' || lpad(n::text, 9, '0'), 'bench.method_' || n % 40, 'key ' || n, mode, state, 'h', case when n % 5 < 2 then jsonb_build_object('chatId', 'chat ' || n % 20000) else '{"a":1}' end, case when n % 5 < 2 then case when n % 20000 < 200 then 'anna' when n % 20000 < 14000 then 'boris' end end,
         case when state = 'done' then '{"b":2}'::jsonb end,
         case when state = 'failed' then jsonb_build_object('code', 'upstream_failed', 'reason', case n % 3 when 0 then 'broken' else 'refused' end) end,
         case when state = 'failed' then case n % 3 when 0 then 'broken' else 'refused' end end,
         case when state = 'queued' and n % 10 = 1 then 'lane ' || n end, case when state = 'queued' then now() + interval '1 day' else at end, case when state = 'queued' then now() + interval '2 days' else at + interval '3 days' end, at, at,
         case when state <> 'queued' then at end, at, 1, '00-' || md5(n::text) || '-' || left(md5(n::text), 16) || '-01', 'r'
       from (select n, now() - interval '30 days' * ((2 * $1::int - n) / (2.0 * $1)) as at,
           case when n % 2 = 0 then 'queued' when n % 101 = 0 then 'failed' else 'done' end as state,
           case when n % 2 = 0 then 'send' when n % 99 = 0 then 'run' else 'call' end as mode
         from generate_series(1, 2 * $1::int) n) made`,
      [rows],
    );
    // Two of five rows are about 20,000 chats: one of a hundred of anna, two thirds of boris, the others of nobody.
    await session.run(`insert into journal.chat_owners (chat_id, person_id, is_copied)
      select 'chat ' || n, case when n < 200 then 'anna' else 'boris' end, true from generate_series(0, 13999) n`);
    await session.run(`alter table journal.rows enable trigger user`);
    for (const { definition } of indexes) await session.run(definition);
    await session.run('vacuum analyze journal.rows');
  });
  console.error(`… ${2 * rows} rows and their indexes in ${Math.round((performance.now() - began) / 1_000)} s`);
}

interface Question {
  readonly asked: string;
  readonly goal: string;
  /** True where the same is done on an empty table. */
  readonly isSame?: boolean;
  readonly ask: () => Promise<unknown>;
}
async function questions(store: PostgresStore, rows: number): Promise<readonly Question[]> {
  const desk = journalAdmin(store);
  const list = (asked: string, listing: Partial<Listing>): Question => ({
    asked: `list, ${asked}`,
    goal: 'p95 50 ms',
    ask: () => desk.list({ view: 'all', limit: 51, ...listing }),
  });
  const [middle] = await desk.list({ view: 'all', state: 'done', since: new Date(Date.now() - 15 * 86_400_000).toISOString(), limit: 1 });
  const counts = async (manager?: string): Promise<void> => {
    for (const view of ['approvals', 'reviews', 'dead_letters', 'stuck'] as const) await desk.summary({ view, manager });
  };
  const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
  return [
    { asked: 'claim', goal: '2 times the empty table', isSame: true, ask: () => store.journal.claim(policies, 'bench', 8_000, 64) },
    { asked: 'sweep', goal: '2 times the empty table', isSame: true, ask: () => store.journal.sweep(methods) },
    list('all', {}),
    list('page in the middle', { before: middle?.place }),
    list('200 rows', { limit: 201 }),
    list('runs', { view: 'runs' }),
    list('failed runs', { view: 'runs', state: 'failed' }),
    list('queued runs, of which there are none', { view: 'runs', state: 'queued' }),
    list('dead letters', { view: 'dead_letters' }),
    list('approvals', { view: 'approvals' }),
    list('reviews', { view: 'reviews' }),
    list('state done', { state: 'done' }),
    list('state unknown', { state: 'unknown' }),
    list('a method', { method: 'bench.method_7' }),
    list('a method without rows', { method: 'bench.none' }),
    list('a method, failed', { method: 'bench.method_8', state: 'failed' }),
    list('a method, done, where all wait', { method: 'bench.method_8', state: 'done' }),
    list('methods by prefix', { method: 'bench.*' }),
    list('methods by a prefix without rows', { method: 'none.*' }),
    list('since a second ago', { since: ago(1_000) }),
    list('since an hour ago, of a method', { since: ago(3_600_000), method: 'bench.method_7' }),
    list('since 20 days ago', { since: ago(20 * 86_400_000) }),
    list('a reason', { reason: 'broken' }),
    list('a code', { reason: 'upstream_failed' }),
    list('a reason of no row', { reason: 'none' }),
    list('a reason, of a method, cancelled', { reason: 'broken', method: 'bench.method_7', state: 'cancelled' }),
    list('stuck runs', { view: 'stuck' }),
    list('all, to a manager of few chats', { manager: 'anna' }),
    list('all, to a manager of most chats', { manager: 'boris' }),
    list('all, to a manager without chats', { manager: 'olga' }),
    list('approvals, to a manager', { view: 'approvals', manager: 'anna' }),
    list('dead letters, to a manager', { view: 'dead_letters', manager: 'anna' }),
    list('a reason, to a manager', { reason: 'broken', manager: 'anna' }),
    list('a method and a state, to a manager', { method: 'bench.method_8', state: 'failed', manager: 'anna' }),
    list('a trace', { traceId: '0123456789abcdef0123456789abcdef' }),
    list('a run', { runId: 'run_none' }),
    { asked: 'counts of what waits', goal: 'p95 30 ms', ask: () => counts() },
    { asked: 'counts of what waits, to a manager', goal: 'p95 30 ms', ask: () => counts('anna') },
    { asked: 'counts of runs', goal: 'p95 30 ms', ask: () => desk.summary({ view: 'runs' }) },
    { asked: 'groups of dead letters', goal: 'p95 30 ms', ask: () => desk.deadGroups(1_000) },
    { asked: 'find by id', goal: 'p95 50 ms', ask: () => desk.find(`row_${String(rows).padStart(9, '0')}`) },
    { asked: 'find by the beginning of an id', goal: 'p95 50 ms', ask: () => desk.find('row_00000001') },
    { asked: 'find by key', goal: 'p95 50 ms', ask: () => desk.find(`key ${rows}`) },
    { asked: 'find what is not there', goal: 'p95 50 ms', ask: () => desk.find('nothing') },
  ];
}

async function timed(ask: () => Promise<unknown>, rounds: number): Promise<readonly number[]> {
  for (let warm = 0; warm < 8; warm += 1) await ask();
  const took: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    await ask();
    took.push(performance.now() - began);
  }
  return took;
}
function quantile(given: readonly number[], share: number): number {
  const sorted = given.toSorted((a, b) => a - b);
  return round(sorted[Math.floor(sorted.length * share)] ?? Number.NaN);
}
const round = (value: number): number => Number(value.toFixed(2));

if (import.meta.main) console.table(await benchJournal());
