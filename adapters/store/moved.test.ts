import { expect, test } from '@jest/globals';
import { quiet } from '../../runtime/noop-log.ts';
import { testDatabase } from '../../test/kit/database.ts';
import { until } from '../../test/kit/world.ts';
import { openStore, type PostgresStore } from './index.ts';

/** A database as it is after a dump of a cluster whose counter had come further was restored into this one. */
async function moved(work: (store: PostgresStore) => Promise<void>): Promise<void> {
  const database = await testDatabase();
  const store = openStore({ url: database.url, name: 'test', log: quiet });
  try {
    await work(store);
  } finally {
    await store.close();
    await database.drop();
  }
}
const cluster = 1_000_000_000;
const put = (store: PostgresStore, xid: number, key: string) =>
  store.query(`insert into journal.events (xid, event, key, payload) values ($1::text::xid8, 'test.e', $2, to_jsonb($2::text))`, [
    xid,
    key,
  ]);
const cursor = (store: PostgresStore, consumer: string, xid: number, id: number) =>
  store.query(`insert into journal.cursors (consumer, xid, id) values ($1, $2::text::xid8, $3)`, [consumer, xid, id]);
const rest = (store: PostgresStore, consumer: string): Promise<readonly unknown[]> =>
  store.transaction(async (tx) => {
    const events = (await store.journal.nextEvents(tx, consumer, 'test.e', 100)) ?? [];
    const last = events.at(-1);
    if (last !== undefined) await store.journal.advance(tx, consumer, last);
    return events.map(({ payload }) => payload);
  });
/** Resolves when consumers can see it: a transaction of any other database on this server holds it back. */
const emit = async (store: PostgresStore, key: string): Promise<void> => {
  await store.journal.emit(store, [{ event: 'test.e', key, payload: key, traceparent: null }]);
  await until(async () => {
    const [event] = await store.query<{ isSeen: boolean }>(
      `select xid < pg_snapshot_xmin(pg_current_snapshot()) as "isSeen" from journal.events where key = $1`,
      [key],
    );
    return event?.isSeen;
  });
};

test('each consumer goes on where it was in the other cluster, whatever the order of ids and of transactions', () =>
  moved(async (store) => {
    // ids 1 to 6; the transaction of the first event was the last but one.
    for (const [key, xid] of Object.entries({ a: 50, b: 10, c: 20, d: 30, e: 60, f: 30 })) await put(store, cluster + xid, key);
    const places = { none: [0, 0], b: [10, 2], d: [30, 4], f: [30, 6], a: [50, 1], e: [60, 5] } as const;
    for (const [consumer, [xid, id]] of Object.entries(places)) await cursor(store, consumer, cluster + xid, id);
    const before = ['b', 'c', 'd', 'f', 'a', 'e'];
    await expect(store.transaction((tx) => store.journal.nextEvents(tx, 'b', 'test.e', 9))).rejects.toMatchObject({
      reason: 'another_cluster',
    });

    expect(await store.journal.renumber()).toBe(true);
    expect(await store.journal.renumber()).toBe(false);
    await emit(store, 'new');
    for (const consumer of Object.keys(places)) {
      const left = before.slice(before.indexOf(consumer) + 1);
      expect({ consumer, left: [...(await rest(store, consumer))].sort() }).toEqual({ consumer, left: [...left, 'new'].sort() });
      expect({ consumer, left: await rest(store, consumer) }).toEqual({ consumer, left: [] });
    }
  }));

test('events that this cluster has written already come after those of the other one, and none of them is lost or repeated', () =>
  moved(async (store) => {
    for (const [key, xid] of Object.entries({ a: 10, b: 20, c: 30 })) await put(store, cluster + xid, key);
    await cursor(store, 'deaf', cluster + 20, 2);
    await cursor(store, 'kept', 1, 0);
    await emit(store, 'x');
    await emit(store, 'y');
    await store.query(`insert into journal.cursors (consumer, xid, id) select 'ahead', xid, id from journal.events where key = 'x'`);
    expect(await store.journal.renumber()).toBe(true);
    expect(await rest(store, 'deaf')).toEqual(['c', 'x', 'y']);
    expect(await rest(store, 'ahead')).toEqual(['y']);
    expect(await rest(store, 'kept')).toEqual(['a', 'b', 'c', 'x', 'y']);
  }));

test('a database that moves on to a third cluster keeps its places', () =>
  moved(async (store) => {
    for (const [key, xid] of Object.entries({ a: 10, b: 20, c: 30 })) await put(store, cluster + xid, key);
    await cursor(store, 'one', cluster + 10, 1);
    await store.journal.renumber();
    await emit(store, 'd');
    await cursor(store, 'two', cluster, 3);
    await put(store, cluster + 1, 'e');
    // As a restore leaves them: rows that were all written by one transaction.
    await store.query(`update journal.events set key = key`);
    expect(await store.journal.renumber()).toBe(true);
    expect(await rest(store, 'one')).toEqual(['b', 'c', 'd', 'e']);
    expect(await rest(store, 'two')).toEqual(['e']);
  }));

test('a database that never left its cluster is not touched', () =>
  moved(async (store) => {
    await emit(store, 'a');
    await store.journal.register('one', 'test.e');
    const all = () =>
      store.query('select consumer, xid::text, id from journal.cursors union all select key, xid::text, id from journal.events');
    const before = await all();
    expect(await store.journal.renumber()).toBe(false);
    expect(await all()).toEqual(before);
  }));
