import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import type { FindSetting } from '../../../config/env.ts';
import { natsInfo } from '../../../runtime/own-server.ts';
import { serverMissing } from '../../infra/find-program.ts';
import { freePort } from '../../infra/ready.ts';
import { ownerAt } from './server-owner.ts';
import { chooseRedis } from './servers.ts';

const install = { debian: 'apt-get install redis-server', macos: '', windows: '' };
function setup(given: { readonly url?: string; readonly from?: string; readonly oneProcess?: boolean; readonly fails?: unknown } = {}) {
  const { url, from = '.polyb/run.json', oneProcess = false, fails } = given;
  const sought: string[] = [];
  const find: FindSetting = (...names) => (url !== undefined && names.includes('REDIS_URL') ? { value: url, from } : undefined);
  const before: Record<string, string> = url === undefined ? {} : { REDIS_URL: url, POLYB_REDIS_PORT: new URL(url).port };
  const seekRedis = async () => {
    sought.push('redis-server');
    if (fails !== undefined) throw fails;
    return { bin: '/usr/bin/redis-server', env: {}, origin: 'folder' as const };
  };
  const { signal } = new AbortController();
  return { sought, choose: () => chooseRedis({ find, before, apps: [], oneProcess, signal, seekRedis }) };
}

test('a Redis of our own asks for a password, and the next up keeps it for services that run', async () => {
  const chosen = await setup().choose();
  if ('missing' in chosen) throw new Error('none was chosen');
  const { password, hostname } = new URL(chosen.url);
  expect({ hostname, isUp: chosen.isUp }).toEqual({ hostname: '127.0.0.1', isUp: false });
  expect(password.length).toBeGreaterThan(30);
  const again = await setup({ url: chosen.url }).choose();
  expect(again).toMatchObject({ url: expect.stringContaining(`:${password}@127.0.0.1`) });
});

test('a Redis that somebody names is used as it is, also by one process', async () => {
  for (const oneProcess of [false, true]) {
    const { choose, sought } = setup({ url: 'rediss://cache.example:6380', from: '.env', oneProcess });
    expect(await choose()).toEqual({ url: 'rediss://cache.example:6380', port: undefined, isUp: true });
    expect(sought).toEqual([]);
  }
});

test('one process needs none, although an earlier up had chosen one', async () => {
  const { choose, sought } = setup({ url: 'redis://:x@127.0.0.1:6379', oneProcess: true });
  expect(await choose()).toEqual({ missing: null });
  expect(sought).toEqual([]);
});

test('a machine on which it can be neither found nor unpacked goes without, and is told what to type', async () => {
  const fails = serverMissing('redis-server', install, 'REDIS_URL');
  expect(await setup({ fails }).choose()).toEqual({ missing: expect.stringContaining('Install it: ') });
  expect(await setup({ fails: new DOMException('took too long', 'TimeoutError') }).choose()).toEqual({
    missing: 'redis-server could not be unpacked within its time limit.',
  });
  await expect(setup({ fails: new TypeError('a fault of ours') }).choose()).rejects.toThrow('a fault of ours');
});

test('a server is our own by its name, its data and its password, and not because it answers', async () => {
  const { NATS_URL = '', DATABASE_URL = '' } = process.env;
  await using redis = await answering('-ERR AUTH <password> called without any password configured\r\n');
  await using loading = await answering('-LOADING Redis is loading the dataset in memory\r\n');
  const wrong = Object.assign(new URL(DATABASE_URL), { password: 'wrong' }).href;
  expect(await ownerAt.nats({ NATS_URL, POLYB_SYSTEM_ID: 'polyb-0' })).toBe('other');
  expect(await ownerAt.nats({ NATS_URL, POLYB_SYSTEM_ID: (await natsInfo(NATS_URL))?.serverName ?? '' })).toBe('own');
  expect([await ownerAt.postgres({ DATABASE_URL }), await ownerAt.postgres({ DATABASE_URL: wrong })]).toEqual(['other', 'other']);
  expect(await ownerAt.redis({ REDIS_URL: `redis://:a@127.0.0.1:${redis.port}` })).toBe('other');
  expect(await ownerAt.redis({ REDIS_URL: `redis://:a@127.0.0.1:${loading.port}` })).toBe('silent');
  const free = await freePort();
  expect(await ownerAt.nats({ NATS_URL: `nats://127.0.0.1:${free}` })).toBe('silent');
  expect(await ownerAt.postgres({ DATABASE_URL: `postgres://postgres:a@127.0.0.1:${free}/polyb` })).toBe('silent');
});

/** Says one line to each request, as Redis does. */
async function answering(line: string) {
  const server = createServer((socket) => void socket.on('data', () => socket.end(line))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: async () => void (await new Promise((done) => server.close(done))) };
}

test.each(['INFO {"version":\r\n', 'INFO {"version":2}\r\n', 'HTTP/1.1 400 Bad Request\r\n'])(
  'what greets with %j is no nats-server',
  async (greeting) => {
    const server = createServer((socket) => void socket.end(greeting)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await natsInfo(`nats://127.0.0.1:${port}`)).toBeUndefined();
    await new Promise((resolve) => server.close(resolve));
  },
);
