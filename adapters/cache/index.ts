/** Storage for data that may be lost: Redis if REDIS_URL is set, otherwise this process. */
import type { Log } from '../deps.ts';
import { memoryCache } from './memory.ts';
import type { OpenCache } from './port.ts';

/** The Redis library is loaded only when it is used. */
export async function openCache(url: string | undefined, deps: { readonly now: () => number; readonly log: Log }): Promise<OpenCache> {
  if (url === undefined) return memoryCache(deps);
  const { redisCache } = await import('../vendors/redis/cache.ts');
  return redisCache({ url }, deps);
}
