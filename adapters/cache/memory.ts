import { type Bucket, takeFrom } from './gcra.ts';
import type { OpenCache } from './port.ts';

const mostEntries = 50_000;

/** For one process. Evicts the least recently used entries when it is full. */
export function memoryCache({ now, most = mostEntries }: { readonly now: () => number; readonly most?: number }): OpenCache {
  const buckets = new Map<string, Bucket>();
  const values = new Map<string, { readonly value: string; readonly until: number }>();

  function put<T>(map: Map<string, T>, key: string, value: T): void {
    map.delete(key);
    map.set(key, value);
    if (map.size > most) map.delete(map.keys().next().value as string);
  }
  return {
    state: () => 'own',
    async take(bucket, limit, cost = 1) {
      const [taken, after] = takeFrom(buckets.get(bucket), now(), limit, cost);
      put(buckets, bucket, after);
      return taken;
    },
    async get(key) {
      const found = values.get(key);
      if (found === undefined) return null;
      if (found.until > now()) return found.value;
      values.delete(key);
      return null;
    },
    async set(key, value, ttlMs) {
      put(values, key, { value, until: now() + ttlMs });
    },
    async delete(key) {
      values.delete(key);
    },
    async close() {
      buckets.clear();
      values.clear();
    },
  };
}
