import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { journalMigrations } from '../adapters/store/index.ts';
import { migrate as apply, type Migration, migrationsIn } from '../adapters/store/migrate.ts';
import { openPostgres } from '../adapters/store/postgres.ts';
import { database } from '../config/common.ts';
import { read } from '../config/read.ts';
import { exitOf, isPolybError, PolybError, toPolybError } from '../contracts/kit/errors.ts';
import { quiet } from './noop-log.ts';
import { servicesDir } from './services.ts';

/** Every migration of this code: the journal's, then those of each service folder. */
export async function migrations(services = servicesDir): Promise<readonly Migration[]> {
  const folders = (await readdir(services, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const owned = folders.sort().map((folder) => serviceMigrations(folder, services));
  return (await Promise.all([journalMigrations(), ...owned])).flat();
}

/** Migrations of a service: of the schema of its name in snake_case, and, in folders named after them, of schemas that it took over from another service. */
export async function serviceMigrations(folder: string, services = servicesDir): Promise<readonly Migration[]> {
  const at = join(services, folder, 'migrations');
  const schemas = existsSync(at) ? (await readdir(at, { withFileTypes: true })).filter((entry) => entry.isDirectory()) : [];
  const takenOver = schemas.map(({ name }) => migrationsIn(name, join(at, name)));
  return (await Promise.all([migrationsIn(folder.replaceAll('-', '_'), at), ...takenOver])).flat();
}

/**
 * Brings the database at `url` to the newest schema, making the database itself when it is missing, and answers the names of what it applied.
 * A repeat applies nothing; several at once wait for each other.
 * @throws PolybError unavailable/store_down; failed_precondition/store_refused when PostgreSQL does not let us in.
 */
export async function migrate({ url, services }: { readonly url: string; readonly services?: string }): Promise<readonly string[]> {
  const all = await migrations(services);
  const db = openPostgres({ url, name: 'polyb-migrate', log: quiet, connections: 1 });
  try {
    return await apply(db, all);
  } catch (error) {
    if (!isSqlState(error, '3D000')) throw refused(error, url);
    await createDatabase(url);
    return await apply(db, all);
  } finally {
    await db.close();
  }
}

async function createDatabase(url: string): Promise<void> {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  const server = openPostgres({
    url: Object.assign(new URL(url), { pathname: '/postgres' }).href,
    name: 'polyb-migrate',
    log: quiet,
    connections: 1,
  });
  try {
    await server.session((session) => session.run(`create database "${name.replaceAll('"', '""')}"`));
  } catch (error) {
    // Another process may have made it meanwhile.
    if (isSqlState(error, '42P04') || isSqlState(error, '23505')) return;
    throw new PolybError('failed_precondition', `Database ${name} does not exist and could not be created: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await server.close();
  }
}

/** Away, or SQLSTATE class 28: the user or the password is not right. */
function refused(error: unknown, url: string): unknown {
  const { host, protocol } = new URL(url);
  if (isPolybError(error) && error.reason === 'store_down')
    return new PolybError(
      'unavailable',
      `No PostgreSQL responds at ${host}; check DATABASE_URL (${protocol}//user:password@host:5432/database).`,
      {
        reason: 'store_down',
        cause: error,
      },
    );
  const { code } = (Error.isError(error) ? error : {}) as { code?: unknown };
  if (typeof code !== 'string' || !code.startsWith('28')) return error;
  return new PolybError(
    'failed_precondition',
    `PostgreSQL at ${host} refuses the user or the password of DATABASE_URL: ${messageOf(error)}`,
    {
      reason: 'store_refused',
      cause: error,
    },
  );
}

function isSqlState(error: unknown, code: string): boolean {
  return Error.isError(error) && (error as { code?: unknown }).code === code;
}
const messageOf = (error: unknown): string => (Error.isError(error) ? (error as Error).message : String(error));

if (import.meta.main) {
  try {
    const { DATABASE_URL: url } = read([database]).of(database);
    if (url === undefined) {
      throw new PolybError('failed_precondition', 'DATABASE_URL is not set: point it at PostgreSQL, or run `polyb up`, which starts one.', {
        reason: 'bad_settings',
      });
    }
    const applied = await migrate({ url });
    console.error(applied.length === 0 ? 'The database is up to date.' : applied.map((name) => `applied ${name}`).join('\n'));
  } catch (thrown) {
    const error = toPolybError(thrown);
    console.error(`✗ ${error === thrown ? error.message : messageOf(thrown)}`);
    process.exitCode = exitOf(error);
  }
}
