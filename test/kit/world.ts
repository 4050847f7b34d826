/** A bus, in memory unless told otherwise, a database of its own, and services on both: what tests of durable things need. */
import { openCache } from '../../adapters/cache/index.ts';
import { openStore, type PostgresStore } from '../../adapters/store/index.ts';
import { type BusHost, createBus } from '../../bus/bus.ts';
import type { Log, Service } from '../../bus/service.ts';
import { memoryBroker } from '../../bus/transports/memory.ts';
import type { Transport } from '../../bus/transports/transport.ts';
import { read } from '../../config/read.ts';
import { type Hosted, host } from '../../runtime/host.ts';
import { secretKeyFrom } from '../../runtime/secret-key.ts';
import { flatGroups, groupsOf } from '../../runtime/services.ts';
import { testDatabase, testPatienceMs } from './database.ts';

export { until } from './until.ts';

export interface World {
  readonly store: PostgresStore;
  /** A client that may call anything. */
  readonly bus: BusHost;
  readonly broker: ReturnType<typeof memoryBroker>;
  readonly databaseUrl: string;
  /** Lines of warn and error that services wrote. */
  readonly logged: { readonly level: string; readonly message: string; readonly facts: object }[];
  /** Another instance each time it is called. Leases are short: a dead instance is noticed within two seconds. */
  start(folder: string, service: Service, settings?: Readonly<Record<string, string>>): Promise<Hosted>;
  stop(): Promise<void>;
}

/**
 * Shorter than usual, so that take-over can be awaited; a lease outlasts the pauses of a busy machine. Work wakes who does it, so to look for
 * work more often than twice a second finds little and costs more than the tests themselves.
 */
export const quickPace = { leaseMs: 2_000, renewMs: 300, idleMs: 500 };

/** Calls that a test leaves are hung up when it ends, and speech is not kept for the next one. */
const ofTests = { TELEPHONY_DRAIN_MS: '500', TTS_CACHE_MAX_BYTES: '0' };

/** @param connect makes the connection of a bus user; without it they all meet at `broker`. */
export async function world(connect?: (user: string) => Promise<Transport>): Promise<World> {
  const database = await testDatabase();
  const logged: { level: string; message: string; facts: object }[] = [];
  const log: Log = {
    debug() {},
    info() {},
    warn: (facts, message) => void logged.push({ level: 'warn', message, facts }),
    error: (facts, message) => void logged.push({ level: 'error', message, facts }),
  };
  // Few connections: PostgreSQL takes 100 ms of CPU to start a session and to plan its first statements.
  const store = openStore({ url: database.url, name: 'test', log, connections: 3, patienceMs: testPatienceMs });
  const broker = memoryBroker();
  const join = connect ?? (async (user: string) => broker.connect(user));
  const bus = createBus({ transport: await join('operator'), name: 'operator', log });
  const hosted: Hosted[] = [];
  const caches: Awaited<ReturnType<typeof openCache>>[] = [];
  /** Each instance has its own, as each process has. */
  const newCache = async (url: string | undefined) => {
    const cache = await openCache(url, { now: Date.now, log });
    caches.push(cache);
    return cache;
  };
  return {
    store,
    bus,
    broker,
    databaseUrl: database.url,
    logged,
    async start(folder, service, settings = {}) {
      const loaded = { folder, service };
      const found = read(flatGroups(groupsOf(loaded)), (...names) => {
        const given: Readonly<Record<string, string>> = { ...ofTests, ...settings };
        const name = names.find((each) => given[each] !== undefined);
        return name === undefined ? undefined : { value: given[name] as string, from: 'the test' };
      });
      const one = await host({
        loaded,
        settings: found,
        transport: await join(folder),
        store,
        secretKey: secretKeyFrom('the key of the tests'),
        cache: await newCache(settings.REDIS_URL),
        log,
        prefix: 'polyb',
        clockSkewMs: 250,
        keepDays: 30,
        blankAfterDays: 7,
        allowPrivate: settings.HTTP_ALLOW_PRIVATE?.split(',') ?? [],
        pace: quickPace,
      });
      hosted.push(one);
      return one;
    },
    async stop() {
      await Promise.all(hosted.map((one) => one.stop(2_000)));
      await bus.close();
      await store.close();
      await Promise.all(caches.map((cache) => cache.close()));
      await database.drop();
    },
  };
}
