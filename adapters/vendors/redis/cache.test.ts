import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePort } from '../../../scripts/infra/ready.ts';
import { type RunningServer, startRedis } from '../../../scripts/infra/start.ts';
import { temporaryDir } from '../../../scripts/infra/temporary.ts';
import { until } from '../../../test/kit/until.ts';
import { cacheConformance } from '../../cache/conformance.ts';
import type { OpenCache } from '../../cache/port.ts';
import type { Log } from '../../deps.ts';
import { redisCache, redisVersion } from './cache.ts';

const away = 'Redis is unavailable: this process counts on its own until it is back';
let redis: RunningServer;
beforeAll(async () => {
  redis = await startRedis({ dir: temporaryDir(), temporary: true });
});
afterAll(() => redis?.stop());

async function setup(url = redis.url): Promise<{ readonly said: string[]; readonly facts: object[]; readonly cache: OpenCache }> {
  const said: string[] = [];
  const facts: object[] = [];
  const tell = (fact: object, message: string) => {
    said.push(message);
    facts.push(fact);
  };
  const log: Log = { debug() {}, info: tell, warn: tell, error() {} };
  return { said, facts, cache: await redisCache({ url }, { now: Date.now, log }) };
}
const rare = (limit: number) => ({ limit, windowMs: 600_000 });

cacheConformance('redis', async () => (await setup()).cache);

test('two processes share a bucket, from their first take on', async () => {
  const [{ cache: one }, { cache: other }] = [await setup(), await setup()];
  expect(await one.take('shared', rare(2))).toMatchObject({ isAllowed: true });
  expect(await other.take('shared', rare(2))).toMatchObject({ isAllowed: true, remaining: 0 });
  expect(await one.take('shared', rare(2))).toMatchObject({ isAllowed: false });
  expect(one.state()).toBe('shared');
  await Promise.all([one.close(), other.close()]);
});

test('without its server it counts alone, says so once, and remembers nothing', async () => {
  const { cache, said } = await setup(`redis://127.0.0.1:${await freePort()}`);
  expect(await cache.take('a', rare(1))).toMatchObject({ isAllowed: true });
  expect(await cache.take('a', rare(1))).toMatchObject({ isAllowed: false });
  await cache.set('b', 'x', 1_000);
  expect(await cache.get('b')).toBeNull();
  expect(said).toEqual([away]);
  expect(cache.state()).toBe('away');
  await cache.close();
});

test('a killed Redis opens no bucket that this process emptied, and one that comes back is used again', async () => {
  const port = await freePort();
  const first = await startRedis({ dir: temporaryDir(), temporary: true, port, password: 'sesame' });
  const { cache, said } = await setup(first.url);
  for (let each = 0; each < 3; each += 1) expect(await cache.take('a', rare(3))).toMatchObject({ isAllowed: true });
  process.kill(first.pid, 'SIGKILL');
  await first.stop();
  const began = performance.now();
  expect(await cache.take('a', rare(3))).toMatchObject({ isAllowed: false });
  expect(await cache.take('b', rare(3))).toMatchObject({ isAllowed: true, remaining: 2 });
  expect(performance.now() - began).toBeLessThan(2_000);
  const second = await startRedis({ dir: temporaryDir(), temporary: true, port, password: 'sesame' });
  await until(() => cache.state() === 'shared');
  // It does not know takes that were counted without it.
  expect(await cache.take('b', rare(3))).toMatchObject({ isAllowed: true, remaining: 2 });
  expect(said).toEqual([away, 'Redis is available again']);
  await cache.close();
  await second.stop();
});

test('a frozen Redis makes one request wait a moment and the next ones not at all', async () => {
  const frozen = await startRedis({ dir: temporaryDir(), temporary: true });
  const { cache, said } = await setup(frozen.url);
  process.kill(frozen.pid, 'SIGSTOP');
  expect(await cache.take('a', rare(9))).toMatchObject({ isAllowed: true });
  const began = performance.now();
  for (let each = 0; each < 200; each += 1) await cache.take(`b${each}`, rare(9));
  // Each of them would have waited 250 ms.
  expect(performance.now() - began).toBeLessThan(5_000);
  process.kill(frozen.pid, 'SIGCONT');
  await until(async () => {
    await cache.take('c', rare(1_000));
    return cache.state() === 'shared';
  });
  expect(said).toEqual([away, 'Redis is available again']);
  await cache.close();
  await frozen.stop();
});

test('a take whose answer is lost is counted once, and not sent again', async () => {
  const line = await lossyLine(redis.url);
  const { cache } = await setup(line.url);
  line.loseAnswers();
  expect(await cache.take('lost', rare(10))).toMatchObject({ isAllowed: true });
  line.cut();
  await until(async () => {
    await cache.take('other', rare(1_000));
    return cache.state() === 'shared';
  });
  expect(await cache.take('lost', rare(10))).toMatchObject({ remaining: 8 });
  await cache.close();
  line.close();
});

test('a wrong password is no way in, and stands in no log line', async () => {
  const closed = await startRedis({ dir: temporaryDir(), temporary: true, password: 'sesame' });
  const { cache, said, facts } = await setup(closed.url.replace('sesame', 'open-barley'));
  await cache.take('a', rare(1));
  expect(cache.state()).toBe('away');
  expect(said).toEqual([away]);
  for (const { err } of facts as { err: Error }[]) expect(`${err.message} ${err.stack}`).not.toMatch(/sesame|barley/);
  await expect(redisVersion(closed.url.replace(':sesame@', ''))).rejects.toThrow();
  expect(await redisVersion(closed.url)).toMatch(/^\d+\.\d+/);
  await cache.close();
  await closed.stop();
});

/** A proxy to Redis that can lose replies while requests arrive. */
async function lossyLine(url: string) {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let losing = false;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {}); // The purpose of this proxy is to cut connections.
    }
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    near.pipe(far);
    far.on('data', (bytes) => losing || near.write(bytes));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    losing = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseAnswers: () => {
      losing = true;
    },
    cut,
    close: () => {
      cut();
      server.close();
    },
  };
}
