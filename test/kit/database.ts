import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import pg from 'pg';

const template = 'polyb_template';
/** How long a test waits for a connection: PostgreSQL makes them slowly on a busy machine. */
export const testPatienceMs = 40_000;

export type TestDatabase = {
  readonly url: string;
  /** Removes the database and whoever is still connected to it; may be called again. */
  drop(): Promise<void>;
};

/** A fresh migrated database of its own for one test or one test file. Its files are copied: through the log, which is the default, it takes three times the work. */
export async function testDatabase(): Promise<TestDatabase> {
  const server = process.env.DATABASE_URL;
  if (!server) throw new Error('DATABASE_URL is not set: run the tests with `npm test`, which starts PostgreSQL');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await administer(server, (version) => `CREATE DATABASE ${name} TEMPLATE ${template} ${version < 150_000 ? '' : 'STRATEGY file_copy'}`);
  return { url: databaseUrl(server, name), drop: () => administer(server, () => `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/** Makes the database that `testDatabase` copies, migrated as a real one is. */
export async function makeTemplate(server: string): Promise<void> {
  await administer(server, () => `CREATE DATABASE ${template}`);
  const migrations = new URL('../../runtime/migrate.ts', import.meta.url);
  if (existsSync(migrations)) {
    const { migrate } = await import(migrations.href);
    await migrate({ url: databaseUrl(server, template) });
  }
}

function databaseUrl(server: string, name: string): string {
  return Object.assign(new URL(server), { pathname: `/${name}` }).href;
}

/** One connection of this process to each server: PostgreSQL takes longer to start a session than to copy a database. */
const sessions = new Map<string, pg.Pool>();

/** @param statement gets the version of the server, such as 150018. */
async function administer(server: string, statement: (version: number) => string): Promise<void> {
  let session = sessions.get(server);
  if (session === undefined) {
    session = new pg.Pool({ connectionString: server, max: 1, idleTimeoutMillis: 0, allowExitOnIdle: true });
    session.on('error', () => {}); // an idle connection ends with its server; the pool makes another
    sessions.set(server, session);
  }
  const { rows } = await session.query("SELECT current_setting('server_version_num')::int AS version");
  await session.query(statement(rows[0].version));
}
