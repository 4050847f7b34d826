import { expect, test } from '@jest/globals';
import { quiet } from '../../runtime/noop-log.ts';
import { testDatabase } from '../../test/kit/database.ts';
import { until } from '../../test/kit/world.ts';
import { openPostgres } from './postgres.ts';

test('a connection that dies between two statements of a transaction ends the transaction, not the process', async () => {
  const database = await testDatabase();
  const db = openPostgres({ url: database.url, name: 'test', log: quiet, connections: 2 });
  const tx = await db.begin();
  const [session] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
  await db.query('select pg_terminate_backend($1)', [session?.pid]);
  await until(async () => (await db.query('select from pg_stat_activity where pid = $1', [session?.pid])).length === 0 || null);
  // In a process of its own the unheard event would be its end; here it fails the test.
  await expect(tx.query('select 1')).rejects.toMatchObject({ code: 'unavailable', reason: 'store_down' });
  await expect(tx.rollback()).rejects.toMatchObject({ reason: 'store_down' });
  expect(await db.query('select 1 as one')).toEqual([{ one: 1 }]);
  await db.close();
  await database.drop();
});

test('a commit that gets no answer is in doubt, a statement before it is not', async () => {
  const database = await testDatabase();
  const db = openPostgres({ url: database.url, name: 'test', log: quiet, connections: 3 });
  const [unanswered, cut] = await Promise.all([db.begin(), db.begin()]);
  for (const tx of [unanswered, cut]) {
    const [session] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
    await db.query('select pg_terminate_backend($1)', [session?.pid]);
  }
  await expect(unanswered.commit()).rejects.toMatchObject({ code: 'unavailable', reason: 'store_down', outcome: 'unknown' });
  await expect(cut.query('select 1')).rejects.toMatchObject({ code: 'unavailable', reason: 'store_down', outcome: 'not_executed' });
  await cut.rollback().catch(() => {}); // gives the connection back
  await db.close();
  await database.drop();
});

test('a full disk is unavailable with a reason of its own, in a statement and in a script', async () => {
  const database = await testDatabase();
  const db = openPostgres({ url: database.url, name: 'test', log: quiet });
  const full = `do $$ begin raise exception using errcode = '53100'; end $$`;
  const refused = { code: 'unavailable', reason: 'disk_full', outcome: 'not_executed' };
  await expect(db.query(full)).rejects.toMatchObject(refused);
  await expect(db.session((session) => session.run(full))).rejects.toMatchObject(refused);
  await db.close();
  await database.drop();
});
