import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { endedStates, rowStates } from '../../../contracts/kit/row-state.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { testDatabase } from '../../../test/kit/database.ts';
import { openStore, type PostgresStore } from '../index.ts';
import { journalAdmin } from '../journal-admin.ts';
import type { Filter, View } from './lists.ts';

const modes = ['call', 'send', 'step', 'run', 'wait', 'event'];
const methods = ['a.one', 'a.two', 'b.one', 'pipe.line'];
const chats = ['chat_anna', 'chat_boris', 'chat_free', 'chat_former', null];
const owners: Readonly<Record<string, string | null>> = { chat_anna: 'anna', chat_boris: 'boris', chat_former: null };
const reasons = [null, 'refused', 'broken', 'unavailable'];
const people = [undefined, 'anna', 'boris', 'nobody'];
const views: readonly View[] = ['runs', 'stuck', 'approvals', 'reviews', 'dead_letters', 'all'];

interface Made {
  readonly id: string;
  readonly method: string;
  readonly mode: string;
  readonly state: string;
  readonly reason: string | null;
  readonly code: string | null;
  readonly approval: string;
  readonly chat: string | null;
  readonly trace: string;
  readonly parent: string | null;
  readonly at: number;
  readonly isLate: boolean;
}
let database: Awaited<ReturnType<typeof testDatabase>>;
let store: PostgresStore;
let rows: readonly Made[];
const now = Date.now();

beforeAll(async () => {
  database = await testDatabase();
  store = openStore({ url: database.url, name: 'test', log: quiet });
  for (const [chat, person] of Object.entries(owners))
    await store.query('insert into journal.chat_owners (chat_id, person_id) values ($1, $2)', [chat, person]);
  const [made = []] = fc.sample(fc.array(madeRow(), { minLength: 700, maxLength: 700 }), { numRuns: 1, seed: 7 });
  rows = made.map((row, nth) => ({ ...row, id: `row_${String(nth).padStart(4, '0')}`, at: now - (made.length - nth) * 1_000 }));
  await store.query(
    `insert into journal.rows (id, method, key, mode, state, hash, input, error, approval, parent, traceparent, ref, created_at, not_before, lease_until, ended_at)
     select r->>'id', r->>'method', r->>'id', r->>'mode', r->>'state', 'h', jsonb_strip_nulls(jsonb_build_object('chatId', r->'chat')),
       case when r->>'code' is not null then jsonb_strip_nulls(jsonb_build_object('code', r->'code', 'reason', r->'reason')) end,
       r->>'approval', r->>'parent', '00-' || (r->>'trace') || '-0000000000000001-01', r->>'id', to_timestamp((r->>'at')::float8 / 1000),
       now() + case when (r->>'isLate')::boolean then interval '-6 minutes' else interval '-4 minutes' end,
       now() + case when (r->>'isLate')::boolean then interval '-6 minutes' else interval '-4 minutes' end,
       case when r->>'state' = any ($2) then now() end
     from jsonb_array_elements($1::jsonb) as r`,
    [JSON.stringify(rows), endedStates],
  );
});
afterAll(async () => {
  await store?.close();
  await database?.drop();
});

function madeRow() {
  return fc.record({
    method: fc.constantFrom(...methods),
    mode: fc.constantFrom(...modes),
    state: fc.constantFrom(...rowStates),
    reason: fc.constantFrom(...reasons),
    code: fc.constantFrom('unavailable', 'upstream_failed'),
    approval: fc.constantFrom('none', 'none', 'staff', 'customer', 'both'),
    chat: fc.constantFrom(...chats),
    trace: fc.constantFrom('a'.repeat(32), 'b'.repeat(32)),
    parent: fc.constantFrom(null, null, 'row_0001', 'row_0002', 'row_0003', 'row_0004'),
    isLate: fc.boolean(),
  });
}
const isDead = ({ state, mode }: Made) => ['failed', 'expired'].includes(state) && ['send', 'run', 'event'].includes(mode);
function isStuck(row: Made): boolean {
  const isDue = row.isLate && ['queued', 'attempting', 'waiting'].includes(row.state);
  const isInReview = row.state === 'waiting' && rows.some(({ parent, state }) => parent === row.id && state === 'review');
  return row.mode === 'run' && (isDue || isInReview);
}
const inView: Readonly<Record<View, (row: Made) => boolean>> = {
  runs: ({ mode }) => mode === 'run',
  stuck: isStuck,
  approvals: ({ state, approval }) => state === 'proposed' && approval !== 'customer',
  reviews: ({ state }) => state === 'review',
  dead_letters: isDead,
  all: () => true,
};
function isSeen({ chat, approval }: Made, manager: string | undefined): boolean {
  if (manager === undefined) return true;
  if (chat === null) return approval === 'staff' || approval === 'both';
  return (owners[chat] ?? manager) === manager;
}
/** The same by a look at every row. */
function scan(filter: Filter): readonly Made[] {
  const { view, state, method = '*', reason, traceId, runId, since, manager } = filter;
  return rows.filter(
    (row) =>
      inView[view](row) &&
      isSeen(row, manager) &&
      (state === undefined || row.state === state) &&
      (method.endsWith('*') ? row.method.startsWith(method.slice(0, -1)) : row.method === method) &&
      (reason === undefined || (row.reason ?? row.code) === reason || row.code === reason) &&
      (traceId === undefined || row.trace === traceId) &&
      (runId === undefined || row.parent === runId) &&
      (since === undefined || row.at >= Date.parse(since)),
  );
}

test('a list by any filter, to anybody, has the same rows as a look at every row, the youngest first', async () => {
  const desk = journalAdmin(store);
  const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
  const filter = fc.record({
    view: fc.constantFrom(...views),
    state: maybe(fc.constantFrom(...rowStates)),
    method: maybe(fc.constantFrom('a.one', 'a.*', '*', 'pipe.line', 'none.*')),
    reason: maybe(fc.constantFrom('refused', 'unavailable', 'upstream_failed', 'none')),
    traceId: fc.option(fc.constant('a'.repeat(32)), { nil: undefined, freq: 4 }),
    runId: fc.option(fc.constant('row_0001'), { nil: undefined, freq: 6 }),
    since: maybe(fc.constant(new Date(now - 300_000).toISOString())),
    manager: fc.constantFrom(...people),
    limit: fc.constantFrom(20, 1_000),
  });
  await fc.assert(
    fc.asyncProperty(filter, async (asked) => {
      const expected = scan(asked)
        .map(({ id }) => id)
        .toReversed();
      const first = (await desk.list(asked)).map(({ id, place }) => ({ id, place }));
      expect(first.map(({ id }) => id)).toEqual(expected.slice(0, asked.limit));
      const before = first.at(-1)?.place;
      if (before !== undefined)
        expect((await desk.list({ ...asked, before })).map(({ id }) => id)).toEqual(expected.slice(asked.limit, 2 * asked.limit));
    }),
    { numRuns: 250, seed: 11 },
  );
});

test.each(people)('the counts of each view are those of the lists for %s', async (manager) => {
  const desk = journalAdmin(store);
  for (const view of views.filter((each) => each !== 'all')) {
    const groups = await desk.summary({ view, manager });
    const expected = Map.groupBy(scan({ view, manager }), ({ state, method, reason, code }) =>
      JSON.stringify([state, method, view === 'runs' || view === 'approvals' ? null : (reason ?? code)]),
    );
    expect(Object.fromEntries(groups.map(({ state, method, reason, rows: of }) => [JSON.stringify([state, method, reason]), of]))).toEqual(
      Object.fromEntries([...expected].map(([group, of]) => [group, of.length])),
    );
    for (const { state, method, reason, oldest_at } of groups)
      expect(oldest_at.getTime()).toBe(expected.get(JSON.stringify([state, method, reason]))?.[0]?.at);
  }
});

test('groups of dead letters have their number, their ends and the newest of them', async () => {
  const groups = await journalAdmin(store).deadGroups(100);
  const expected = Map.groupBy(rows.filter(isDead), ({ method, reason, code }) => `${method} ${reason ?? code}`);
  expect(groups).toHaveLength(expected.size);
  for (const { method, reason, rows: of, oldest_at, newest_at, example_id } of groups) {
    const all = expected.get(`${method} ${reason}`) ?? [];
    expect([of, oldest_at.getTime(), newest_at.getTime(), example_id]).toEqual([all.length, all[0]?.at, all.at(-1)?.at, all.at(-1)?.id]);
  }
});

test('a row that still names the person formerly in charge is shown to the one in charge now, and not to the former', async () => {
  const desk = journalAdmin(store);
  const put = (id: string) =>
    store.query(
      `insert into journal.rows (id, method, key, mode, state, hash, input, ref) values ($1, 'm.moved', $1, 'send', 'done', 'h', '{"chatId":"chat_moved"}', 'r')`,
      [id],
    );
  const seen = async (manager: string) => [
    (await desk.find('row_moved', manager)).length,
    (await desk.list({ view: 'all', method: 'm.moved', manager, limit: 10 })).length,
  ];
  const assign = (person: string | null) => store.transaction((tx) => desk.assign(tx, 'chat_moved', person, new Date().toISOString()));
  await put('row_moved');
  await assign('anna');
  expect([await seen('anna'), await seen('boris')]).toEqual([
    [1, 1],
    [0, 0],
  ]);
  // As a transaction leaves it that began before the change and committed after it.
  const writeLate = () => store.query(`update journal.rows set owner = 'anna' where method = 'm.moved'`);
  await assign('boris');
  await writeLate();
  expect(await seen('anna')).toEqual([0, 0]);
  await store.query(`update journal.chat_owners set changed_at = now() - interval '2 minutes' where chat_id = 'chat_moved'`);
  expect(await desk.copyOwners()).toBe(false);
  expect([await seen('anna'), await seen('boris')]).toEqual([
    [0, 0],
    [1, 1],
  ]);
  await put('row_later');
  expect(await store.query(`select distinct owner from journal.rows where method = 'm.moved'`)).toEqual([{ owner: 'boris' }]);
});
