/** Runs services in one process: node runtime/serve.ts <folder>… */
import { setTimeout as delay } from 'node:timers/promises';
import { journalMigrations, openStore } from '../adapters/store/index.ts';
import { migrationsIn, pending } from '../adapters/store/migrate.ts';
import { createNeighbours } from '../bus/transports/in-process.ts';
import { connectNats } from '../bus/transports/nats.ts';
import { common } from '../config/common.ts';
import { lookup } from '../config/env.ts';
import { read } from '../config/read.ts';
import { isPolybError, PolybError } from '../contracts/kit/errors.ts';
import { scrub } from '../contracts/kit/scrub.ts';
import { workConnections } from './connections.ts';
import { type Hosted, host } from './host.ts';
import { createLog } from './log.ts';
import { allGroups, loadServices, servicesDir } from './services.ts';

/** What ends the process for good: PM2 does not start it again (stop_exit_codes). */
const badSettingsExit = 78;
const stopping = new AbortController();
const folders = process.argv.slice(2);

async function main(): Promise<void> {
  if (folders.length === 0)
    throw new PolybError('invalid_argument', 'Name at least one folder of services/: node runtime/serve.ts crm-connector');
  const loaded = await loadServices(folders);
  const settings = read(allGroups(loaded));
  const platform = settings.of(common);
  const log = createLog({ level: platform.LOG_LEVEL, service: folders.length === 1 ? (folders[0] as string) : 'polyb' });
  if (platform.DATABASE_URL === undefined)
    throw new PolybError('failed_precondition', 'DATABASE_URL is not set; polyb up sets it, or name a PostgreSQL in .env.', {
      reason: 'bad_settings',
    });
  const store = openStore({
    url: platform.DATABASE_URL,
    name: `polyb ${folders.join(' ')}`,
    log,
    connections: workConnections(folders.length, platform.DATABASE_CONNECTIONS),
  });

  const migrations = [
    ...(await journalMigrations()),
    ...(
      await Promise.all(folders.map((folder) => migrationsIn(folder.replaceAll('-', '_'), `${servicesDir}/${folder}/migrations`)))
    ).flat(),
  ];
  const missing = await patiently('PostgreSQL', () => pending(store, migrations));
  if (missing.length > 0)
    throw new PolybError('failed_precondition', `The database lacks ${missing.join(', ')}; run polyb up, or: npx node runtime/migrate.ts`, {
      reason: 'bad_settings',
    });

  const neighbours = createNeighbours();
  const hosted: Hosted[] = [];
  stopping.signal.addEventListener('abort', () => void shutDown());
  for (const each of loaded) {
    const transport = await patiently('nats-server', () =>
      connectNats({
        servers: platform.NATS_URL,
        ...credentials(each.folder),
        name: each.folder,
        inboxUser: each.folder,
        log,
        signal: stopping.signal,
      }),
    );
    hosted.push(
      await host({
        loaded: each,
        settings,
        transport,
        store,
        log,
        prefix: platform.POLYB_SUBJECT_PREFIX,
        clockSkewMs: platform.CLOCK_SKEW_MS,
        keepDays: platform.JOURNAL_KEEP_DAYS,
        blankAfterDays: platform.JOURNAL_BLANK_DAYS,
        allowPrivate: platform.HTTP_ALLOW_PRIVATE,
        neighbours,
      }),
    );
  }
  process.send?.('ready');
  log.info({ services: folders }, 'ready');

  async function shutDown(): Promise<void> {
    log.info({}, 'draining');
    await Promise.all(hosted.map((each) => each.stop(platform.POLYB_SHUTDOWN_MS)));
    await store.close();
    process.exit(0);
  }
  /** A dependency that is away is waited for: a daemon never ends because of it. */
  async function patiently<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let told = false; ; told = true) {
      try {
        return await work();
      } catch (error) {
        if (!isPolybError(error) || !error.retryable || stopping.signal.aborted) throw error;
        if (!told) log.warn({ err: error }, `waiting for ${what}`);
        await delay(1_000, undefined, { signal: stopping.signal });
      }
    }
  }
}

/** A service connects as the bus user of its folder; one password serves them all where no own one is set. */
function credentials(folder: string): { user: string; pass: string } | { user?: never } {
  const pass = lookup([`NATS_PASSWORD_${folder.toUpperCase().replaceAll('-', '_')}`, 'NATS_PASSWORD']);
  return pass === undefined ? {} : { user: lookup('NATS_USER') ?? folder, pass };
}

if (import.meta.main) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(1);
      stopping.abort();
    });

  // The supervisor is gone: nobody would restart or stop this process any more.
  process.on('disconnect', () => stopping.abort());
  const fail = (error: unknown): never => {
    const said = isPolybError(error) ? error.message : scrub(String(Error.isError(error) ? error.stack : error));
    process.stderr.write(`${said}\n`);
    process.exit(isPolybError(error) && error.reason === 'bad_settings' ? badSettingsExit : 1);
  };
  // Node would write it as it is. What nobody caught has left this process in no known state: its supervisor starts another.
  process.on('uncaughtException', fail);
  main().catch((error: unknown) => (stopping.signal.aborted ? process.exit(0) : fail(error)));
}
