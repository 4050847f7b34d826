/**
 * Brings a database to the newest schema, one process at a time: every folder's numbered SQL files in order, once each,
 * then its `functions.sql`, which only creates or replaces functions and is applied again whenever its content changed.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isPolybError, PolybError } from '../../contracts/kit/errors.ts';
import type { Postgres } from './postgres.ts';

export interface Migration {
  /** Schema and owner: `journal`, or a service's folder in snake_case. */
  readonly owner: string;
  /** `0001_journal.sql`, or `functions.sql`. */
  readonly file: string;
  readonly sql: string;
  readonly sha256: string;
}

const functionsFile = 'functions.sql';

/** Migrations of a folder in order; none where the folder is missing. Digits sort before letters, so `functions.sql` comes last. */
export async function migrationsIn(owner: string, folder: string): Promise<readonly Migration[]> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return Promise.all(
    files
      .filter((file) => file === functionsFile || /^\d{4}_[a-z0-9_]+\.sql$/.test(file))
      .sort()
      .map(async (file) => {
        const sql = await readFile(join(folder, file), 'utf8');
        return { owner, file, sql, sha256: createHash('sha256').update(sql).digest('hex') };
      }),
  );
}

const applied = `select owner, file, sha256 from polyb.migrations`;
const table = `create schema if not exists polyb;
  create table if not exists polyb.migrations (owner text, file text, sha256 text not null, applied_at timestamptz not null default now(), primary key (owner, file))`;
/** Any number, the same for every process that migrates. */
const lock = 7_021_961;

/** Applies the missing migrations and returns their names.
 *  @throws PolybError failed_precondition/migration_changed when an applied file was changed since. */
export async function migrate(db: Postgres, migrations: readonly Migration[]): Promise<readonly string[]> {
  return db.session(async (session) => {
    await session.query('select pg_advisory_lock($1)', [lock]);
    await session.run(table);
    const known = new Map(
      (await session.query<{ owner: string; file: string; sha256: string }>(applied)).map((row) => [
        `${row.owner}/${row.file}`,
        row.sha256,
      ]),
    );
    const done: string[] = [];
    for (const { owner, file, sql, sha256 } of migrations) {
      const name = `${owner}/${file}`;
      const was = known.get(name);
      if (was === sha256) continue;
      if (was !== undefined && file !== functionsFile)
        throw new PolybError(
          'failed_precondition',
          `Migration ${name} was applied to this database with other content. If you changed the file, restore it and add a new one; if the database is older than release 0.1.0, recreate it: \`polyb down --wipe\` and \`polyb up\` (a database of your own: drop it), which deletes its data.`,
          { reason: 'migration_changed' },
        );
      const made = session.run(
        `begin; create schema if not exists "${owner}"; ${sql};\ninsert into polyb.migrations (owner, file, sha256) values ('${owner}', '${file}', '${sha256}')
           on conflict (owner, file) do update set sha256 = excluded.sha256, applied_at = now(); commit`,
      );
      await made.catch((error: unknown) => {
        throw failedIn(name, error);
      });
      done.push(name);
    }
    return done;
  });
}

/** An error of the statement itself; an unavailable or full server says nothing about the file. */
function failedIn(name: string, error: unknown): unknown {
  const { message, cause } = error as { readonly message?: string; readonly cause?: { readonly message?: string } };
  if (isPolybError(error) && error.retryable) return error;
  const said = isPolybError(error) ? (cause?.message ?? message) : message;
  return new PolybError('failed_precondition', `Migration ${name} failed and changed nothing: ${said}`, {
    reason: 'migration_failed',
    cause: error,
  });
}

/** Names of migrations that the database lacks, and of `functions.sql` files whose content it does not have. */
export async function pending(db: Postgres, migrations: readonly Migration[]): Promise<readonly string[]> {
  const [has] = await db.query<{ there: boolean }>(`select to_regclass('polyb.migrations') is not null as there`);
  const known = new Map(
    has?.there
      ? (await db.query<{ owner: string; file: string; sha256: string }>(applied)).map((row) => [`${row.owner}/${row.file}`, row.sha256])
      : [],
  );
  return migrations
    .filter(({ owner, file, sha256 }) => {
      const was = known.get(`${owner}/${file}`);
      return was === undefined || (file === functionsFile && was !== sha256);
    })
    .map(({ owner, file }) => `${owner}/${file}`);
}
