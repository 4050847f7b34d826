import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import pg from 'pg';
import { migrate as apply } from '../adapters/store/migrate.ts';
import { openPostgres } from '../adapters/store/postgres.ts';
import { migrate, migrations, serviceMigrations } from './migrate.ts';
import { quiet } from './noop-log.ts';

/** A database that does not exist yet, removed afterwards. */
function freshDatabase() {
  const server = process.env.DATABASE_URL ?? '';
  const name = `missing_${process.pid}_${Math.random().toString(36).slice(2)}`;
  const query = async (url: string, text: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  };
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  return {
    url,
    make: () => query(server, `create database ${name}`),
    query: (text: string) => query(url, text),
    [Symbol.asyncDispose]: async () => void (await query(server, `drop database if exists ${name} with (force)`)),
  };
}

test('makes the database when it is missing, applies everything once, and a folder owns a schema of its name in snake_case', async () => {
  const services = await mkdtemp(join(tmpdir(), 'polyb-services-'));
  await mkdir(join(services, 'lead-desk', 'migrations'), { recursive: true });
  await mkdir(join(services, 'without-tables'));
  await writeFile(join(services, 'lead-desk', 'migrations', '0001_desks.sql'), 'create table lead_desk.desks (id int)');
  await using database = freshDatabase();
  const first = await migrate({ url: database.url, services });
  const second = await migrate({ url: database.url, services });
  const tables = await database.query("select 1 from pg_tables where schemaname = 'lead_desk' and tablename = 'desks'");
  await rm(services, { recursive: true });
  expect(first).toContain('lead_desk/0001_desks.sql');
  expect(first).toContain('journal/0001_journal.sql');
  expect(second).toEqual([]);
  expect(tables).toHaveLength(1);
});

test('the migrations of a schema go with its table to another service, and a database that has them applies nothing', async () => {
  const services = await mkdtemp(join(tmpdir(), 'polyb-services-'));
  const [former, now] = [join(services, 'lead-desk', 'migrations'), join(services, 'chats', 'migrations', 'lead_desk')];
  await mkdir(former, { recursive: true });
  await writeFile(join(former, '0001_desks.sql'), 'create table lead_desk.desks (id int)');
  await using database = freshDatabase();
  await migrate({ url: database.url, services });
  await mkdir(join(now, '..'), { recursive: true });
  await rename(former, now);
  const [owned, again] = [await serviceMigrations('chats', services), await migrate({ url: database.url, services })];
  await rm(services, { recursive: true });
  expect(owned.map(({ owner, file }) => `${owner}/${file}`)).toEqual(['lead_desk/0001_desks.sql']);
  expect(again).toEqual([]);
});

test('the journal service goes on where the consumers of pipelines were, and with their dead letters', async () => {
  const all = await migrations();
  await using database = freshDatabase();
  await database.make();
  const db = openPostgres({ url: database.url, name: 'test', log: quiet, connections: 1 });
  try {
    await apply(
      db,
      all.filter(({ file }) => file !== '0010_journal_service.sql'),
    );
    await db.query(`insert into journal.cursors (consumer, event, xid, id) select 'pipelines@' || event, event, '7', 5
      from unnest(array['journal.approval_changed', 'inbox.button_pressed', 'calls.call_ended#waits']) event`);
    await db.query(`insert into journal.rows (id, method, key, mode, state, hash, ref)
      values ('row_1', 'pipelines@inbox.button_pressed', '5', 'event', 'failed', '', 'row_1')`);
    expect(await apply(db, all)).toEqual(['journal/0010_journal_service.sql']);
    expect(await db.query('select consumer, id::int, xid::text from journal.cursors order by 1')).toEqual([
      { consumer: 'journal@inbox.button_pressed', id: 5, xid: '7' },
      { consumer: 'journal@journal.approval_changed', id: 5, xid: '7' },
      { consumer: 'pipelines@calls.call_ended#waits', id: 5, xid: '7' },
    ]);
    expect(await db.query('select method from journal.rows')).toEqual([{ method: 'journal@inbox.button_pressed' }]);
  } finally {
    await db.close();
  }
});

test('functions.sql is pending and applied again when its content changed, and not otherwise', async () => {
  const services = await mkdtemp(join(tmpdir(), 'polyb-services-'));
  const file = join(services, 'lead-desk', 'migrations', 'functions.sql');
  await mkdir(join(services, 'lead-desk', 'migrations'), { recursive: true });
  const answering = (value: number) =>
    writeFile(file, `create or replace function lead_desk.answer() returns int language sql as 'select ${value}'`);
  await answering(1);
  await using database = freshDatabase();
  await migrate({ url: database.url, services });
  const repeated = await migrate({ url: database.url, services });
  await answering(2);
  const changed = await migrate({ url: database.url, services });
  const [row] = await database.query('select lead_desk.answer() as value');
  await rm(services, { recursive: true });
  expect(repeated).toEqual([]);
  expect(changed).toEqual(['lead_desk/functions.sql']);
  expect(row).toEqual({ value: 2 });
});

test('two that migrate a missing database at the same moment both end well, and each migration is applied by one of them', async () => {
  await using database = freshDatabase();
  const both = await Promise.all([migrate({ url: database.url }), migrate({ url: database.url })]);
  expect(both.flat().length).toBe(new Set(both.flat()).size);
  expect(both.flat()).toContain('journal/0001_journal.sql');
});

test('a database whose migration was another then is left as it is, and is told to be made anew or the file to be restored', async () => {
  const services = await mkdtemp(join(tmpdir(), 'polyb-services-'));
  const file = join(services, 'lead-desk', 'migrations', '0001_desks.sql');
  await mkdir(join(services, 'lead-desk', 'migrations'), { recursive: true });
  await writeFile(file, 'create table lead_desk.desks (id int)');
  await using database = freshDatabase();
  await migrate({ url: database.url, services });
  await writeFile(file, 'create table lead_desk.desks (id int, name text)');
  const refusal = migrate({ url: database.url, services });
  await expect(refusal).rejects.toMatchObject({ code: 'failed_precondition', reason: 'migration_changed' });
  await expect(refusal).rejects.toThrow(/lead_desk\/0001_desks\.sql .* restore it .* `polyb down --wipe`/);
  await rm(services, { recursive: true });
  expect(await database.query("select column_name from information_schema.columns where table_schema = 'lead_desk'")).toEqual([
    { column_name: 'id' },
  ]);
});

test('a password that PostgreSQL refuses is told as such, and is not repeated in the message', async () => {
  const url = Object.assign(new URL(process.env.DATABASE_URL ?? ''), { password: 'not-this-one' }).href;
  const refusal = migrate({ url });
  await expect(refusal).rejects.toMatchObject({ code: 'failed_precondition', reason: 'store_refused' });
  await expect(refusal).rejects.not.toThrow(/not-this-one/);
});

test('a migration that fails is named with what PostgreSQL says, and nothing of it is kept', async () => {
  const services = await mkdtemp(join(tmpdir(), 'polyb-services-'));
  const folder = join(services, 'lead-desk', 'migrations');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, '0001_desks.sql'), 'create table lead_desk.desks (id int); select nosuch()');
  await using database = freshDatabase();
  const failure = migrate({ url: database.url, services });
  await expect(failure).rejects.toMatchObject({ code: 'failed_precondition', reason: 'migration_failed' });
  await expect(failure).rejects.toThrow(/lead_desk\/0001_desks\.sql failed.*function nosuch\(\) does not exist/);
  await writeFile(join(folder, '0001_desks.sql'), `create table lead_desk.desks (id int); select 'x'::int`);
  await expect(migrate({ url: database.url, services })).rejects.toMatchObject({ reason: 'migration_failed' });
  await rm(services, { recursive: true });
  expect(await database.query("select 1 from pg_tables where schemaname = 'lead_desk'")).toEqual([]);
});

test('a PostgreSQL that does not answer is named by host and port, beside the form that DATABASE_URL has', async () => {
  const failure = migrate({ url: 'postgres://me:secret@127.0.0.1:1/polyb' });
  await expect(failure).rejects.toMatchObject({ code: 'unavailable', reason: 'store_down' });
  await expect(failure).rejects.toThrow(/No PostgreSQL responds at 127\.0\.0\.1:1; .*postgres:\/\/user:password@host:5432\/database/);
  await expect(failure).rejects.not.toThrow(/secret/);
});
