/** One service in this process: its own bus connection and HTTP client, a store that it shares with its localEndpoints. */
import { createHttp } from '../adapters/http.ts';
import { providerHttp } from '../adapters/provider.ts';
import type { PostgresStore } from '../adapters/store/index.ts';
import { type BusHost, createBus } from '../bus/bus.ts';
import { mayLeave } from '../bus/durable/leases.ts';
import { type Runtime, startRuntime } from '../bus/durable/runtime.ts';
import { transactions } from '../bus/durable/transaction.ts';
import type { Log } from '../bus/service.ts';
import type { LocalEndpoints } from '../bus/transports/in-process.ts';
import type { Transport } from '../bus/transports/transport.ts';
import type { Group, Settings } from '../config/read.ts';
import type { Cache, SecretKey } from '../contracts/kit/ports.ts';
import { connectionsMost, connectionsRefused, connectionsUsed, connectionsWaiting } from '../contracts/metrics.ts';
import { groupsOf, type Loaded } from './services.ts';
import { shownSettings } from './shown-settings.ts';
import { requireUses } from './undeclared.ts';

export interface HostOptions {
  readonly loaded: Loaded;
  readonly settings: Settings;
  readonly transport: Transport;
  readonly store: PostgresStore;
  readonly cache: Cache;
  readonly secretKey: SecretKey;
  readonly log: Log;
  readonly prefix: string;
  readonly clockSkewMs: number;
  readonly keepDays: number;
  readonly blankAfterDays: number;
  readonly allowPrivate: readonly string[];
  readonly localEndpoints?: LocalEndpoints | undefined;
  /** For tests that cannot wait for the usual leases. */
  readonly pace?: { readonly leaseMs: number; readonly renewMs: number; readonly idleMs: number } | undefined;
}
export interface Hosted {
  readonly folder: string;
  readonly bus: BusHost;
  readonly runtime: Runtime;
  /** Drains within `graceMs` and closes the connection; the store stays open. May be called again. */
  stop(graceMs: number): Promise<void>;
}

export async function host({
  loaded,
  settings,
  transport,
  store,
  cache,
  secretKey,
  log,
  prefix,
  clockSkewMs,
  keepDays,
  blankAfterDays,
  allowPrivate,
  localEndpoints,
  pace,
}: HostOptions): Promise<Hosted> {
  const { folder, service } = loaded;
  const groups = groupsOf(loaded);
  const own = settings.of(groups.own) as Record<string, unknown>;
  const bus = createBus({
    transport,
    name: folder,
    uses: service.uses,
    log,
    prefix,
    clockSkewMs,
    localEndpoints,
    settings: shownSettings(loaded, settings),
    commit: (work) => tx.run({ traceparent: null }, work),
  });
  const tx = transactions({ store, bus, log });
  const { metrics } = bus;
  metrics.sample(() =>
    Object.entries(store.pools()).flatMap(([pool, { most, used, waiting, refused }]) => [
      { of: connectionsMost, labels: { pool }, value: most },
      { of: connectionsUsed, labels: { pool }, value: used },
      { of: connectionsWaiting, labels: { pool }, value: waiting },
      { of: connectionsRefused, labels: { pool }, value: refused },
    ]),
  );
  const http = createHttp({
    allowPrivate: [...allowPrivate],
    mayLeave,
    observe: ({ signal, method, url, ms, code }) =>
      bus.recordFor(signal, { address: `${method} ${url.replace(/^https?:\/\//, '')}`, at: Date.now() - ms, ms, code }),
  });
  const vendors = Object.fromEntries(
    Object.entries(service.vendors).map(([name, { setting, catalogue, connections, list }]) => {
      const kind = groups.kinds[name] as Group; // There is one for each.
      const picked = (connection: string): unknown => settings.of(kind, connection)[setting];
      const create = (connection: string, vendor = String(picked(connection))): unknown => {
        const group = groups.vendors[name]?.[vendor];
        const adapter = catalogue[vendor];
        if (group === undefined || adapter === undefined) throw new TypeError(`${setting}=${vendor} is not in the catalogue`);
        const provider = providerHttp({ http, httpStream: http.stream }, `${name}.${vendor}`, metrics);
        const deps = { ...provider, db: store, cache, secretKey, connection, now: Date.now, log, metrics };
        return adapter.create(settings.of(group, connection) as never, deps as never);
      };
      // `none` is in no catalogue of a list.
      if (list) return [name, (picked('main') as readonly string[]).filter((each) => each !== 'none').map((each) => create('main', each))];
      if (connections === undefined) return [name, create('main')];
      return [name, new Map((own[connections] as readonly string[]).map((connection) => [connection, create(connection)]))];
    }),
  );
  const running = await service.make({
    settings: own as never,
    vendors: vendors as never,
    bus,
    db: store,
    cache,
    secretKey,
    log,
    metrics,
    now: Date.now,
  });
  try {
    requireUses(folder, service, running);
  } catch (error) {
    await running.stop?.();
    await Promise.all([bus.close({ graceMs: 0 }), http.close()]);
    throw error;
  }
  const runtime = await startRuntime({
    name: folder,
    serves: service.serves,
    running,
    bus,
    store,
    transactions: tx,
    log,
    keepDays,
    blankAfterDays,
    ...pace,
  });
  let stopping: Promise<void> | undefined;
  return {
    folder,
    bus,
    runtime,
    stop: (graceMs) =>
      (stopping ??= (async () => {
        await runtime.stop(graceMs);
        await bus.close({ graceMs });
        await http.close();
      })()),
  };
}
