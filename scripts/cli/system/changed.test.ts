import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { service } from '../../../bus/service.ts';
import { contract, method } from '../../../contracts/kit/define.ts';
import { readSources } from './changed.ts';
import type { App } from './pm2.ts';

const greetings = contract('greetings', '1.0.0', {
  greet: method({ summary: 'x', input: z.strictObject({}), output: z.object({}), idempotency: 'read' }),
});
const start = (make: Partial<Parameters<typeof service>[0]>) =>
  service({ serves: {}, settings: z.object({}), ...make }).start(async () => ({}) as never);
const expected = (folder: string, make: Partial<Parameters<typeof service>[0]>) => ({
  folder,
  service: start(make),
  contracts: [],
  methods: 0,
  vendors: [],
});
// The router reads the contracts' folder: only its `uses` says which of them it runs with.
const services = [expected('greeter', { serves: { greetings } }), expected('router', { uses: [greetings.greet] }), expected('clock', {})];
const startedAt = Date.UTC(2026, 0, 1);
const apps = services.map(({ folder }, id) => ({ name: folder, id, pid: 1, startedAt }) as App);
const files = {
  'runtime/serve.ts': "import { host } from './host.ts';",
  // A path that is no import: the project's folder changes whenever a file is made in it.
  'runtime/host.ts': "export const root = join(import.meta.dirname, '..');",
  'contracts/greetings.ts': "export const greetings = contract('greetings', '1.0.0', {});",
  'services/greeter/service.ts': "import {\n  words,\n} from './words.ts';\nimport type { T } from './types.ts';",
  'services/greeter/words.ts': "export const late = () => import('../../adapters/voice.ts');",
  'services/greeter/types.ts': '',
  'adapters/voice.ts': '',
  'services/router/service.ts': '',
  'services/clock/service.ts': '',
};
let at: string;

beforeAll(async () => {
  at = await mkdtemp(join(tmpdir(), 'polyb-changed-'));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(at, path)), { recursive: true });
    await writeFile(join(at, path), text);
    await touch(path, startedAt - 1_000);
  }
});
afterAll(() => rm(at, { recursive: true }));
const touch = (path: string, ms: number) => utimes(join(at, path), ms / 1_000, ms / 1_000);

test.each([
  ['services/greeter/service.ts', ['greeter']],
  ['services/greeter/words.ts', ['greeter']],
  ['adapters/voice.ts', ['greeter']],
  ['services/greeter/types.ts', []],
  ['contracts/greetings.ts', ['greeter', 'router']],
  ['runtime/host.ts', ['greeter', 'router', 'clock']],
])('an edit of %s after the start concerns %j', async (path, concerned) => {
  await touch(path, startedAt + 1_000);
  expect(await readSources(at).changed(services, apps)).toEqual(concerned);
  await touch(path, startedAt - 1_000);
  expect(await readSources(at).changed(services, apps)).toEqual([]);
});

test('what does not run has not changed', async () => {
  await touch('runtime/host.ts', startedAt + 1_000);
  const stopped = apps.map((app) => ({ ...app, pid: 0 }));
  expect(await readSources(at).changed(services, stopped)).toEqual([]);
});
