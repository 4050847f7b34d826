import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { openTransactions } from '../../../adapters/store/pending-counts.ts';
import { openPostgres } from '../../../adapters/store/postgres.ts';
import { service } from '../../../bus/service.ts';
import { secret, text } from '../../../config/settings.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { testDatabase } from '../../../test/kit/database.ts';
import { checkNats, checkPostgres, checkRedis, checkSecrets } from './checks.ts';

const settings = z.object({ POST_TOKEN: secret().optional(), POST_TOWN: text().optional() });
const services = [{ folder: 'post', service: service({ serves: {}, settings }).start(async () => ({})) }];
let at: string;
beforeEach(() => {
  at = mkdtempSync(join(tmpdir(), 'polyb-checks-'));
});
afterEach(() => rmSync(at, { recursive: true }));
const written = (lines: string, mode: number): void => {
  writeFileSync(join(at, '.env'), lines);
  chmodSync(join(at, '.env'), mode);
};

test.each([0o644, 0o640, 0o604])('an .env of mode %o that holds a secret is warned of, by the name of the secret', (mode) => {
  written('POST_TOKEN=canary\nPOST_TOWN=Perm\n', mode);
  expect(checkSecrets(services, { env: {}, at })).toEqual([
    { check: 'secrets', state: 'warn', found: '.env holds POST_TOKEN and is readable by other users', next: 'chmod 600 .env' },
  ]);
});

test('an .env that is closed, holds no secret, or whose secret the environment overrides is passed over', () => {
  expect(checkSecrets(services, { env: {}, at })).toEqual([]);
  written('POST_TOKEN=canary\n', 0o600);
  expect(checkSecrets(services, { env: {}, at })).toEqual([]);
  written('POST_TOWN=Perm\n', 0o644);
  expect(checkSecrets(services, { env: {}, at })).toEqual([]);
  written('POST_TOKEN=canary\n', 0o644);
  expect(checkSecrets(services, { env: { POST_TOKEN: 'other' }, at })).toEqual([]);
});

test('an address that is no URL is a finding, and does not end the doctor', async () => {
  expect(await checkNats('nats://127.0.0.1:1,nonsense')).toMatchObject([
    { state: 'fail', found: 'no NATS server responds at 127.0.0.1:1' },
    { state: 'fail', found: 'the address is not a URL' },
  ]);
  expect(await checkPostgres('nonsense', {})).toMatchObject([{ state: 'fail', found: 'DATABASE_URL is not a URL' }]);
  expect(await checkRedis('nonsense', false)).toMatchObject([{ state: 'warn', found: expect.stringContaining('REDIS_URL is not a URL') }]);
});

test('events that another PostgreSQL cluster numbered are a failure, and a database of this cluster is none', async () => {
  const database = await testDatabase();
  const db = openPostgres({ url: database.url, name: 'test', log: quiet });
  const found = async () => (await checkPostgres(database.url, {})).find(({ check }) => check === 'event order');
  expect(await found()).toMatchObject({ state: 'ok' });
  await db.query(`insert into journal.cursors (consumer, xid, id) values ('desk', '1000000000', 1)`);
  expect(await found()).toMatchObject({ state: 'fail', next: expect.stringContaining('polyb restart') });
  await db.close();
  await database.drop();
});

test('a transaction that wrote and stays open is warned of, and pools that PostgreSQL cannot serve are', async () => {
  const database = await testDatabase();
  const db = openPostgres({ url: database.url, name: 'a forgotten session', log: quiet });
  const found = async (check: string, needed = 0) => (await checkPostgres(database.url, {}, needed)).find((each) => each.check === check);
  const tx = await db.begin();
  await tx.query('create table open_for_long ()');
  const [oldest] = (await openTransactions(db)).filter(({ name }) => name.includes('a forgotten session'));
  expect(oldest).toMatchObject({ pid: expect.any(Number), seconds: expect.any(Number) });
  await tx.rollback();
  expect((await openTransactions(db)).filter(({ name }) => name.includes('a forgotten session'))).toEqual([]);
  expect(await found('connections', 20)).toMatchObject({ state: 'ok' });
  expect(await found('connections', 100_000)).toMatchObject({ state: 'warn', next: expect.stringContaining('max_connections') });
  await db.close();
  await database.drop();
});
