import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePort } from '../../scripts/infra/ready.ts';
import { type RunningServer, startRedis } from '../../scripts/infra/start.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import type { Log } from '../deps.ts';
import { cacheConformance } from './conformance.ts';
import type { Cache } from './port.ts';
import { redisCache } from './redis.ts';

const patienceMs = 60_000;
let redis: RunningServer;
beforeAll(async () => {
  redis = await startRedis({ dir: temporaryDir(), temporary: true });
}, patienceMs);
afterAll(() => redis?.stop());

function setup(url = redis.url): { readonly warned: string[]; readonly cache: Cache } {
  const warned: string[] = [];
  const log: Log = { debug() {}, info() {}, warn: (_, message) => void warned.push(message), error() {} };
  return { warned, cache: redisCache({ url }, { now: Date.now, log }) };
}
/** A bucket that Redis itself has counted: the connection stands. */
async function connected(cache: Cache): Promise<Cache> {
  for (let tries = 0; tries < 500; tries += 1) {
    await cache.set('ready', 'yes', 60_000);
    if ((await cache.get('ready')) === 'yes') return cache;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('Redis did not answer');
}

cacheConformance('redis', () => connected(setup().cache));

test('two processes share a bucket', async () => {
  const [one, other] = [await connected(setup().cache), await connected(setup().cache)];
  const limit = { limit: 2, windowMs: 600_000 };
  expect(await one.take('shared', limit)).toMatchObject({ isAllowed: true });
  expect(await other.take('shared', limit)).toMatchObject({ isAllowed: true, remaining: 0 });
  expect(await one.take('shared', limit)).toMatchObject({ isAllowed: false });
  await Promise.all([one.close(), other.close()]);
});

test('without its server it counts alone, says so once, and remembers nothing', async () => {
  const { cache, warned } = setup(`redis://127.0.0.1:${await freePort()}`);
  const limit = { limit: 1, windowMs: 600_000 };
  expect(await cache.take('a', limit)).toMatchObject({ isAllowed: true });
  expect(await cache.take('a', limit)).toMatchObject({ isAllowed: false });
  await cache.set('b', 'x', 1_000);
  expect(await cache.get('b')).toBeNull();
  expect(warned).toEqual(['Redis is away: this process counts alone until it is back']);
  await cache.close();
});
