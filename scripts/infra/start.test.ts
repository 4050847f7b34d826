import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from '@jest/globals';
import pg from 'pg';
import { until } from '../../test/kit/until.ts';
import { natsAnswers, postgresAnswers } from './ready.ts';
import { startNats, startPostgres } from './start.ts';
import { temporaryDir } from './temporary.ts';
import { enterable, unprivileged } from './unprivileged.ts';

const portOf = (url: string) => Number(new URL(url).port);

test('servers and their files are gone after the process that started them was killed', async () => {
  const dirs = [temporaryDir(), temporaryDir()] as const;
  const program = `
    import { startNats, startPostgres } from ${JSON.stringify(join(import.meta.dirname, 'start.ts'))};
    const [nats, postgres] = await Promise.all([
      startNats({ dir: ${JSON.stringify(dirs[0])}, temporary: true }),
      startPostgres({ dir: ${JSON.stringify(dirs[1])}, temporary: true, durable: false }),
    ]);
    console.log(JSON.stringify([nats.url, postgres.url]));
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface(owner.stdout), 'line');
  const [nats, postgres] = JSON.parse(line).map(portOf);
  expect([await natsAnswers(nats), await postgresAnswers(postgres)]).toEqual([true, true]);
  owner.kill('SIGKILL');
  await until(async () => !(await natsAnswers(nats)) && !(await postgresAnswers(postgres)));
  await until(() => !dirs.some((dir) => existsSync(dir)));
});

test('a server does not start where another one answers', async () => {
  const first = await startNats({ dir: temporaryDir(), temporary: true });
  const dir = temporaryDir();
  const second = startNats({ dir, port: portOf(first.url), temporary: true });
  await expect(second).rejects.toThrow('another program listens');
  await first.stop();
  expect(existsSync(dir)).toBe(false);
});

test('a killed PostgreSQL comes back at the same address with what was committed', async () => {
  const dir = temporaryDir();
  const first = await startPostgres({ dir, durable: true });
  const client = new pg.Client({ connectionString: first.url });
  client.on('error', () => {}); // the kill below cuts it
  await client.connect();
  await client.query('CREATE TABLE kept AS SELECT 7 AS value');
  process.kill(first.pid, 'SIGKILL');
  await first.stop();
  // Its lock file stays behind, and by now its number may be that of another program of the same user.
  const other = spawn('sleep', ['600'], { ...unprivileged() });
  const lock = join(enterable(dir, unprivileged()), 'data', 'postmaster.pid');
  writeFileSync(lock, readFileSync(lock, 'utf8').replace(/^\d+/, String(other.pid)));
  const second = await startPostgres({ dir, port: portOf(first.url), durable: true, temporary: true });
  const again = new pg.Client({ connectionString: first.url });
  await again.connect();
  const { rows } = await again.query('SELECT value FROM kept');
  other.kill();
  await again.end();
  await Promise.all([second.stop(), second.stop()]);
  expect(rows).toEqual([{ value: 7 }]);
});

test('a server that cannot start says what it printed', async () => {
  const dir = temporaryDir();
  const configFile = import.meta.filename; // no nats-server configuration
  await expect(startNats({ dir, configFile, temporary: true })).rejects.toThrow(/nats-server ended with 1\n.*nats-server:/s);
});

test('a folder the server’s user cannot enter gets one stand-in, others stay where they are', () => {
  const runAs = unprivileged();
  if (!runAs) return; // only root has such a user
  expect(enterable('/var/tmp/x', runAs)).toBe('/var/tmp/x');
  const home = temporaryDir(); // 0700
  const closed = join(home, 'x');
  expect(enterable(closed, runAs)).toMatch(/^\/var\/lib\/polyb\/x-[0-9a-f]{8}$/);
  expect(enterable(closed, runAs)).toBe(enterable(closed, runAs));
  rmdirSync(home);
});
