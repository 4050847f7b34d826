import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Handling } from '../../bus/durable/store.ts';
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

const rowOf = (method: string, nth: number) => ({
  id: `row_${method}_${nth}`,
  method,
  key: `${nth}`,
  hash: 'h',
  input: {},
  lane: null,
  approval: 'none' as const,
  settles: false,
  notBefore: null,
  ttlMs: 60_000,
  caller: 'test',
  traceparent: null,
});
const claim = (method: string, handling: Handling, atMost = 40) =>
  store.journal.claim({ [method]: { method, handling, settleMs: 0, settles: false } }, 'worker', 60_000, atMost);
/** The only row of a method, with the attempt. */
async function attempt(method: string, handling: Handling) {
  const [row] = await claim(method, handling);
  if (row === undefined) throw new Error(`${method} has no row that is due`);
  return row;
}

test('a row that was taken after another worker looked, and before that one came to it, is attempted once', async () => {
  const method = 'test.raced';
  const rows = Array.from({ length: 40 }, (_, nth) => rowOf(method, nth));
  await store.journal.send(store, rows);
  // The first row's taking waits for a lock, which keeps its worker between its look and the rows that it has not come to.
  await store.query(
    `create function halt() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(7); return new; end $$`,
  );
  await store.query(
    `create trigger halted before update on journal.rows for each row when (old.method = 'test.raced' and old.key = '0') execute function halt()`,
  );
  let slow: Promise<readonly { id: string }[]> | undefined;
  let quick: readonly { id: string }[] = [];
  await store.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock(7)');
    slow = claim(method, 'review');
    await until(async () => (await store.query(`select from pg_locks where locktype = 'advisory' and not granted`)).length > 0);
    quick = await claim(method, 'review');
  });
  const claimed = [...((await slow) ?? []), ...quick].map(({ id }) => id);
  expect(quick.length).toBeGreaterThan(0);
  expect(claimed.toSorted()).toEqual(rows.map(({ id }) => id).toSorted());
});

test('what a look-up found of one attempt is not written to the next', async () => {
  const method = 'test.looked_up_late';
  await store.journal.send(store, [rowOf(method, 1)]);
  const doubt = async () => {
    const { id, token } = await attempt(method, 'look_up');
    await store.journal.markUnknown(
      id,
      token,
      { code: 'upstream_failed' },
      { ms: null, code: 'upstream_failed', reason: null, message: null, evidence: null },
    );
    const [unknown] = await store.journal.toLookUp([method], 0, 1);
    if (unknown === undefined) throw new Error('nothing to look up');
    return unknown;
  };
  const frozen = await doubt();
  expect(await store.journal.resolve(frozen, { state: 'queued', error: null })).toBe(true);
  await doubt();
  expect(await store.journal.resolve(frozen, { state: 'queued', error: null })).toBe(false);
});

test('after a claim that was won and then refused, the next attempt can win again', async () => {
  const method = 'test.claimed';
  const desk = journalAdmin(store);
  await store.journal.send(store, [rowOf(method, 1)]);
  const first = await attempt(method, 'claim');
  expect(await desk.claim(first.ref)).toBe(true);
  await store.journal.end(null, first.id, first.token, { state: 'queued', notBefore: Date.now() });
  const second = await attempt(method, 'claim');
  expect(await desk.claim(first.ref)).toBe(false);
  expect(await desk.claim(second.ref)).toBe(true);
});

test.each([
  ['a NUL in the input', { input: { title: '\u0000' } }],
  ['half of a character in the input', { input: { title: '\ud800' } }],
  ['a NUL in the key', { key: '\u0000' }],
  ['a key that no index holds', { key: randomBytes(4_000).toString('hex') }],
])('%s is refused as a bad argument, and nothing is kept', async (_, over) => {
  const method = `test.${randomUUID()}`;
  const asked = {
    ...rowOf(method, 1),
    mode: 'call' as const,
    handling: 'function' as const,
    settleMs: 0,
    notAfter: Date.now() + 5_000,
    deadlineAt: Date.now() + 5_000,
    traceparent: '',
    token: randomUUID(),
  };
  const good = store.journal.acquire(null, { ...asked, id: `row_${method}_good`, key: 'good', token: randomUUID() }, 'worker', 1_000);
  await expect(store.journal.acquire(null, { ...asked, ...over }, 'worker', 1_000)).rejects.toMatchObject({
    code: 'invalid_argument',
    reason: 'bad_text',
  });
  expect(await good).toMatchObject({ did: 'taken' });
  expect(await store.query('select count(*)::int as n from journal.rows where method = $1', [method])).toEqual([{ n: 1 }]);
});
