import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { changesIn, takeOver } from './dev.ts';

let at: string;
let stop: AbortController;
beforeEach(async () => {
  at = await mkdtemp(join(tmpdir(), 'polyb-dev-'));
  await mkdir(join(at, 'services', 'greeter'), { recursive: true });
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await rm(at, { recursive: true });
});
const write = (...names: readonly string[]) => Promise.all(names.map((name) => writeFile(join(at, 'services', name), '')));

test('what is saved in one burst comes together, without tests and notes', async () => {
  const changes = changesIn([join(at, 'services'), join(at, 'missing')], stop.signal);
  const first = changes.next();
  await write('greeter/service.ts', 'greeter/service.test.ts', 'notes.md', 'greeter/greet.ts');
  expect((await first).value?.toSorted()).toEqual(['greeter/greet.ts', 'greeter/service.ts']);
  const second = changes.next();
  await write('greeter/greet.ts');
  expect((await second).value).toEqual(['greeter/greet.ts']);
});

test('the signal ends the watch while nothing changes', async () => {
  const changes = changesIn([join(at, 'services')], stop.signal);
  const next = changes.next();
  stop.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});

test('contracts are built, missing services started, and changed ones restarted; a failure ends the round', async () => {
  const said: string[] = [];
  const round = async (failing?: string) => {
    const ran: string[] = [];
    await takeOver(
      async (...words) => {
        ran.push(words.join(' '));
        return words[0] === failing ? 1 : 0;
      },
      (text) => said.push(text),
    );
    return ran;
  };
  expect(await round()).toEqual(['docs build', 'up --quiet', 'restart --changed']);
  expect(said).toEqual([]);
  expect(await round('up')).toEqual(['docs build', 'up --quiet']);
  expect(said).toEqual(['polyb up failed; running services continue, and the next change retries it']);
});
