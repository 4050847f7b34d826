import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ended } from '../test/kit/checkout.ts';
import { testDatabase } from '../test/kit/database.ts';
import { temporaryDir } from './infra/temporary.ts';

const root = join(import.meta.dirname, '..');
const sources = [
  'adapters',
  'bus',
  'config',
  'contracts',
  'media',
  'runtime',
  'scripts',
  'package.json',
  'tsconfig.json',
  'README.md',
  'LICENSE',
];
const patienceMs = 180_000;

const program = `
import { connect, isPolybError, serve } from 'polyb';
import { contract, event, method } from 'polyb/contract';
import { crm } from 'polyb/contracts/crm';
import { on, service } from 'polyb/service';
import { z } from 'zod';

const tables = contract('tables', '1.0.0', {
  free: method({ summary: 'Count free tables.', input: z.strictObject({ seats: z.int() }), output: z.object({ count: z.int() }), idempotency: 'read' }),
  book: method({ summary: 'Book a table.', input: z.strictObject({ seats: z.int() }), output: z.object({ table: z.int() }), idempotency: 'keyed' }),
  booked: event({ summary: 'A table was booked.', payload: z.object({ table: z.string().max(9), seats: z.int() }), key: 'table' }),
});
const heard = Promise.withResolvers<{ table: string; seats: number }>();
const host = service({ serves: { tables }, settings: z.object({}) }).start(async () => ({
  tables: {
    free: async ({ seats }) => ({ count: 12 - seats }),
    book: async ({ seats }, { commit }) =>
      commit(async (tx) => {
        tx.emit(tables.booked, { table: '7', seats });
        return { table: 7 };
      }),
  },
  on: [on(tables.booked, async (payload) => heard.resolve(payload))],
}));

await using _serving = await serve('host', host);
await using client = await connect();
const free = await client.bus.call(tables.free, { seats: 4 });
const booked: { table: number } = await client.bus.call(tables.book, { seats: 4 }, { key: 'visit-1' });
// @ts-expect-error a keyed method is not called without a key
const keyless = () => client.bus.call(tables.book, { seats: 4 });
const away = await client.bus.call(crm.find_contact, { phoneNumber: '+79995553322' }, { retry: false }).catch((error: unknown) => {
  if (!isPolybError(error)) throw error;
  return error.code;
});
console.log(JSON.stringify({ free, booked, event: await heard.promise, away, keyless: typeof keyless }));
`;

test(
  'a strict project with nothing but the package and what it depends on compiles, calls, serves and consumes an event',
  async () => {
    // npm puts another manifest into the folder while it packs, so it packs a copy.
    const copy = temporaryDir();
    const project = temporaryDir();
    await Promise.all(sources.map((part) => cp(join(root, part), join(copy, part), { recursive: true })));
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
    const run = (cwd: string, ...words: readonly string[]) =>
      ended(spawn(process.execPath, words, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] }));
    const database = await testDatabase();
    const env = {
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      HOME: project,
      NATS_URL: process.env.NATS_URL,
      DATABASE_URL: database.url,
      POLYB_SUBJECT_PREFIX: `pack-${randomUUID()}`,
    };
    const packed = await ended(
      spawn('npm', ['pack', '--pack-destination', project], { cwd: copy, env, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    expect(packed).toMatchObject({ status: 0, stdout: expect.stringMatching(/polyb-[\d.]+\.tgz\n$/) });
    expect(await readFile(join(copy, 'package.json'), 'utf8')).toBe(await readFile(join(root, 'package.json'), 'utf8'));

    const modules = join(project, 'node_modules');
    await mkdir(join(modules, 'polyb'), { recursive: true });
    const [tarball = ''] = (await readdir(project)).filter((name) => name.endsWith('.tgz'));
    await ended(spawn('tar', ['xzf', join(project, tarball), '-C', join(modules, 'polyb'), '--strip-components=1']));
    const manifest = JSON.parse(await readFile(join(modules, 'polyb', 'package.json'), 'utf8')) as Record<string, Record<string, string>>;
    expect(Object.keys(manifest)).toEqual(expect.not.arrayContaining(['private', 'scripts', 'optionalDependencies']));
    for (const name of [...Object.keys(manifest.dependencies ?? {}), '@types/node']) {
      await mkdir(dirname(join(modules, name)), { recursive: true });
      await symlink(join(root, 'node_modules', name), join(modules, name));
    }
    const compilerOptions = {
      target: 'es2025',
      lib: ['es2025', 'esnext.disposable'],
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
    };
    await writeFile(join(project, 'package.json'), '{ "type": "module" }');
    await writeFile(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...compilerOptions, types: ['node'] }, files: ['main.ts'] }),
    );
    await writeFile(join(project, 'main.ts'), program);
    expect(await run(project, join(root, 'node_modules', 'typescript', 'bin', 'tsc'))).toEqual({ status: 0, stdout: '', stderr: '' });
    const { status, stdout, stderr } = await run(project, 'main.js');
    await database.drop();
    expect({ status, said: stdout.trim().split('\n').at(-1), stderr }).toEqual({
      status: 0,
      stderr: '',
      said: JSON.stringify({
        free: { count: 8 },
        booked: { table: 7 },
        event: { table: '7', seats: 4 },
        away: 'unavailable',
        keyless: 'function',
      }),
    });
  },
  patienceMs,
);
