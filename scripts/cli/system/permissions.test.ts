import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { journalMigrations } from '../../../adapters/store/index.ts';
import { permissions as busPermissions, natsConfig } from '../../../bus/server/permissions.ts';
import { connectNats } from '../../../bus/transports/nats.ts';
import { openSources } from '../../../config/env.ts';
import { startDaemon } from '../../../runtime/daemon.ts';
import { loadServices } from '../../../runtime/services.ts';
import { memoryLog } from '../../../test/kit/bed.ts';
import { commandEnv, ended } from '../../../test/kit/checkout.ts';
import { type TestDatabase, testDatabase } from '../../../test/kit/database.ts';
import { type RunningServer, startNats } from '../../infra/start.ts';
import { temporaryDir } from '../../infra/temporary.ts';

// Settings of a home and a checkout of their own, so that no run.json of this one is read.
const home = temporaryDir();
const polyb = (env: Readonly<Record<string, string>>, ...words: readonly string[]) =>
  ended(
    spawn(process.execPath, [join(import.meta.dirname, '..', '..', 'polyb.js'), 'permissions', ...words], {
      env: { ...commandEnv(), HOME: home, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
let nats: RunningServer;
let database: TestDatabase;
let passwords: Readonly<Record<string, string>>;

beforeAll(async () => {
  database = await testDatabase();
  const made = await polyb({}, '-o', 'env');
  passwords = Object.fromEntries(
    made.stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=', 2) as [string, string]),
  );
  const configFile = join(home, 'users.conf');
  await writeFile(configFile, (await polyb(passwords, '-o', 'nats')).stdout);
  nats = await startNats({ dir: temporaryDir(), temporary: true, configFile });
});
afterAll(async () => {
  await nats?.stop();
  await database?.drop();
});

async function serveCrm(env: Readonly<Record<string, string>>, url: string) {
  const { log, lines } = memoryLog();
  const find = openSources({ env: { NATS_URL: url, DATABASE_URL: database.url, ...env }, root: home, home });
  const daemon = await startDaemon(await loadServices(['crm-connector']), { migrations: await journalMigrations(), find, log }).catch(
    (error: unknown) => error as Error,
  );
  return { daemon, lines };
}

test('the users that -o nats writes let a service serve with the password that -o env made, and nobody in without one', async () => {
  const { daemon } = await serveCrm(passwords, nats.url);
  if (Error.isError(daemon)) throw daemon;
  await (daemon as Exclude<typeof daemon, Error>).stop();
  const guest = connectNats({ servers: nats.url, name: 'x', inboxUser: 'guest', timeoutMs: 10_000 });
  await expect(guest).rejects.toMatchObject({ code: 'unauthenticated' });
});

test('a password that nothing sets is named in one sentence', async () => {
  const { NATS_PASSWORD_SENDER: _, ...others } = passwords;
  const { status, stdout, stderr } = await polyb(others, '-o', 'nats');
  expect({ status, stdout }).toEqual({ status: 78, stdout: '' });
  expect(stderr).toContain('set NATS_PASSWORD_SENDER;');
  expect(stderr).not.toContain('NATS_PASSWORD_COLLECTOR');
});

test('a service without its password ends with one sentence that names it, and logs nothing else, with guests on the server and without', async () => {
  const configFile = join(home, 'open.conf');
  await writeFile(configFile, natsConfig(busPermissions([]), { credentials: {}, noAuthUser: 'guest' }));
  const open = await startNats({ dir: temporaryDir(), temporary: true, configFile });
  const both = [await serveCrm({}, open.url), await serveCrm({}, nats.url)];
  await open.stop();
  for (const { daemon, lines } of both) {
    expect(daemon).toMatchObject({
      code: 'failed_precondition',
      reason: 'bad_settings',
      message: expect.stringMatching(/set NATS_PASSWORD_CRM_CONNECTOR /),
    });
    expect(lines).toEqual([]);
  }
});
