/** What an adapter needs to reach the fake of a vendor on loopback. */
import { memoryCache } from '../../adapters/cache/memory.ts';
import type { Deps } from '../../adapters/deps.ts';
import type { FakeServer } from '../../adapters/fake-server.ts';
import { createHttp } from '../../adapters/http.ts';

export interface VendorWorld<F extends FakeServer> {
  readonly fake: F;
  /** No request waits for its turn; cooldowns are kept. */
  readonly deps: Pick<Deps, 'http' | 'httpStream' | 'cache' | 'now'>;
  /** Moves the clock of the fake and of the adapter, which stand still otherwise. */
  later(ms: number): void;
  stop(): Promise<void>;
}

/** @param at Unix ms */
export async function vendorWorld<F extends FakeServer>(at: number, start: (now: () => number) => Promise<F>): Promise<VendorWorld<F>> {
  let time = at;
  const now = () => time;
  const fake = await start(now);
  const http = createHttp({ allowPrivate: [fake.url] });
  return {
    fake,
    deps: {
      http,
      httpStream: http.stream,
      now,
      cache: { ...memoryCache({ now }), take: async () => ({ isAllowed: true, remaining: 1, resetMs: 0, retryAfterMs: 0 }) },
    },
    later(ms) {
      time += ms;
    },
    async stop() {
      await http.close();
      await fake.close();
    },
  };
}
