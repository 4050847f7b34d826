import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { openStore } from '../../../adapters/store/index.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { type TestDatabase, testDatabase } from '../../../test/kit/database.ts';
import { until } from '../../../test/kit/world.ts';
import { startPostgres } from '../../infra/start.ts';
import { temporaryDir } from '../../infra/temporary.ts';
import { type FlagValues, flagsOf } from '../kernel/flags.ts';
import { createOutput } from '../kernel/output.ts';
import { backup, restore } from './backup.ts';

let database: TestDatabase;
const folder = mkdtempSync(join(tmpdir(), 'polyb-backup-'));
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(async () => {
  await database.drop();
  rmSync(folder, { recursive: true });
});

function invocation(path: string, args: readonly string[], values: FlagValues = {}, url = database.url) {
  const env = { DATABASE_URL: url };
  const flags = flagsOf({ output: 'json', ...values }, env, path);
  const written = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof written) => ({ write: (text: string) => (written[name] += text) });
  const out = createOutput({ flags, stdout: sink('stdout'), stderr: sink('stderr'), stdinIsTty: false, env, now: Date.now });
  return { path, args, flags, out, signal: AbortSignal.timeout(60_000), env, groups: async () => [], written };
}
async function query<T extends pg.QueryResultRow>(text: string, url = database.url): Promise<readonly T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

test('a restored database is as it was when the backup was written', async () => {
  await query("CREATE SCHEMA desk; CREATE TABLE desk.kept (id int PRIMARY KEY, text text); INSERT INTO desk.kept VALUES (1, 'привет')");
  const file = join(folder, 'one.dump');
  const written = invocation('backup', [file]);
  expect(await backup(written)).toBe(0);
  expect(JSON.parse(written.written.stdout)).toMatchObject({ format: 'polyb-backup-1', file: 'one.dump', bytes: statSync(file).size });
  expect(statSync(file).mode & 0o077).toBe(0);
  expect(written.written.stderr).toContain('the backup does not include files of messages');

  await query("UPDATE desk.kept SET text = 'lost'; CREATE SCHEMA later; CREATE TABLE later.came (id int REFERENCES desk.kept)");
  await expect(restore(invocation('restore', [file]))).rejects.toThrow(/requires --yes/);
  expect(await query('SELECT text FROM desk.kept')).toEqual([{ text: 'lost' }]);
  expect(await restore(invocation('restore', [file], { yes: true }))).toBe(0);
  expect(await query('SELECT text FROM desk.kept')).toEqual([{ text: 'привет' }]);
  expect(await query("SELECT nspname FROM pg_namespace WHERE nspname = 'later'")).toEqual([]);
  await expect(query('INSERT INTO desk.kept VALUES (1)')).rejects.toThrow(/duplicate key/);
});

test('consumers go on where they were when the database is restored into another PostgreSQL cluster', async () => {
  // A younger cluster, whose counter of transactions has not come as far.
  await query(`DO $$ BEGIN FOR i IN 1..5000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`);
  for (const key of ['handled', 'left'])
    await query(`INSERT INTO journal.events (event, key, payload) VALUES ('desk.noted', '${key}', '"${key}"')`);
  await query(`INSERT INTO journal.cursors SELECT 'desk', xid, id FROM journal.events WHERE key = 'handled'`);
  const file = join(folder, 'moved.dump');
  await backup(invocation('backup', [file]));
  const other = await startPostgres({ dir: temporaryDir(), temporary: true, durable: false });
  try {
    await query('CREATE DATABASE moved', other.url);
    const url = Object.assign(new URL(other.url), { pathname: '/moved' }).href;
    expect(await restore(invocation('restore', [file], { yes: true }, url))).toBe(0);
    await query(`INSERT INTO journal.events (event, key, payload) VALUES ('desk.noted', 'new', '"new"')`, url);
    const store = openStore({ url, name: 'test', log: quiet });
    try {
      const heard = await until(async () => {
        const events = await store.transaction((tx) => store.journal.nextEvents(tx, 'desk', 'desk.noted', 10));
        return (events ?? []).length >= 2 ? events : null;
      });
      expect(heard.map(({ payload }) => payload)).toEqual(['left', 'new']);
    } finally {
      await store.close();
    }
  } finally {
    await other.stop();
  }
});

test('a backup never takes the place of a file, and a changed one is refused', async () => {
  const file = join(folder, 'two.dump');
  expect(await backup(invocation('backup', [file]))).toBe(0);
  await expect(backup(invocation('backup', [file]))).rejects.toThrow(/already exists/);
  expect(await restore(invocation('restore', [file], { check: true }))).toBe(0);
  appendFileSync(file, 'x');
  await expect(restore(invocation('restore', [file], { yes: true }))).rejects.toThrow(/truncated or changed/);
  expect(JSON.parse(readFileSync(`${file}.json`, 'utf8')).database).toMatch(/^test_/);
});

test('an address that is none of PostgreSQL is refused, and what was expected is said', async () => {
  const wrong = { ...invocation('backup', [join(folder, 'none.dump')]), env: { DATABASE_URL: 'http://canary' } };
  const refused = expect(backup(wrong)).rejects;
  await refused.toMatchObject({
    reason: 'bad_settings',
    message: expect.stringMatching(/expected a URL that begins with postgres(?!.*canary)/),
  });
});

test('a backup that cannot be read to its end changes nothing', async () => {
  const file = join(folder, 'three.dump');
  await query(
    'CREATE SCHEMA big; CREATE TABLE big.rows AS SELECT g AS id, repeat(md5(g::text), 50) AS text FROM generate_series(1, 2000) g',
  );
  await backup(invocation('backup', [file]));
  truncateSync(file, Math.floor(statSync(file).size * 0.9));
  const manifest = JSON.parse(readFileSync(`${file}.json`, 'utf8'));
  writeFileSync(`${file}.json`, JSON.stringify({ ...manifest, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') }));
  await expect(restore(invocation('restore', [file], { yes: true }))).rejects.toThrow(/pg_restore|could not/);
  for (let others = 1; others > 0; ) {
    const [seen] = await query<{ others: number }>(
      'SELECT count(*)::int AS others FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    others = seen?.others ?? 0;
  }
  expect(await query('SELECT count(*)::int AS rows FROM big.rows')).toEqual([{ rows: 2000 }]);
});
