import { spawn, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectNats } from '../bus/transports/nats.ts';
import { loadServices } from '../runtime/services.ts';
import { type RunningServer, startNats } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import { ended, type Said } from '../test/kit/checkout.ts';
import { type World, world } from '../test/kit/world.ts';

const folders = ['crm-connector', 'call-orchestrator', 'telephony-gateway', 'pipelines'];
const simulated = { TELEPHONY_SIM_RING_MS: '20', TELEPHONY_SIM_TALK_MS: '30' };
const examples = [
  '01-write-a-service',
  '02-call-from-typescript',
  '03-call-from-plain-nats',
  '04-write-a-pipeline',
  '05-write-an-adapter',
] as const;
let nats: RunningServer;
let system: World;
let runs: Readonly<Record<string, Promise<Said>>>;

beforeAll(async () => {
  nats = await startNats({ dir: temporaryDir(), temporary: true });
  system = await world((user) => connectNats({ servers: nats.url, name: user, inboxUser: user, timeoutMs: 10_000 }));
  const services = await loadServices(folders);
  await Promise.all(services.map(({ folder, service }) => system.start(folder, service, simulated)));
  // At once: most of their time is waiting.
  runs = Object.fromEntries(examples.map((example) => [example, run(example)]));
});
afterAll(async () => {
  await system?.stop();
  await nats?.stop();
});

async function run(example: string): Promise<Said> {
  const env = { PATH: process.env.PATH, NATS_URL: nats.url, DATABASE_URL: system.databaseUrl, TELEPHONY_KIND: 'simulator' };
  const program = join(import.meta.dirname, example, 'run.ts');
  return await ended(spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
}
/** Ids of the CRM, and keys. */
const masked = (printed: string) => printed.replace(/\b\p{L}+_[0-9a-z]{16,}\b|[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{17,32}\b/gu, '<id>');

test.each(examples)('%s prints what its README says', async (example) => {
  const read = (name: string) => readFile(join(import.meta.dirname, example, name), 'utf8');
  const [said, expected, readme] = await Promise.all([runs[example], read('expected.txt'), read('README.md')]);
  expect({ ...said, stdout: masked(said?.stdout ?? '') }).toEqual({ status: 0, stdout: expected, stderr: '' });
  expect(readme).toContain(`\`\`\`text\n${expected}\`\`\``);
  expect(readme).toContain(`\nnpx node examples/${example}/run.ts\n`);
});

test('`npx node` is the Node that the examples need, whichever one is on the PATH', async () => {
  const PATH = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((dir) => !dir.includes('node_modules'))
    .join(delimiter);
  const root = join(import.meta.dirname, '..');
  const { stdout } = await ended(spawn('npx', ['node', '--version'], { cwd: root, env: { PATH }, stdio: ['ignore', 'pipe', 'pipe'] }));
  expect(Number.parseInt(stdout.slice(1), 10)).toBeGreaterThanOrEqual(24);
});

const python = spawnSync('python3', ['--version']).status === 0 ? test : test.skip;
python('the Python of example 03 prints what its README says', async () => {
  const program = join(import.meta.dirname, '03-call-from-plain-nats', 'call.py');
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, NATS_URL: nats.url };
  const said = await ended(spawn('python3', [program], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
  const readme = await readFile(join(import.meta.dirname, '03-call-from-plain-nats', 'README.md'), 'utf8');
  expect(said).toMatchObject({ status: 0, stderr: '' });
  expect(readme).toContain(`call.py\n\`\`\`\n\n\`\`\`text\n${said.stdout}\`\`\``);
});
