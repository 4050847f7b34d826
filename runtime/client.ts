/**
 * PolyB for another program: `connect()` calls the services of a system, `serve()` adds a service to it.
 *
 * Both read NATS_URL, DATABASE_URL and the passwords as services do: from the environment, then from `.env` and `.polyb/run.json` in `root`.
 */
import { journalMigrations } from '../adapters/store/index.ts';
import { migrate, migrationsIn } from '../adapters/store/migrate.ts';
import { openPostgres } from '../adapters/store/postgres.ts';
import { type BusHost, createBus } from '../bus/bus.ts';
import { operatorUser } from '../bus/server/permissions.ts';
import type { Log, Service } from '../bus/service.ts';
import { connectNats } from '../bus/transports/nats.ts';
import { guestUser } from '../bus/wire/subjects.ts';
import { lookup, openSources } from '../config/env.ts';
import { PolybError } from '../contracts/kit/errors.ts';
import { startDaemon } from './daemon.ts';
import { ownServer, requireSystem } from './own-server.ts';

export type { Bus } from '../bus/bus.ts';
export { isPolybError, PolybError } from '../contracts/kit/errors.ts';

export interface ConnectOptions {
  /** The folder of `.env` and `.polyb/run.json`; the working directory unless given. */
  readonly root?: string | undefined;
  /** Shown by the server beside the connection. */
  readonly name?: string | undefined;
  readonly log?: Log | undefined;
  /** Gives up connecting. */
  readonly signal?: AbortSignal | undefined;
}
export interface Connected extends AsyncDisposable {
  readonly bus: BusHost;
}

/** Connects as NATS_USER, else as the operator where its password is known, else as a guest, who reaches no customer.
 *  @throws PolybError failed_precondition/bad_settings without NATS_URL; unavailable/not_connected, unavailable/other_system; unauthenticated. */
export async function connect({ root = process.cwd(), name = 'client', log = warnings, signal }: ConnectOptions = {}): Promise<Connected> {
  const find = openSources({ root });
  const servers = lookup('NATS_URL', find)?.split(',');
  if (servers === undefined)
    throw new PolybError(
      'failed_precondition',
      `NATS_URL is not set, and no system of ${root} is up; run polyb up there, or set NATS_URL.`,
      {
        reason: 'bad_settings',
      },
    );
  const { system, password: operator } = ownServer(servers.join(), find, openSources({ env: {}, root }));
  await requireSystem(servers[0] ?? '', system);
  const user = lookup('NATS_USER', find) ?? (operator === undefined ? undefined : operatorUser);
  const pass = lookup('NATS_PASSWORD', find) ?? operator;
  const transport = await connectNats({ servers, user, pass, name, inboxUser: user ?? guestUser, log, signal });
  const bus = createBus({ transport, name: user ?? guestUser, log, prefix: lookup('POLYB_SUBJECT_PREFIX', find) });
  return { bus, [Symbol.asyncDispose]: () => bus.close() };
}

export interface ServeOptions extends Omit<ConnectOptions, 'name'> {
  /** The folder of the service's own tables, `0001_….sql` and on, applied before it starts; they are in the schema of its name, in snake_case. */
  readonly migrations?: string | undefined;
}
export interface Serving extends AsyncDisposable {
  readonly bus: BusHost;
  /** Takes no more work, finishes what is in flight, closes the connections. May be called again. */
  stop(): Promise<void>;
}

/** Serves until it is stopped. `name` is the bus user and the owner of tables, in kebab-case. DATABASE_URL is the journal of the system.
 *  @throws PolybError failed_precondition/bad_settings when a setting, a migration or the bus user is missing. */
export async function serve(
  name: string,
  service: Service,
  { root = process.cwd(), log, signal, migrations }: ServeOptions = {},
): Promise<Serving> {
  const find = openSources({ root });
  const url = lookup('DATABASE_URL', find);
  if (migrations !== undefined && url !== undefined) await applyMigrations(url, name, migrations);
  const daemon = await startDaemon([{ folder: name, service }], { migrations: await journalMigrations(), find, log, signal });
  const [only] = daemon.hosted;
  if (only === undefined) throw new PolybError('internal', `${name} was started without a bus.`);
  return { bus: only.bus, stop: daemon.stop, [Symbol.asyncDispose]: daemon.stop };
}

async function applyMigrations(url: string, name: string, folder: string): Promise<void> {
  const db = openPostgres({ url, name: `polyb ${name}`, log: warnings, connections: 1 });
  try {
    await migrate(db, await migrationsIn(name.replaceAll('-', '_'), folder));
  } finally {
    await db.close();
  }
}

const warnings: Log = { debug() {}, info() {}, warn: console.warn, error: console.error };
