/** Shared by all processes. Redis is asked with a short patience: while it is away this process counts alone and remembers nothing. */
import { Redis } from 'ioredis';
import type { Log } from '../deps.ts';
import { memoryCache } from './memory.ts';
import type { Cache, Limit, Taken } from './port.ts';

export interface RedisOptions {
  readonly url: string;
  /** Before every key, so that deployments can share a server. */
  readonly prefix?: string;
}
const patienceMs = 250;

/** The same sums as gcra.ts, on the clock of Redis, so that processes with different clocks share a bucket. Answers allowed, full at, now; ms. */
const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local before = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local after = before + window / limit * cost
if after - window > now then return { 0, tostring(before - now), tostring(after - window - now) } end
redis.call('SET', KEYS[1], string.format('%.3f', after), 'PX', math.ceil(after - now) + 1)
return { 1, tostring(after - now), '0' }`;

interface WithTake extends Redis {
  polybTake(key: string, limit: number, windowMs: number, cost: number): Promise<readonly [number, string, string]>;
}

export function redisCache(
  { url, prefix = 'polyb:' }: RedisOptions,
  { now, log }: { readonly now: () => number; readonly log: Log },
): Cache {
  const alone = memoryCache({ now });
  let isAway = false;
  const redis = new Redis(url, {
    keyPrefix: prefix,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: patienceMs,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(5_000, attempt * 200),
    scripts: { polybTake: { lua: takeScript, numberOfKeys: 1 } },
  }) as WithTake;
  // Every failed connection comes here; what it means is told once by `away`.
  redis.on('error', (err: Error) => away(err));
  redis.on('ready', () => {
    if (isAway) log.info({}, 'Redis is back');
    isAway = false;
  });
  function away(err: unknown): void {
    if (!isAway) log.warn({ err }, 'Redis is away: this process counts alone until it is back');
    isAway = true;
  }
  async function within<T>(work: () => Promise<T>, otherwise: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      away(error);
      return otherwise();
    }
  }

  return {
    take: (bucket, limit, cost = 1) =>
      within(
        async () => takenOf(await redis.polybTake(`bucket:${bucket}`, limit.limit, limit.windowMs, cost), limit),
        () => alone.take(bucket, limit, cost),
      ),
    get: (key) =>
      within<string | null>(
        () => redis.get(`value:${key}`),
        () => Promise.resolve(null),
      ),
    set: (key, value, ttlMs) => within(async () => void (await redis.set(`value:${key}`, value, 'PX', Math.ceil(ttlMs))), nothing),
    delete: (key) => within(async () => void (await redis.del(`value:${key}`)), nothing),
    async close() {
      redis.disconnect();
      await alone.close();
    },
  };
}
async function nothing(): Promise<void> {}

function takenOf([allowed, full, wait]: readonly [number, string, string], { limit, windowMs }: Limit): Taken {
  const resetMs = Number(full);
  return {
    isAllowed: allowed === 1,
    remaining: Math.max(0, Math.floor((windowMs - resetMs) / (windowMs / limit) + 1e-9)),
    resetMs: Math.ceil(resetMs),
    retryAfterMs: Math.ceil(Number(wait)),
  };
}
