/** Adding a capability is a contract and a service folder, and no edit anywhere else. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type RunningServer, startNats } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import { type Checkout, checkout } from './kit/checkout.ts';
import { type TestDatabase, testDatabase } from './kit/database.ts';
import { until } from './kit/world.ts';

const patienceMs = 300_000;
let nats: RunningServer;
let database: TestDatabase;
let here: Checkout;

// One copy for the whole file, in the order of the tests.
beforeAll(async () => {
  [nats, database] = await Promise.all([startNats({ dir: temporaryDir(), temporary: true }), testDatabase()]);
  here = await checkout({ set: { NATS_URL: nats.url, NATS_USER: 'operator', DATABASE_URL: database.url } });
  await git('init', '--quiet');
  await git('add', '--all');
  await typeFiles('README.md');
}, patienceMs);
afterAll(async () => {
  if (here) await rm(here.dir, { recursive: true, force: true });
  await database?.drop();
  await nats?.stop();
});

async function git(...words: readonly string[]): Promise<string> {
  return (await promisify(execFile)('git', words, { cwd: here.dir })).stdout;
}
/** The files that a document shows, as a reader types them: each names its path in its first line. */
async function typeFiles(document: string): Promise<void> {
  const text = await readFile(join(import.meta.dirname, '..', document), 'utf8');
  for (const [, path = '', content = ''] of text.matchAll(/```(?:ts|sql)\n(?:\/\/|--) (\S+)\n([\s\S]*?)```/g)) {
    await mkdir(dirname(join(here.dir, path)), { recursive: true });
    await writeFile(join(here.dir, path), content);
  }
}
async function answer(...words: readonly string[]): Promise<unknown> {
  const { status, stdout, stderr } = await here.polyb(...words, '-o', 'json');
  if (status !== 0) throw new Error(`polyb ${words.join(' ')} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

test(
  'the reference gets a page of it, and no file that somebody wrote is edited',
  async () => {
    const { status, stderr } = await here.polyb('docs', 'build');
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const page = await readFile(join(here.dir, 'docs/reference/services/greetings.md'), 'utf8');
    expect(page).toContain('Served by `services/greeter`');
    expect(page).toContain('Greet somebody by name.');
    const changed = (await git('status', '--porcelain', '--untracked-files=all'))
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('A  '))
      .map((line) => line.slice(3));
    const written = changed.filter((path) => !/^(docs\/reference\/.*|contracts\.json|\.env\.example)$/.test(path));
    expect(written).toEqual(['contracts/greetings.ts', 'services/greeter/service.ts']);
  },
  patienceMs,
);

test(
  'PM2 gets its daemon, and the bus a user that may serve it',
  async () => {
    const { apps } = (await import(pathToFileURL(join(here.dir, 'ecosystem.config.js')).href)) as {
      apps: readonly { readonly name: string; readonly args: readonly string[] }[];
    };
    expect(apps.find(({ name }) => name === 'greeter')?.args).toEqual(expect.arrayContaining(['runtime/serve.ts', 'greeter']));
    expect(await answer('permissions', 'greeter')).toMatchObject({
      users: [{ name: 'greeter', subscribe: { allow: expect.arrayContaining(['polyb.rpc.greetings.greet']) } }],
    });
  },
  patienceMs,
);

test(
  'while it is served, list, describe, stats and the call that the README types know it, whatever contracts.json holds',
  async () => {
    await git('checkout', '--', 'contracts.json');
    const greeter = here.start('runtime/serve.ts', 'greeter');
    const ended = once(greeter, 'exit');
    try {
      await ready(greeter);
      const [listed, described, greeted] = await Promise.all([
        answer('list', 'greetings'),
        answer('describe', 'greetings.greet'),
        answer('call', 'greet', 'name=Иван'),
      ]);
      expect(listed).toMatchObject([{ service: 'greetings', state: 'up', daemons: ['greeter'], methods: ['greet'] }]);
      expect(described).toMatchObject({ address: 'greetings.greet', summary: 'Greet somebody by name.' });
      expect(greeted).toEqual({ text: 'Здравствуйте, Иван!' });
      expect(await answer('stats', 'greetings')).toMatchObject([{ method: 'greetings.greet', instances: 1, requests: 1, errors: 0 }]);
    } finally {
      greeter.kill();
      await ended;
    }
  },
  patienceMs,
);

test(
  'the emergency stop finds a method that contracts.json does not have yet',
  async () => {
    const daemons = ['greeter', 'journal'].map((folder) => here.start('runtime/serve.ts', folder));
    const ended = daemons.map((daemon) => once(daemon, 'exit'));
    try {
      await Promise.all(daemons.map(ready));
      expect(await answer('pause', 'greetings.greet')).toMatchObject({ paused: ['greetings.greet'] });
    } finally {
      for (const daemon of daemons) daemon.kill();
      await Promise.all(ended);
    }
  },
  patienceMs,
);

test(
  'the consumer, the table and the loop that CONTRIBUTING shows work as they are typed',
  async () => {
    await typeFiles('CONTRIBUTING.md');
    await here.polyb('docs', 'build');
    const migrated = once(here.start('runtime/migrate.ts'), 'exit');
    expect(await migrated).toEqual([0, null]);
    const daemon = here.start('runtime/serve.ts', 'call-counter');
    const ended = once(daemon, 'exit');
    try {
      await ready(daemon);
      await answer('emit', 'calls.call_ended', ...endedCall, '--yes');
      await until(async () => ((await answer('call', 'count_calls')) as { calls: number }).calls === 1);
    } finally {
      daemon.kill();
      await ended;
    }
  },
  patienceMs,
);
const endedCall = [
  'callId=call_1',
  'leadId=lead_1',
  'direction=out',
  'at=2026-01-31T10:00:01Z',
  'outcome=answered',
  'endedBy=remote',
  'hangUpCause=normal',
  'recordingId=null',
  'answeredBy=null',
  'key=null',
  'startedAt=2026-01-31T10:00:00Z',
  'durationMs=1000',
];

/** Resolves when a daemon says that it is; throws what it said when it ends before. */
async function ready({ stdout, stderr }: ReturnType<Checkout['start']>): Promise<void> {
  if (stdout === null || stderr === null) throw new TypeError('the daemon has no pipes');
  let said = '';
  stderr.on('data', (chunk) => (said += String(chunk)));
  for await (const line of createInterface({ input: stdout })) {
    if ((JSON.parse(line) as { msg: string }).msg === 'ready') return;
    said += `${line}\n`;
  }
  throw new Error(`the daemon ended: ${said}`);
}
