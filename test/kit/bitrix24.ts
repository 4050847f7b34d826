/** A portal of Bitrix24 on loopback, and what an adapter needs to reach it. */
import { memoryCache } from '../../adapters/cache/memory.ts';
import type { Cache, Deps, Http } from '../../adapters/deps.ts';
import { createHttp, type RequestRecord } from '../../adapters/http.ts';
import { type Access, type BitrixClient, bitrixClient } from '../../adapters/vendors/bitrix24/client.ts';
import { type BitrixFake, type BitrixFakeOptions, bitrixFake } from '../../adapters/vendors/bitrix24/fake.ts';

export interface Portal {
  readonly fake: BitrixFake;
  readonly deps: Pick<Deps, 'http' | 'cache' | 'now' | 'connection'>;
  readonly observed: readonly RequestRecord[];
  /** Moves the clock of the portal and of the adapter. */
  later(ms?: number): void;
  now(): number;
  /** A client like one of another process; with a cache of its own it shares no limits. */
  client(options?: { readonly isApplication?: boolean; readonly cache?: Cache }): BitrixClient;
  access(isApplication?: boolean): Access;
  stop(): Promise<void>;
}
export interface PortalOptions extends BitrixFakeOptions {
  /** How far the clock moves with each request; default half a second, in which the bucket drains one. */
  readonly tickMs?: number;
}

export async function portal({ tickMs = 500, ...options }: PortalOptions = {}): Promise<Portal> {
  let at = Date.UTC(2030, 0, 31, 10);
  const now = () => at;
  const fake = await bitrixFake({ now, ...options });
  const observed: RequestRecord[] = [];
  const bare = createHttp({ allowPrivate: [fake.url], observe: (record) => observed.push(record) });
  const http: Http = (request) => {
    at += tickMs;
    return bare(request);
  };
  const deps = { http, cache: memoryCache({ now }), now, connection: 'main' };
  let token = fake.tokens.issue().accessToken;
  const access = (isApplication = false): Access =>
    isApplication
      ? {
          kind: 'application',
          portal: fake.url,
          tokens: {
            access: async ({ rejected }) => {
              if (rejected !== undefined) token = fake.tokens.issue().accessToken;
              return { accessToken: token, account: {} };
            },
          },
        }
      : { kind: 'webhook', url: fake.webhookUrl };
  return {
    fake,
    deps,
    observed,
    now,
    later: (ms = 1500) => {
      at += ms;
    },
    access,
    client: ({ isApplication, cache = deps.cache } = {}) =>
      bitrixClient({ access: access(isApplication), tariff: 'standard', deps: { ...deps, cache } }),
    async stop() {
      await bare.close();
      await fake.close();
    },
  };
}
