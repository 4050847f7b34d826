import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { redisVersion } from '../../../adapters/vendors/redis/cache.ts';
import { createBus } from '../../../bus/bus.ts';
import { connectNats } from '../../../bus/transports/nats.ts';
import { crm } from '../../../contracts/crm.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { type Checkout, checkout, ended } from '../../../test/kit/checkout.ts';
import { follow, stepsOf } from '../../../test/kit/pages.ts';
import { until } from '../../../test/kit/world.ts';
import { findRedis } from '../../infra/redis.ts';
import type { StatusRow } from './status.ts';

// One system for the whole file, in the order of the tests: bringing it up is what takes long.
const patienceMs = 300_000;
let here: Checkout;
beforeAll(async () => {
  // `up` goes on without a Redis that it cannot unpack within its time limit, which on a new machine beside other tests is short.
  await findRedis({ signal: AbortSignal.timeout(patienceMs) });
  // Its talk with a customer takes more than a minute: the line script speaks instead.
  here = await checkout({ set: { CALL_ATTENDANT: 'script' } });
}, patienceMs);
afterAll(async () => await here[Symbol.asyncDispose](), patienceMs);

const greeterSource = `import { z } from 'zod';
import { service } from '../../bus/service.ts';
import { integer, text } from '../../config/settings.ts';
import { contract, method } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
const greeter = contract('greeter', '1.0.0', {
  greet: method({ summary: 'Says hello.', input: z.strictObject({}), output: z.object({ said: z.string().max(100) }), idempotency: 'read' }),
});
export default service({ serves: { greeter }, settings: z.object({ GREETER_WORD: text(), GREETER_TIMES: integer({ min: 1, max: 3 }) }) })
  .start(async ({ settings: { GREETER_WORD, GREETER_TIMES } }) => {
    // As a daemon refuses its settings: PM2 does not start it again.
    if (GREETER_WORD === 'mute') throw new PolybError('failed_precondition', 'no voice', { reason: 'bad_settings' });
    if (GREETER_WORD === 'shy') await new Promise(() => process.once('SIGTERM', () => process.exit(1)));
    return { greeter: { greet: async () => ({ said: GREETER_WORD.repeat(GREETER_TIMES) }) } };
  });
`;
const runFile = async () => JSON.parse(await readFile(join(here.dir, '.polyb', 'run.json'), 'utf8')) as Record<string, string>;
const pm2 = (...words: readonly string[]) => ended(here.start('node_modules/pm2/bin/pm2', ...words));
async function apps(): Promise<readonly StatusRow[]> {
  return (JSON.parse((await here.polyb('status', '-o', 'json')).stdout) as { apps: readonly StatusRow[] }).apps;
}
const pidsOf = (rows: readonly StatusRow[]) => Object.fromEntries(rows.map(({ app, pids }) => [app, pids]));

test(
  'the demo brings up the servers and every service from nothing, at another port when one is taken meanwhile, runs a lead through them and draws it, calls a SIP phone that is heard and hears, and leaves them up',
  async () => {
    const demo = ended(here.start('scripts/demo.ts'));
    // Between the choice of its port and the start of the server, which takes longer, another system takes the port.
    const { POLYB_NATS_PORT: taken } = await Promise.race([
      until(() => runFile().catch(() => null), patienceMs),
      demo.then(({ stderr }) => Promise.reject(new Error(stderr))),
    ]);
    const greeting = { server_name: 'polyb-other', version: '2.9.10', headers: true, max_payload: 1_048_576 };
    const other = createServer((socket) => socket.on('error', () => {}).write(`INFO ${JSON.stringify(greeting)}\r\n`));
    await once(other.listen(Number(taken), '127.0.0.1'), 'listening');
    const { status, stdout, stderr } = await demo;
    other.close();
    expect((await runFile()).POLYB_NATS_PORT).not.toBe(taken);
    expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.stringMatching(/✓ crm-connector +\d+ methods +ready in/) });
    expect(stderr).toMatch(/✓ logged +crm\.log_call/);
    expect(stdout).toMatch(/pipelines\.lead_to_call .*✓ ok/);
    expect(stdout).toMatch(/INVITE SDP \(1\)[\s\S]*200 OK SDP \(1 INVITE\)[\s\S]*BYE \(2\)[\s\S]*200 OK \(2 BYE\)/);
    expect(stdout).toMatch(
      /\n {9}[1-9]\d* frames from the phone .*\nheard +[\d.]+ s: left \(the phone\) -\d.* dB, right \(this system\) -\d.* dB/,
    );
    const [found, rows, doctor] = await Promise.all([
      here.polyb('call', 'crm.find_contact', 'phoneNumber=+79995553322', '--pick', 'contacts'),
      apps(),
      here.polyb('doctor', '-o', 'json'),
    ]);
    expect(found).toMatchObject({ status: 0, stdout: '[]\n' });
    expect(rows.filter(({ ready, pm2 }) => !ready || pm2 !== 'online')).toEqual([]);
    expect(JSON.parse(doctor.stdout).findings.filter(({ state }: { state: string }) => state === 'fail')).toEqual([]);
    for (const file of ['run.json', 'secret.key']) expect((await stat(join(here.dir, '.polyb', file))).mode & 0o077).toBe(0);
  },
  patienceMs,
);

test(
  'Redis asks for its password, and when it is killed the gateway goes on and it comes back at its address',
  async () => {
    const { REDIS_URL = '', GATEWAY_PORT = '' } = await runFile();
    const redis = async () => (await apps()).find(({ app }) => app === 'polyb-redis');
    expect((await redis())?.restarts).toBe(0);
    await expect(redisVersion(REDIS_URL.replace(/:[^/@]*@/, ''))).rejects.toThrow();
    expect(await redisVersion(REDIS_URL)).toMatch(/^\d/);
    expect((await stat(join(here.dir, '.polyb', 'redis', 'redis.conf'))).mode & 0o077).toBe(0);
    const made = await here.polyb('keys', 'create', '--client', 'test', '--scope', 'admin', '-o', 'json');
    const { key } = JSON.parse(made.stdout) as { key: string };
    const ask = () => fetch(`http://127.0.0.1:${GATEWAY_PORT}/api/v1/journal`, { headers: { 'x-api-key': key } });
    const [pid] = processesIn(join(here.dir, '.polyb', 'redis'));
    process.kill(Number(pid), 'SIGKILL');
    expect((await ask()).status).toBe(200);
    await until(async () => (await redisVersion(REDIS_URL).catch(() => null)) ?? null, patienceMs / 2);
    expect(await redis()).toMatchObject({ ready: true, pm2: 'online', restarts: 1 });
    expect((await ask()).status).toBe(200);
  },
  patienceMs,
);

test.each(['README.md', 'docs/tutorial.md', 'examples/06-call-over-http/README.md'])(
  'every command of %s works as it is written there, and prints what is shown',
  async (page) => {
    const steps = await stepsOf(page);
    expect(steps.length).toBeGreaterThan(3);
    const { GATEWAY_PORT = '' } = await runFile();
    await using shell = here.shell();
    await shell('export PATH="$PWD/bin:$PATH"');
    expect(await follow(steps, { dir: here.dir, shell, gatewayPort: GATEWAY_PORT })).toEqual([]);
  },
  patienceMs,
);

test.each([
  ['README.ru.md', 'README.md'],
  ['docs/tutorial.ru.md', 'docs/tutorial.md'],
])('%s has the commands and files of %s, which are run', async (russian, english) => {
  expect(await stepsOf(russian)).toEqual(await stepsOf(english));
});

test(
  'without a password only what no role is asked for may be called, and services are discovered',
  async () => {
    const { NATS_URL = '' } = await runFile();
    const transport = await connectNats({
      servers: NATS_URL,
      name: 'guest',
      inboxUser: 'guest',
      log: quiet,
      signal: AbortSignal.timeout(5_000),
    });
    const guest = createBus({ transport, name: 'guest', log: quiet });
    const [read, ping] = await Promise.all([
      guest.call(crm.find_contact, { phoneNumber: '+79990000000' }),
      guest.gather('$SRV.PING', {}, { waitMs: 300 }),
    ]);
    await guest.close();
    expect(read).toEqual({ contacts: [], isAmbiguous: false });
    expect(ping).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'crm' })]));
  },
  patienceMs,
);

test(
  'every setting that a new service lacks and every wrong one is named at once, exit 78; nothing is touched, and a second up meanwhile is refused',
  async () => {
    const before = pidsOf(await apps());
    await mkdir(join(here.dir, 'services', 'greeter'));
    await writeFile(join(here.dir, 'services', 'greeter', 'service.ts'), greeterSource);
    await writeFile(
      join(here.dir, '.env'),
      'TELEPHONY_KIND=voip\nJOURNAL_KEEP_DAYS=many\nGREETER_WROD=hi\nGREETER_TIMES=many\nUNKNOWN_X=1\n',
    );
    const first = ended(here.start('scripts/polyb.js', 'up'));
    const lock = join(here.dir, '.polyb', 'lock');
    const holder = Number.parseInt(await until(() => readFile(lock, 'utf8').catch(() => null), patienceMs / 4), 10);
    process.kill(holder, 'SIGSTOP'); // so that it is at work for as long as the second takes to begin
    expect(await here.polyb('up')).toMatchObject({ status: 1, stderr: expect.stringContaining('polyb up is running in this checkout') });
    process.kill(holder, 'SIGCONT');
    const { status, stderr } = await first;
    expect(status).toBe(78);
    for (const said of [
      'GREETER_WORD: missing',
      'GREETER_TIMES: expected a whole number',
      'TELEPHONY_KIND: expected',
      'JOURNAL_KEEP_DAYS: expected',
    ])
      expect(stderr).toContain(said);
    expect(stderr).toContain('GREETER_WROD in .env is not a setting; did you mean GREETER_WORD?');
    expect(pidsOf(await apps())).toMatchObject(before);
  },
  patienceMs,
);

test(
  'the next up starts what is missing and lets it onto the running bus, and restarts nothing',
  async () => {
    const before = pidsOf((await apps()).filter(({ app }) => app !== 'greeter'));
    await writeFile(join(here.dir, '.env'), 'GREETER_WORD=hi\nGREETER_TIMES=2\n');
    expect((await here.polyb('up')).status).toBe(0);
    const [greeted, after] = await Promise.all([here.polyb('call', 'greeter.greet', '--pick', 'said'), apps()]);
    expect(greeted).toMatchObject({ status: 0, stdout: 'hihi\n' });
    expect(pidsOf(after)).toMatchObject(before);
  },
  patienceMs,
);

test(
  'no call fails while a service is restarted under load',
  async () => {
    const before = pidsOf(await apps())['crm-connector'];
    const { NATS_URL = '' } = await runFile();
    const transport = await connectNats({
      servers: NATS_URL,
      name: 'load',
      inboxUser: 'guest',
      log: quiet,
      signal: AbortSignal.timeout(5_000),
    });
    const bus = createBus({ transport, name: 'guest', log: quiet, noRespondersMs: 0 });
    const failures: unknown[] = [];
    let calls = 0;
    let loading = true;
    const caller = async (call: () => Promise<unknown>) => {
      for (; loading; calls++) await call().catch((error) => failures.push(isPolybError(error) ? `${error.code} ${error.reason}` : error));
    };
    const phoneNumber = '+79995553322';
    const find = () => bus.call(crm.find_contact, { phoneNumber }, { retry: false });
    const push = () => bus.call(crm.push_to_crm, { firstName: 'Иван', phoneNumber }, { key: randomUUID(), retry: false });
    const callers = Promise.all([find, find, push, push].map(caller));
    const { status } = await here.polyb('restart', 'crm-connector');
    loading = false;
    await callers;
    await bus.close();
    const after = pidsOf(await apps())['crm-connector'];
    expect({ status, failures }).toEqual({ status: 0, failures: [] });
    expect(calls).toBeGreaterThan(100);
    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);
  },
  patienceMs,
);

test(
  'a successor that cannot start does not take the place of the one that runs',
  async () => {
    await writeFile(join(here.dir, '.env'), 'LOG_LEVEL=loud\nGREETER_WORD=hi\nGREETER_TIMES=many\n');
    expect(await here.polyb('restart', 'greeter')).toMatchObject({
      status: 78,
      stderr: expect.stringMatching(/LOG_LEVEL[\s\S]*GREETER_TIMES/),
    });
    await writeFile(join(here.dir, '.env'), 'GREETER_WORD=mute\nGREETER_TIMES=2\n');
    const { status, stderr } = await here.polyb('restart', 'greeter');
    const greeted = await here.polyb('call', 'greeter.greet', '--pick', 'said');
    expect(status).toBe(9);
    expect(stderr).toMatch(/the old one continues[\s\S]*no voice/);
    expect(greeted).toMatchObject({ status: 0, stdout: 'hihi\n' });
  },
  patienceMs,
);

test(
  'a restart that is stopped before its successor is ready leaves the one that runs, and nothing else',
  async () => {
    await writeFile(join(here.dir, '.env'), 'GREETER_WORD=shy\nGREETER_TIMES=2\n');
    const pids = async () => pidsOf(await apps()).greeter ?? [];
    const before = await pids();
    const restart = here.start('scripts/polyb.js', 'restart', 'greeter');
    const over = ended(restart);
    await until(async () => (await pids()).length === 2, patienceMs / 2);
    restart.kill('SIGINT');
    expect((await over).status).toBe(130);
    expect(await pids()).toEqual(before);
  },
  patienceMs,
);

test(
  'another checkout reaches no system but its own, and under the same PM2 it is refused and disturbs nothing',
  async () => {
    await using other = await checkout({ pm2Home: here.env.PM2_HOME ?? '' });
    const before = pidsOf(await apps());
    const call = () => other.polyb('call', 'crm.find_contact', 'phoneNumber=+79995553322');
    expect(await call()).toMatchObject({ status: 6, stderr: expect.stringContaining('no system is up here') });
    const run = { ...(await runFile()), POLYB_SYSTEM_ID: 'polyb-0' };
    await mkdir(join(other.dir, '.polyb'), { recursive: true });
    await writeFile(join(other.dir, '.polyb', 'run.json'), JSON.stringify(run));
    const refused = { status: 6, stderr: expect.stringContaining('belongs to another system') };
    expect(await Promise.all([call(), other.polyb('listen', 'crm.lead_created')])).toMatchObject([refused, refused]);
    await rm(join(other.dir, '.polyb', 'run.json'));
    const { status, stderr } = await other.polyb('up');
    await other.polyb('down');
    expect(status).toBe(1);
    expect(stderr).toContain(here.dir);
    expect(pidsOf(await apps())).toEqual(before);
  },
  patienceMs,
);

test(
  'down ends every process of this checkout, leaves the programs of others and the data, and --wipe removes the data',
  async () => {
    await writeFile(join(here.dir, 'home', 'other.cjs'), 'setInterval(() => {}, 1000)');
    await pm2('start', join(here.dir, 'home', 'other.cjs'), '--name', 'other');
    const first = await here.polyb('down');
    expect(JSON.parse(first.stdout)).toMatchObject({ pm2Ended: false });
    const left = JSON.parse((await pm2('jlist', '--silent')).stdout) as { name: string; pid: number }[];
    expect(left.map(({ name }) => name)).toEqual(['other']);
    expect(await stat(join(here.dir, '.polyb', 'postgres', 'data', 'PG_VERSION'))).toBeDefined();
    const [doctor, away] = await Promise.all([here.polyb('doctor'), here.polyb('status'), pm2('delete', 'other')]);
    expect(away).toMatchObject({ status: 6, stdout: expect.stringContaining('"bus": null') });
    expect(doctor).toMatchObject({ status: 9, stdout: expect.stringMatching(/"check": "(bus|service)",\s+"state": "fail"/) });
    const second = await here.polyb('down', '--wipe', '--yes');
    expect(JSON.parse(second.stdout)).toMatchObject({ pm2Ended: true });
    expect(processesIn(here.dir)).toEqual([]);
    await expect(stat(join(here.dir, '.polyb'))).rejects.toMatchObject({ code: 'ENOENT' });
  },
  patienceMs,
);

/** Processes whose working directory is there. */
function processesIn(dir: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`).startsWith(dir);
    } catch {
      // It ended meanwhile, or is not ours to look at.
      return false;
    }
  });
}
