/** A service hosted in this process, with what a daemon passes to it and a test may replace. */
import { memoryCache } from '../../adapters/cache/memory.ts';
import type { Cache } from '../../adapters/deps.ts';
import { openStore } from '../../adapters/store/index.ts';
import type { Service } from '../../bus/service.ts';
import { connectNats } from '../../bus/transports/nats.ts';
import { read } from '../../config/read.ts';
import { type Hosted, host } from '../../runtime/host.ts';
import { createLog } from '../../runtime/log.ts';
import { secretKeyFrom } from '../../runtime/secret-key.ts';
import { flatGroups, groupsOf } from '../../runtime/services.ts';

export interface HostedOptions {
  readonly natsUrl: string;
  readonly databaseUrl: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly allowPrivate?: readonly string[];
  readonly pace: { readonly leaseMs: number; readonly renewMs: number; readonly idleMs: number };
  readonly cache?: Cache;
  readonly clockSkewMs?: number;
}

/** The service on connections of its own; `stop` closes them. */
export async function hosted(
  folder: string,
  service: Service,
  {
    natsUrl,
    databaseUrl,
    settings: given,
    allowPrivate = [],
    pace,
    cache = memoryCache({ now: Date.now }),
    clockSkewMs = 250,
  }: HostedOptions,
): Promise<Pick<Hosted, 'bus' | 'stop'>> {
  // Storms make warnings by the thousand; they are shown on demand.
  const level = process.env.FAULTS_VERBOSE;
  const log = createLog({ level: level === undefined || level === '' ? 'error' : level, service: folder, to: process.stderr });
  const store = openStore({ url: databaseUrl, name: folder, log, connections: 12 });
  const transport = await connectNats({
    servers: natsUrl,
    name: folder,
    inboxUser: folder,
    log,
    patient: true,
    signal: AbortSignal.timeout(25_000),
  });
  const loaded = { folder, service };
  const settings = read(flatGroups(groupsOf(loaded)), (...names) => {
    const value = names.map((name) => given[name]).find((each) => each !== undefined);
    return value === undefined ? undefined : { value, from: 'the test' };
  });
  const { bus, stop } = await host({
    loaded,
    settings,
    transport,
    store,
    cache,
    secretKey: secretKeyFrom('the secret key of the fault tests'),
    log,
    prefix: 'polyb',
    clockSkewMs,
    keepDays: 30,
    blankAfterDays: 7,
    allowPrivate: [...allowPrivate],
    pace,
  });
  return {
    bus,
    async stop(graceMs) {
      await stop(graceMs);
      await store.close();
    },
  };
}
