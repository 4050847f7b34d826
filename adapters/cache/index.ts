/** Storage for data that may be lost: Redis if REDIS_URL is set, otherwise this process. */
import { z } from 'zod';
import { url } from '../../config/settings.ts';
import type { Log } from '../deps.ts';
import { memoryCache } from './memory.ts';
import type { Cache } from './port.ts';

export const cacheSettings = z.object({
  REDIS_URL: url(['redis', 'rediss'])
    .meta({ secret: true })
    .optional()
    .describe('Redis URL, for rate limits shared by all processes. Without it each process counts on its own.'),
});

/** The Redis library is loaded only when it is used. */
export async function openCache(
  { REDIS_URL }: z.output<typeof cacheSettings>,
  deps: { readonly now: () => number; readonly log: Log },
): Promise<Cache> {
  if (REDIS_URL === undefined) return memoryCache(deps);
  const { redisCache } = await import('../vendors/redis/cache.ts');
  return redisCache({ url: REDIS_URL }, deps);
}
