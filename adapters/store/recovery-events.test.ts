import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { quiet } from '../../runtime/noop-log.ts';
import { testDatabase } from '../../test/kit/database.ts';
import { until } from '../../test/kit/world.ts';
import { openStore, type PostgresStore } from './index.ts';
import { journalAdmin } from './journal-admin.ts';

const leaseMs = 10_000;
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

/** A consumer before so many events. */
async function consumer(events: number) {
  const event = `test.${randomUUID()}`;
  const name = `me@${event}`;
  await store.journal.register(name, name);
  await store.journal.emit(
    store,
    Array.from({ length: events }, (_, nth) => ({ event, key: `${nth}`, payload: { nth }, traceparent: null })),
  );
  let was: string | null = null;
  const take = async (over: { was?: string | null; token?: string } = {}) => {
    const token = randomUUID();
    const rows = await store.journal.takeEvents(name, event, { token, was, leaseMs, deadId: `row_${randomUUID()}`, ...over }, 50);
    return { token, rows };
  };
  // What is emitted is seen once no older transaction is open, of other databases too.
  await until(async () => (await take()).rows.length === events || null);
  await store.query('update journal.cursors set token = null, lease_until = null where consumer = $1', [name]);
  return {
    name,
    take,
    follow: (token: string) => {
      was = token;
    },
    expire: (agoMs: number) =>
      store.query('update journal.cursors set lease_until = clock_timestamp() - make_interval(secs => $2 / 1000.0) where consumer = $1', [
        name,
        agoMs,
      ]),
    advance: async ({ token, rows }: Awaited<ReturnType<typeof take>>) => {
      const last = rows.at(-1);
      return last !== undefined && (await store.journal.advance(store, name, last, token));
    },
  };
}
const numbers = (rows: readonly { readonly payload: unknown }[]) => rows.map(({ payload }) => (payload as { nth: number }).nth);

test('events under a lease are taken by nobody else, and by the same process again', async () => {
  const it = await consumer(3);
  const mine = await it.take();
  expect(numbers(mine.rows)).toEqual([0, 1, 2]);
  expect((await it.take()).rows).toEqual([]);
  expect(numbers((await it.take({ was: mine.token })).rows)).toEqual([0, 1, 2]);
});

test('an event that takes four holders with it becomes a dead letter, alone, and those around it are handled in order', async () => {
  const it = await consumer(4);
  const handled: number[] = [];
  const deaths: number[] = [];
  for (;;) {
    const taken = await it.take();
    if (taken.rows.length === 0) break;
    // The third event is the one.
    if (numbers(taken.rows).includes(2)) {
      deaths.push(taken.rows.length);
      await it.expire(100 * leaseMs);
      continue;
    }
    expect(await it.advance(taken)).toBe(true);
    handled.push(...numbers(taken.rows));
  }
  expect(handled).toEqual([0, 1, 3]);
  // Once in company, then alone.
  expect(deaths).toEqual([4, 1, 1, 1, 1]);
  const dead = await journalAdmin(store).list({ view: 'dead_letters', method: it.name, reason: 'holder_gone', limit: 9 });
  expect(dead).toMatchObject([{ mode: 'event', state: 'failed', input: { nth: 2 }, attempts: 4 }]);
});

test('the first takeover of events is at once, each further one waits a lease longer', async () => {
  const it = await consumer(1);
  await it.take();
  for (const waitMs of [0, leaseMs, 2 * leaseMs]) {
    if (waitMs > 0) {
      await it.expire(waitMs - 1_000);
      expect((await it.take()).rows).toEqual([]);
    }
    await it.expire(waitMs + 1);
    expect((await it.take()).rows).toHaveLength(1);
  }
});

test('a holder that outlived its lease advances a cursor that nobody took over, and no other', async () => {
  const it = await consumer(2);
  const slow = await it.take();
  await it.expire(1);
  expect(await it.advance({ ...slow, rows: slow.rows.slice(0, 1) })).toBe(true);
  await it.take();
  await it.expire(1);
  const stalled = await it.take();
  expect(numbers(stalled.rows)).toEqual([1]);
  await it.expire(1);
  expect(await it.advance(stalled)).toBe(false);
});

test.each(['row', 'loop'])(
  'a process that holds a suspect %s takes over no events a second time, and another process does',
  async (kind) => {
    const it = await consumer(1);
    const holder = randomUUID();
    if (kind === 'row')
      await store.query(
        `insert into journal.rows (id, method, key, mode, state, hash, ref, held_by, lease_until, takeovers) values ($1, $1, 'k', 'send', 'attempting', '', $1, $1, now() + interval '1 min', 2)`,
        [holder],
      );
    else
      await store.query(
        `insert into journal.loops (service, name, schedule, held_by, lease_until, takeovers) values ($1, 'l', '', $1, now() + interval '1 min', 2)`,
        [holder],
      );
    for (const takeovers of [0, 1]) {
      expect(takeovers === 0 ? (await it.take()).rows : (await it.take({ token: `${holder} 1` })).rows).toHaveLength(1);
      await it.expire(100 * leaseMs);
    }
    expect((await it.take({ token: `${holder} 2` })).rows).toEqual([]);
    expect((await it.take({ token: `${randomUUID()} 2` })).rows).toHaveLength(1);
  },
);

test('a loop whose holders vanish is free later each time, says so, and is free at once when a person asks for it or a turn ends', async () => {
  const service = randomUUID();
  await store.journal.announceLoops(service, [{ name: 'l', schedule: 's' }]);
  const lease = (holder: string) => store.journal.leaseLoop(service, 'l', holder, leaseMs);
  const expire = (agoMs: number) =>
    store.query(`update journal.loops set lease_until = clock_timestamp() - make_interval(secs => $2 / 1000.0) where service = $1`, [
      service,
      agoMs,
    ]);
  const desk = journalAdmin(store);
  const error = async () => (await desk.loops()).find((loop) => loop.service === service)?.last_error;
  expect(await lease('a')).toBe(0);
  await expire(1);
  expect([await lease('b'), await error()]).toEqual([1, null]);
  for (const [takeovers, waitMs] of [
    [2, leaseMs],
    [3, 3 * leaseMs],
    [4, 7 * leaseMs],
  ] as const) {
    await expire(waitMs - 1_000);
    expect(await lease(`${takeovers}`)).toBeNull();
    await expire(waitMs + 1);
    expect(await lease(`${takeovers}`)).toBe(takeovers);
    expect(await error()).toMatch(new RegExp(`holder_gone: ${takeovers} processes`));
  }
  await expire(1);
  expect(await lease('c')).toBeNull();
  expect(await desk.requestLoop(service, 'l')).toBe(true);
  expect(await lease('c')).toBe(1);
  await store.journal.reportLoop(service, 'l', { error: null, nextRunAt: null });
  expect(await error()).toBeNull();
  await expire(1);
  expect(await lease('d')).toBe(1);
});
