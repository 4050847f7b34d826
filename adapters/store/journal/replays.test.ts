import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { quiet } from '../../../runtime/noop-log.ts';
import { testDatabase } from '../../../test/kit/database.ts';
import { until } from '../../../test/kit/until.ts';
import { openStore, type PostgresStore } from '../index.ts';
import { journalAdmin } from '../journal-admin.ts';

let database: Awaited<ReturnType<typeof testDatabase>>;
let store: PostgresStore;
beforeAll(async () => {
  database = await testDatabase();
  store = openStore({ url: database.url, name: 'test', log: quiet });
});
afterAll(async () => {
  await store?.close();
  await database?.drop();
});
const never = new AbortController().signal;

interface Letter {
  readonly mode?: string;
  readonly error?: object;
  readonly onUnknown?: string;
}
async function dead(method: string, id: string, { mode = 'send', error = {}, onUnknown = 'review' }: Letter = {}): Promise<void> {
  await store.query(
    `insert into journal.rows (id, method, key, mode, state, hash, input, ref, error, on_unknown, ended_at)
     values ($1, $2, $1, $3, 'failed', 'h', '{}', $1, $4::jsonb, $5, clock_timestamp())`,
    [id, method, mode, JSON.stringify({ code: 'upstream_failed', reason: 'broken', ...error }), onUnknown],
  );
}
const states = async (method: string) =>
  Object.fromEntries(
    (await store.query<{ id: string; state: string }>('select id, state from journal.rows where method = $1 order by id', [method])).map(
      ({ id, state }) => [id, state],
    ),
  );
const replayOf = (method: string, over: object = {}) => ({
  id: `replay ${method}`,
  method,
  reason: 'broken',
  perSecond: 50,
  most: 100,
  who: 'anna',
  ...over,
});
const retried: string[] = [];
const noted = async (rowId: string): Promise<void> => void retried.push(rowId);
/** Turns, as the loop makes them, until the replay has ended. */
const ended = (id: string) =>
  until(async () => {
    await journalAdmin(store).replays.turn(never, noted);
    return (await journalAdmin(store).replays.list(100)).find((one) => one.id === id && one.state !== 'running') ?? null;
  });

test('a replay retries each letter of its group once, however it ends again, and no later one', async () => {
  const { replays } = journalAdmin(store);
  for (const id of ['row_a1', 'row_a2', 'row_a3']) await dead('t.once', id);
  await dead('t.once', 'row_other', { error: { reason: 'refused' } });
  const { id } = (await replays.start(replayOf('t.once'))) ?? { id: '' };
  await until(async () => {
    await replays.turn(never, noted);
    return (await states('t.once')).row_a1 === 'queued' || null;
  });
  await store.query(
    `update journal.rows set state = 'failed', ended_at = clock_timestamp(), error = '{"code":"upstream_failed","reason":"broken"}' where id = 'row_a1'`,
  );
  await dead('t.once', 'row_later');
  expect(await ended(id)).toMatchObject({ state: 'done', retried: 3, skipped: 0 });
  expect(await states('t.once')).toEqual({
    row_a1: 'failed',
    row_a2: 'queued',
    row_a3: 'queued',
    row_later: 'failed',
    row_other: 'failed',
  });
  const [{ audit } = { audit: [] }] = await store.query<{ audit: object[] }>(`select audit from journal.rows where id = 'row_a2'`);
  expect(audit).toMatchObject([{ who: 'anna', did: 'replayed' }]);
});

test('a replay leaves out letters whose outcome, or that of a step, is unknown', async () => {
  await dead('t.unknown', 'row_u1', { error: { outcome: 'unknown' } });
  await dead('t.unknown', 'row_u2', { mode: 'run' });
  await store.query(
    `insert into journal.rows (id, method, key, mode, state, hash, ref, parent, step) values ('row_part', 't.part', 'p', 'step', 'review', 'h', 'r', 'row_u2', 's')`,
  );
  await dead('t.unknown', 'row_u3', { error: { outcome: 'unknown' }, onUnknown: 'function' });
  await journalAdmin(store).replays.start(replayOf('t.unknown'));
  expect(await ended('replay t.unknown')).toMatchObject({ retried: 1, skipped: 2 });
  expect(retried.filter((id) => id.startsWith('row_u'))).toEqual(['row_u3']);
  expect(await states('t.unknown')).toEqual({ row_u1: 'failed', row_u2: 'failed', row_u3: 'queued' });
});

test('a replay keeps to its rate, and to its number of rows', async () => {
  const { replays } = journalAdmin(store);
  for (let nth = 0; nth < 5; nth += 1) await dead('t.slow', `row_s${nth}`);
  await replays.start(replayOf('t.slow', { perSecond: 0.01 }));
  while (await replays.turn(never, noted));
  expect(Object.values(await states('t.slow')).filter((state) => state === 'queued')).toHaveLength(1);
  expect(await replays.cancel('replay t.slow')).toMatchObject({ state: 'cancelled', retried: 1 });
  await replays.start(replayOf('t.slow', { id: 'replay of two', most: 2 }));
  expect(await ended('replay of two')).toMatchObject({ state: 'done', retried: 2 });
});

test('a cancelled replay retries no more, and a second one of a group is refused while the first runs', async () => {
  const { replays } = journalAdmin(store);
  for (let nth = 0; nth < 3; nth += 1) await dead('t.cancelled', `row_c${nth}`);
  await replays.start(replayOf('t.cancelled', { perSecond: 0.01 }));
  expect(await replays.start(replayOf('t.cancelled', { id: 'another' }))).toBeNull();
  await replays.cancel('replay t.cancelled');
  expect(await replays.turn(never, noted)).toBe(false);
  expect(Object.values(await states('t.cancelled'))).toEqual(['failed', 'failed', 'failed']);
  expect(await replays.cancel('none')).toBeNull();
});

test('processes that work on one replay retry each letter once, and none ends it while letters are left', async () => {
  const letters = 60;
  for (let nth = 0; nth < letters; nth += 1) await dead('t.both', `row_b${nth}`);
  // So fast that a letter comes due while a process waits for the one before.
  const { replays } = journalAdmin(store);
  await replays.start(replayOf('t.both', { perSecond: 100 }));
  const isRunning = async () => (await replays.list(100)).some(({ id, state }) => id === 'replay t.both' && state === 'running');
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (await isRunning()) await replays.turn(never, noted);
    }),
  );
  expect(await ended('replay t.both')).toMatchObject({ retried: letters, skipped: 0 });
  const audits = await store.query<{ n: number }>(`select jsonb_array_length(audit) as n from journal.rows where method = 't.both'`);
  expect(audits.map(({ n }) => n)).toEqual(Array(letters).fill(1));
});
