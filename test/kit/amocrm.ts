import { memoryCache } from '../../adapters/cache/memory.ts';
import type { Deps } from '../../adapters/deps.ts';
import { createHttp } from '../../adapters/http.ts';
import { type AmoFake, type AmoFakeOptions, amoFake, amoIntegration, amoPipelines } from '../../adapters/vendors/amocrm/fake.ts';
import { createMetrics } from '../../bus/telemetry/metrics.ts';
import { quiet } from '../../runtime/noop-log.ts';

/** A separate fake of amoCRM, with a long-lived token and a rate that no test reaches. */
export async function amocrm({
  now: start,
  ...options
}: Omit<AmoFakeOptions, 'now'> & {
  /** Unix ms; default: the present. The clock then moves on by `later` only. */ readonly now?: number;
} = {}): Promise<{
  readonly fake: AmoFake;
  readonly settings: Readonly<Record<string, string>>;
  readonly deps: Deps;
  later(ms?: number): void;
  stop(): Promise<void>;
}> {
  let now = start ?? Date.now();
  const fake = await amoFake({ now: () => now, limit: 100_000, ...options });
  const http = createHttp({ allowPrivate: [fake.url] });
  const noTokens = () => Promise.reject(new Error('a long-lived token needs no database'));
  return {
    fake,
    settings: {
      AMOCRM_SUBDOMAIN: 'fake',
      AMOCRM_URL: fake.url,
      AMOCRM_TOKEN: amoIntegration.token,
      AMOCRM_PIPELINE_ID: String(amoPipelines.main.id),
      AMOCRM_STATUS_NEW_ID: String(amoPipelines.main.statuses[0]),
      AMOCRM_STATUS_IN_PROCESS_ID: String(amoPipelines.main.statuses[1]),
      AMOCRM_DEAL_PIPELINE_ID: String(amoPipelines.deals.id),
      AMOCRM_REQUESTS_PER_SECOND: '1000',
    },
    deps: {
      http,
      httpStream: http.stream,
      log: quiet,
      now: () => now,
      // Requests are spaced in real time.
      cache: memoryCache({ now: Date.now }),
      connection: 'main',
      metrics: createMetrics({ now: Date.now, log: quiet }),
      db: { query: noTokens, transaction: noTokens },
      secretKey: () => new Uint8Array(32),
    },
    later(ms = 1500) {
      now += ms;
    },
    async stop() {
      await http.close();
      await fake.close();
    },
  };
}
