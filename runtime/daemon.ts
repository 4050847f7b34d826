/** Services in this process, on their bus and their database, until they are stopped. */
import { setTimeout as delay } from 'node:timers/promises';
import { openCache } from '../adapters/cache/index.ts';
import { openStore } from '../adapters/store/index.ts';
import { type Migration, pending } from '../adapters/store/migrate.ts';
import type { Log } from '../bus/service.ts';
import { createLocalEndpoints } from '../bus/transports/in-process.ts';
import { connectNats } from '../bus/transports/nats.ts';
import type { Transport } from '../bus/transports/transport.ts';
import { common } from '../config/common.ts';
import { badSettings, type FindSetting, lookup, openSources } from '../config/env.ts';
import { read } from '../config/read.ts';
import { isPolybError, PolybError } from '../contracts/kit/errors.ts';
import { workConnections } from './connections.ts';
import { type Hosted, host } from './host.ts';
import { createLog } from './log.ts';
import { ownServer, requireSystem } from './own-server.ts';
import { secretKeyFrom } from './secret-key.ts';
import { allGroups, type Loaded, passwordSetting } from './services.ts';

export interface DaemonOptions {
  /** Migrations that the database must have. */
  readonly migrations: readonly Migration[];
  /** Where settings come from; the environment and the files of this checkout unless given. */
  readonly find?: FindSetting | undefined;
  readonly log?: Log | undefined;
  /** Ends the wait for a dependency that is away. */
  readonly signal?: AbortSignal | undefined;
}
export interface Daemon {
  readonly hosted: readonly Hosted[];
  readonly log: Log;
  /** Drains, then closes every connection. May be called again. */
  stop(): Promise<void>;
}

/** Waits for PostgreSQL and NATS as long as they are away.
 *  @throws PolybError failed_precondition/bad_settings when the settings, the database or the bus user cannot serve. */
export async function startDaemon(
  loaded: readonly Loaded[],
  { migrations, find = openSources(), log: given, signal }: DaemonOptions,
): Promise<Daemon> {
  const folders = loaded.map(({ folder }) => folder);
  const settings = read(allGroups(loaded), find);
  const platform = settings.of(common);
  const log = given ?? createLog({ level: platform.LOG_LEVEL, service: folders.length === 1 ? (folders[0] as string) : 'polyb' });
  const { NATS_URL: servers, DATABASE_URL: url } = platform;
  if (servers === undefined || url === undefined)
    throw badSettings([
      ...(servers === undefined ? ['NATS_URL: missing; polyb up sets it, or name a NATS server in .env'] : []),
      ...(url === undefined ? ['DATABASE_URL: missing; polyb up sets it, or name a PostgreSQL in .env'] : []),
    ]);
  const store = openStore({
    url,
    name: `polyb ${folders.join(' ')}`,
    log,
    connections: workConnections(folders.length, platform.DATABASE_CONNECTIONS),
  });
  const cache = await openCache(platform.REDIS_URL, { now: Date.now, log });
  const hosted: Hosted[] = [];
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopping ??= (async () => {
      await Promise.all(hosted.map((each) => each.stop(platform.POLYB_SHUTDOWN_MS)));
      await Promise.all([store.close(), cache.close()]);
    })());
  try {
    const missing = await patiently('PostgreSQL', () => pending(store, migrations));
    if (missing.length > 0)
      throw new PolybError(
        'failed_precondition',
        `The database lacks ${missing.join(', ')}; run polyb up, or: npx node runtime/migrate.ts`,
        {
          reason: 'bad_settings',
        },
      );
    const localEndpoints = createLocalEndpoints();
    for (const each of loaded) {
      const transport = await patiently('nats-server', () => joinBus(each.folder, servers));
      hosted.push(
        await host({
          loaded: each,
          settings,
          transport,
          store,
          cache,
          secretKey: secretKeyFrom(platform.POLYB_SECRET_KEY),
          log,
          prefix: platform.POLYB_SUBJECT_PREFIX,
          clockSkewMs: platform.CLOCK_SKEW_MS,
          keepDays: platform.JOURNAL_KEEP_DAYS,
          blankAfterDays: platform.JOURNAL_BLANK_DAYS,
          allowPrivate: platform.HTTP_ALLOW_PRIVATE,
          localEndpoints,
        }),
      );
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { hosted, log, stop };

  async function joinBus(folder: string, servers: string[]): Promise<Transport> {
    const refused = (cause?: unknown) =>
      new PolybError(
        'failed_precondition',
        `The NATS server does not let this process serve as ${folder}: set ${passwordSetting(folder)} to the password of its bus user ${folder}; \`polyb permissions -o nats\` writes the users of a server.`,
        { reason: 'bad_settings', cause },
      );
    await requireSystem(servers[0] ?? '', ownServer(servers.join(), find, find).system);
    const transport = await connectNats({ servers, ...credentials(folder, find), name: folder, inboxUser: folder, log, signal }).catch(
      (error: unknown) => {
        throw isPolybError(error) && error.code === 'unauthenticated' ? refused(error) : error;
      },
    );
    if (await mayReadOwnInbox(transport)) return transport;
    await transport.close();
    throw refused();
  }
  /** A dependency that is away is waited for: a daemon never ends because of it. */
  async function patiently<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let told = false; ; told = true) {
      try {
        return await work();
      } catch (error) {
        if (!isPolybError(error) || !error.retryable || signal?.aborted) throw error;
        if (!told) log.warn({ err: error }, `waiting for ${what}`);
        await delay(1_000, undefined, signal ? { signal } : {});
      }
    }
  }
}

/** A service connects as the bus user of its folder; one password serves them all where no own one is set. */
function credentials(folder: string, find: FindSetting): { user: string; pass: string } | { user?: never } {
  const pass = lookup([passwordSetting(folder), 'NATS_PASSWORD'], find);
  return pass === undefined ? {} : { user: lookup('NATS_USER', find) ?? folder, pass };
}

/** False for a connection that the server took as another user: replies to calls would be lost, and nothing could be served. */
async function mayReadOwnInbox(transport: Transport): Promise<boolean> {
  let allowed = true;
  const probe = transport.subscribe(`${transport.inbox}.probe`, () => {}, { onError: () => (allowed = false) });
  await transport.flush(); // the server answers in order, so a refusal is here before this
  probe.unsubscribe();
  return allowed;
}
