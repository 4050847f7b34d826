import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { quiet } from '../../runtime/noop-log.ts';
import { testDatabase } from '../../test/kit/database.ts';
import { until } from '../../test/kit/world.ts';
import { openStore, type PostgresStore } from './index.ts';
import { journalAdmin } from './journal-admin.ts';

let database: Awaited<ReturnType<typeof testDatabase>>;
let store: PostgresStore;
beforeAll(async () => {
  database = await testDatabase();
  store = openStore({ url: database.url, name: 'test', log: quiet });
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

interface Taken {
  readonly did: string;
}
const asked = (key: string, over: object = {}) => ({
  id: `row_${randomUUID()}`,
  method: 'test.locked',
  key,
  hash: 'h',
  mode: 'call' as const,
  input: {},
  lane: null,
  approval: 'none' as const,
  handling: 'function' as const,
  settleMs: 0,
  settles: false,
  notAfter: Date.now() + 60_000,
  deadlineAt: Date.now() + 60_000,
  caller: 'test',
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  token: randomUUID(),
  ...over,
});
const take = (row: ReturnType<typeof asked>): Promise<Taken> => store.journal.acquire(null, row, 'me', 60_000);
/** Rows that a session holds until `work` has ended. */
async function whileLocked<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
  const session = await store.begin();
  try {
    await session.query('select from journal.rows where key = any ($1) for update', [keys]);
    return await work();
  } finally {
    await session.rollback();
  }
}

test('a repeat of a call whose row is locked is answered, and holds up no other call', async () => {
  const rows = ['take 1', 'take 2'].map((key) => asked(key));
  for (const row of rows) expect(await take(row)).toMatchObject({ did: 'taken' });
  const answers = await whileLocked(['take 1', 'take 2'], () =>
    Promise.all([...rows.map((row) => take(asked(row.key))), ...Array.from({ length: 20 }, (_, nth) => take(asked(`other ${nth}`)))]),
  );
  expect(answers.map(({ did }) => did)).toEqual(['busy', 'busy', ...Array.from({ length: 20 }, () => 'taken')]);
});

test('a call whose lane another transaction holds is answered, and one whose row has ended gets its outcome', async () => {
  const row = asked('lane 1', { lane: 'l' });
  await take(row);
  await store.journal.end(null, row.id, row.token, { state: 'done', output: {} });
  const session = await store.begin();
  await session.query(`select pg_advisory_xact_lock(hashtextextended('l', 0))`);
  expect(await take(asked('lane 1', { lane: 'l' }))).toMatchObject({ did: 'settled', row: { state: 'done' } });
  expect(await take(asked('lane 2', { lane: 'l' }))).toMatchObject({ did: 'lane' });
  await session.rollback();
  expect(await take(asked('lane 2', { lane: 'l' }))).toMatchObject({ did: 'taken' });
});

test('ends that are written together do not wait for one whose row is locked, and that one ends when it can', async () => {
  const rows = Array.from({ length: 6 }, (_, nth) => asked(`end ${nth}`));
  for (const row of rows) await take(row);
  const end = (row: (typeof rows)[number]) => store.journal.end(null, row.id, row.token, { state: 'done' });
  const [locked, ...free] = rows as [(typeof rows)[number], ...typeof rows];
  let late: Promise<boolean> = Promise.resolve(false);
  await whileLocked([locked.key], async () => {
    late = end(locked);
    expect(await Promise.all(free.map(end))).toEqual(free.map(() => true));
  });
  expect(await late).toBe(true);
});

test('leases are renewed beside a locked row, whose own lease is neither renewed nor lost', async () => {
  const rows = ['renew 1', 'renew 2'].map((key) => asked(key));
  for (const row of rows) await take(row);
  const tokens: readonly string[] = rows.map(({ token }) => token);
  const renewed = await whileLocked(['renew 1'], () => store.journal.renew([...tokens, 'gone'], 60_000));
  expect(renewed.toSorted((a, b) => tokens.indexOf(a.token) - tokens.indexOf(b.token))).toEqual([
    { token: tokens[0], isRenewed: false },
    { token: tokens[1], isRenewed: true },
  ]);
});

test('a sweep leaves a locked row to the next one and moves the others', async () => {
  const rows = ['sweep 1', 'sweep 2'].map((key) => asked(key, { handling: 'review' as const, method: 'test.swept' }));
  for (const row of rows) await store.journal.acquire(null, row, 'me', 1);
  await until(
    async () => (await store.query(`select from journal.rows where method = 'test.swept' and lease_until < now()`)).length === 2 || null,
  );
  const states = () => store.query(`select state from journal.rows where method = 'test.swept' order by key`);
  await whileLocked(['sweep 1'], () => store.journal.sweep(['test.swept']));
  expect(await states()).toEqual([{ state: 'attempting' }, { state: 'review' }]);
  await store.journal.sweep(['test.swept']);
  expect(await states()).toEqual([{ state: 'review' }, { state: 'review' }]);
});

test('a run that is cancelled while its wait ends comes to an end on both sides', async () => {
  const desk = journalAdmin(store);
  for (let nth = 0; nth < 20; nth += 1) {
    const run = asked(`run ${nth}`, { mode: 'run' as const });
    await take(run);
    const of = { id: run.id, token: run.token, traceparent: null };
    const wait = {
      method: '@test.heard',
      hash: '',
      mode: 'wait' as const,
      state: 'waiting' as const,
      untilMs: 60_000,
      input: {},
      edition: 1,
    };
    await store.journal.putStep({ id: `row_${randomUUID()}`, run: of, key: `${run.id}:w:1`, step: 'w', waitKey: `key ${nth}`, ...wait });
    await store.journal.park(of, null, 60_000, null);
    await Promise.all([
      store.transaction((tx) => store.journal.wakeWaits(tx, 'test.heard', `key ${nth}`, {})),
      desk.cancel(run.id, { who: 'me', did: 'cancelled' }),
    ]);
    expect(await store.journal.read(run.id)).toMatchObject({ state: 'cancelled' });
  }
});

test('a deadlock and a lock that is not given up in time are refusals that may be repeated', async () => {
  const [a, b] = [asked('dead a'), asked('dead b')];
  for (const row of [a, b]) await take(row);
  const lock = (id: string) => [`select from journal.rows where id = $1 for update`, [id]] as const;
  const [one, other] = await Promise.all([store.begin(), store.begin()]);
  await one.query(...lock(a.id));
  await other.query(...lock(b.id));
  const crossed = await Promise.allSettled([one.query(...lock(b.id)), other.query(...lock(a.id))]);
  const [failed] = crossed.filter((each) => each.status === 'rejected');
  expect(failed?.reason).toMatchObject({ code: 'unavailable', reason: 'store_contended', outcome: 'not_executed', retryable: true });
  await Promise.all([one.rollback(), other.rollback()]);
});
