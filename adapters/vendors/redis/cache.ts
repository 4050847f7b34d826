/**
 * Shared by all processes. While Redis is unavailable each process applies a limit on its own: n processes allow up to n times as
 * much, never more.
 */
import { Redis } from 'ioredis';
import { takenOf } from '../../cache/gcra.ts';
import { memoryCache } from '../../cache/memory.ts';
import type { OpenCache } from '../../cache/port.ts';
import type { Log } from '../../deps.ts';

export interface RedisOptions {
  readonly url: string;
  /** Prefix of every key, so that deployments can share a server. */
  readonly prefix?: string;
}
const patienceMs = 250;
const firstConnectionMs = 1_000;
const probeEveryMs = 1_000;

/**
 * The same arithmetic as gcra.ts, on the clock of Redis, so that processes with different clocks share a bucket. Returns allowed and
 * level.
 */
const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full, at, level = limit * window, now, 0
local kept = redis.call('GET', KEYS[1])
if kept then
  local since, held = string.match(kept, '^(%d+) (%d+)$')
  if since then at, level = tonumber(since), tonumber(held) end
end
level = math.min(full, math.max(0, level - math.max(0, now - at) * limit))
if level + cost * window > full then return { 0, level } end
level = level + cost * window
if level > 0 then redis.call('SET', KEYS[1], string.format('%.0f %.0f', now, level), 'PX', math.ceil(level / limit)) end
return { 1, level }`;

interface WithTake extends Redis {
  polybTake(key: string, limit: number, windowMs: number, cost: number): Promise<readonly [number, number]>;
}

/** Resolves when Redis is connected, or known to be unavailable. */
export async function redisCache(
  { url, prefix = 'polyb:' }: RedisOptions,
  { now, log }: { readonly now: () => number; readonly log: Log },
): Promise<OpenCache> {
  const alone = memoryCache({ now });
  const redis = new Redis(url, {
    keyPrefix: prefix,
    enableOfflineQueue: false,
    // Nothing is sent twice: a take whose reply was lost may have been counted.
    maxRetriesPerRequest: 0,
    commandTimeout: patienceMs,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(5_000, attempt * 200),
    scripts: { polybTake: { lua: takeScript, numberOfKeys: 1 } },
  }) as WithTake;
  let isAway = false;
  let probedAt = 0;
  // Every failed connection emits this event; the change is logged once.
  redis.on('error', away);
  redis.on('ready', back);
  await connected(redis);

  function away(err: unknown): void {
    if (!isAway) log.warn({ err }, 'Redis is unavailable: this process counts on its own until it is back');
    isAway = true;
  }
  function back(): void {
    if (isAway) log.info({}, 'Redis is available again');
    isAway = false;
  }
  /** A connection can stay open without replies, so a write is tried now and then; no request waits for it. */
  function probe(): void {
    if (performance.now() - probedAt < probeEveryMs) return;
    probedAt = performance.now();
    redis.set('probe', '1', 'PX', probeEveryMs).then(back, away);
  }
  async function within<T>(work: () => Promise<T>, otherwise: () => Promise<T>): Promise<T> {
    if (isAway) {
      probe();
      return otherwise();
    }
    try {
      return await work();
    } catch (error) {
      away(error);
      return otherwise();
    }
  }

  return {
    state: () => (isAway ? 'away' : 'shared'),
    take: (bucket, limit, cost = 1) =>
      within(
        async () => {
          const [allowed, level] = await redis.polybTake(`bucket:${bucket}`, limit.limit, limit.windowMs, cost);
          // Counted here as well, so that a bucket is not full again when Redis stops.
          if (allowed === 1) void alone.take(bucket, limit, cost);
          return takenOf({ isAllowed: allowed === 1, level }, limit, cost);
        },
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

/** The version of the Redis at `url`. @throws an Error of the library when none responds, or it refuses the password. */
export async function redisVersion(url: string): Promise<string> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
    maxRetriesPerRequest: 0,
    retryStrategy: null,
  });
  redis.on('error', () => {}); // The failure is thrown below.
  try {
    await redis.connect();
    return /^redis_version:(.*?)\r?$/m.exec(await redis.info('server'))?.[1] ?? 'of an unknown version';
  } finally {
    redis.disconnect();
  }
}

async function connected(redis: Redis): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const late = setTimeout(resolve, firstConnectionMs);
  redis.once('ready', resolve).once('error', resolve);
  await promise;
  clearTimeout(late);
}
