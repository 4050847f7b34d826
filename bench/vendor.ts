/** `findContacts` of the amoCRM adapter, with its limits in Redis, beside a bare undici request of the same page with its JSON parsed. */
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { createHttp } from '../adapters/http.ts';
import { providerHttp } from '../adapters/provider.ts';
import { amoCrm } from '../adapters/vendors/amocrm/crm.ts';
import { amoFake, amoIntegration } from '../adapters/vendors/amocrm/fake.ts';
import { amoSettings } from '../adapters/vendors/amocrm/settings.ts';
import { redisCache } from '../adapters/vendors/redis/cache.ts';
import { createMetrics } from '../bus/telemetry/metrics.ts';
import { quiet } from '../runtime/noop-log.ts';
import { startRedis } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import { type Load, load, median, play, start } from './roles.ts';

const sides = ['polyb', 'bare'] as const;
type Side = (typeof sides)[number];
const concurrency = 16;
const phoneNumber = '+79995553322';

/** What each side calls, in a process of its own. */
const callers: Readonly<Record<Side, () => Promise<() => Promise<unknown>>>> = {
  async polyb() {
    const url = String(process.env.AMOCRM_URL);
    const metrics = createMetrics({ now: Date.now, log: quiet });
    const noTokens = () => Promise.reject(new Error('a long-lived token needs no database'));
    const settings = amoSettings.parse({
      AMOCRM_SUBDOMAIN: 'fake',
      AMOCRM_URL: url,
      AMOCRM_TOKEN: amoIntegration.token,
      AMOCRM_REQUESTS_PER_SECOND: '1000',
    });
    const cache = await redisCache({ url: String(process.env.REDIS_URL) }, { now: Date.now, log: quiet });
    const http = createHttp({ allowPrivate: [url] });
    const crm = amoCrm(settings, {
      ...providerHttp({ http, httpStream: http.stream }, 'amocrm', metrics),
      // Every bucket is asked for, and none makes a request wait.
      cache: { ...cache, take: (bucket, { windowMs }) => cache.take(bucket, { limit: 1_000_000, windowMs }) },
      now: Date.now,
      log: quiet,
      metrics,
      connection: 'main',
      db: { query: noTokens, transaction: noTokens },
      secretKey: () => new Uint8Array(32),
    });
    return () => crm.findContacts(phoneNumber, AbortSignal.timeout(10_000));
  },
  async bare() {
    const url = `${process.env.AMOCRM_URL}/api/v4/contacts?${new URLSearchParams({ query: phoneNumber.slice(2), limit: '250' })}`;
    const headers = { Authorization: `Bearer ${amoIntegration.token}` };
    return async () => (await request(url, { headers, signal: AbortSignal.timeout(10_000) })).body.json();
  },
};

export interface VendorFigures {
  readonly contacts: number;
  /** Requests at the fake for each call. */
  readonly requests: Readonly<Record<Side, number>>;
  readonly cpuUs: Readonly<Record<Side, number>>;
  /** CPU of the caller for each request. Goal: at most 2. */
  readonly cpuRatio: number;
}

/** Ratios are medians of the ratios inside each round. */
export async function benchVendor({ rounds = 7, ms = 1_500 }: { rounds?: number; ms?: number } = {}): Promise<readonly VendorFigures[]> {
  const redis = await startRedis({ dir: temporaryDir(), temporary: true });
  const self = fileURLToPath(import.meta.url);
  const figures: VendorFigures[] = [];
  try {
    for (const contacts of [1, 50]) {
      const fake = await start(self, ['fake', String(contacts)]);
      const env = { AMOCRM_URL: await fake.ask<string>('url'), REDIS_URL: redis.url };
      const roles = { polyb: await start(self, ['polyb'], env), bare: await start(self, ['bare'], env) };
      const taken: { readonly side: Side; readonly round: number; readonly cpuUs: number; readonly requests: number }[] = [];
      try {
        for (const side of sides) await roles[side].ask('load', { concurrency, ms: 3_000 });
        for (let round = 0; round < rounds; round += 1)
          for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
            const [cpu, seen] = [await roles[side].ask<number>('cpu'), await fake.ask<number>('seen')];
            const { calls } = await roles[side].ask<Load>('load', { concurrency, ms });
            const requests = (await fake.ask<number>('seen')) - seen;
            taken.push({ side, round, cpuUs: ((await roles[side].ask<number>('cpu')) - cpu) / requests, requests: requests / calls });
          }
      } finally {
        await Promise.all([...Object.values(roles), fake].map((role) => role.stop()));
      }
      const both = (field: 'cpuUs' | 'requests') => {
        const of = (side: Side): number => Number(median(taken.filter((one) => one.side === side).map((one) => one[field])).toFixed(1));
        return { polyb: of('polyb'), bare: of('bare') };
      };
      const ratios = taken
        .filter(({ side }) => side === 'polyb')
        .map(({ cpuUs, round }) => cpuUs / (taken.find((other) => other.side === 'bare' && other.round === round)?.cpuUs ?? Number.NaN));
      figures.push({ contacts, requests: both('requests'), cpuUs: both('cpuUs'), cpuRatio: Number(median(ratios).toFixed(3)) });
    }
  } finally {
    await redis.stop();
  }
  return figures;
}

const [role, contacts] = process.argv.slice(2);
if (role === 'fake') {
  const fake = await amoFake({ limit: 1e9 });
  for (let nth = 0; nth < Number(contacts); nth += 1) fake.records.contact({ name: `Guest ${nth}`, phones: [phoneNumber] });
  play({ url: async () => fake.url, seen: async () => fake.seen.length });
} else if (role === 'polyb' || role === 'bare') {
  const call = await callers[role]();
  play({ load: (how: { concurrency: number; ms: number }) => load(call, how) });
}
