import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Checkout, checkout, ended } from '../../../test/kit/checkout.ts';
import type { App } from './pm2.ts';

// Under PM2 alone, without the servers of a system.
let here: Checkout;
beforeAll(async () => {
  here = await checkout();
  const crashes = 'process.exit(1);';
  const folders = {
    crashing: crashes,
    failing: crashes,
    staying: 'console.log(1); await new Promise(() => setInterval(() => {}, 1_000));',
  };
  for (const [folder, source] of Object.entries(folders)) {
    await mkdir(join(here.dir, 'services', folder));
    await writeFile(join(here.dir, 'services', folder, 'service.ts'), source);
  }
  await mkdir(join(here.dir, '.polyb'), { recursive: true });
  await writeFile(join(here.dir, '.polyb', 'run.json'), JSON.stringify({ POLYB_KILL_MS_STAYING: '30000' }));
});
afterAll(async () => await here[Symbol.asyncDispose]());

/** Runs a program in the checkout that has the functions of pm2.ts and `until`, and returns what it returns. */
async function run(program: string): Promise<unknown> {
  const pm2 = pathToFileURL(join(here.dir, 'scripts/cli/system/pm2.ts')).href;
  const text = `import { addInstance, listApps, removeApps, startApps, surplus } from '${pm2}';
    setTimeout(() => process.exit(9), 100_000).unref(); // the test has given up by then
    const until = async (look) => { while (!(await look())) await new Promise((resolve) => setTimeout(resolve, 10)); };
    process.stdout.write(JSON.stringify(await (async () => {${program}})()));`;
  const { status, stdout, stderr } = await ended(here.start('--input-type=module-typescript', '--eval', text));
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return JSON.parse(stdout);
}

test('an app that is removed while it crashes and is started again does not come back', async () => {
  const left = await run(`
    const crashed = (app, times) => until(async () => (await listApps()).some(({ name, restarts, status }) =>
      name === app && restarts >= times && status !== 'waiting restart'));
    await startApps(['crashing']);
    await crashed('crashing', 5);
    await removeApps(await listApps());
    await startApps(['failing', 'staying']);
    await crashed('failing', 6); // by then the first would have been started again
    await removeApps((await listApps()).filter(({ name }) => name === 'failing'));
    return await listApps();`);
  expect((left as readonly App[]).map(({ name }) => name)).toEqual(['staying']);
});

test('of two instances the younger is one too many, until the older is not well; one that still stops is left to end', async () => {
  const told = await run(`
    const [old] = await listApps();
    const { id } = await addInstance(old, 34_000);
    const both = await listApps();
    const crashed = both.map((app) => (app.id === old.id ? { ...app, status: 'waiting restart' } : app));
    const stopping = both.map((app) => (app.id === old.id ? { ...app, status: 'stopping' } : app));
    await removeApps(surplus(both));
    const left = await listApps();
    await removeApps(left);
    return [old.id, id, ...[surplus(both), surplus(crashed), surplus(stopping), left].map((apps) => apps.map(({ id }) => id)),
      both.map(({ killMs }) => killMs)];`);
  const [old, added, ...lists] = told as [number, number];
  expect(added).not.toBe(old);
  // Each has the time to stop with which it was started.
  expect(lists).toEqual([[added], [old], [], [old], [30_000, 34_000]]);
});

test('a service that is stopped while it starts ends by itself', async () => {
  const serving = here.start('runtime/serve.ts', 'staying');
  const end = ended(serving);
  await once(serving.stdout as Readable, 'data'); // its module is being loaded
  serving.kill('SIGTERM');
  expect(await end).toMatchObject({ status: 0 });
});
