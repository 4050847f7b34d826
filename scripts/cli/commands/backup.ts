/** `polyb backup` and `restore`: the database that DATABASE_URL names, as pg_dump writes it, with a manifest beside it. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Invocation } from '../kernel/command.ts';
import { confirm } from '../kernel/confirm.ts';
import { databaseUrl } from '../kernel/database-url.ts';
import { refusal, wrongUsage } from '../kernel/failure.ts';

interface Manifest {
  readonly format: 'polyb-backup-1';
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly database: string;
  readonly createdAt: string;
  readonly polyb: string;
  readonly postgres: number;
}
const manifestOf = (file: string) => `${file}.json`;

export async function backup(invocation: Invocation): Promise<number> {
  const { args, out, signal, env } = invocation;
  const file = args[0] ?? `polyb-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}.dump`;
  if (existsSync(file)) throw wrongUsage(`${file} already exists`, { subject: 'backup' });
  const url = databaseUrl(env, 'backup');
  const { pgDump, majorVersion, env: libraries } = await tools();
  const part = `${file}.part`;
  try {
    const child = spawn(pgDump, ['--format=custom', '--no-owner', '--no-privileges'], {
      env: { ...process.env, ...libraries, ...connection(url) },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    const ended = endOf(child);
    await pipeline(child.stdout, createWriteStream(part, { mode: 0o600 }));
    await ended;
    const manifest: Manifest = {
      format: 'polyb-backup-1',
      file: basename(file),
      bytes: statSync(part).size,
      sha256: await sha256(part),
      database: new URL(url).pathname.slice(1),
      createdAt: new Date().toISOString(),
      polyb: (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }).version,
      postgres: majorVersion,
    };
    writeFileSync(manifestOf(file), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
    renameSync(part, file);
    await out.result(manifest, { text: () => `${file}  ${manifest.bytes} bytes` });
    out.note(`${file} and ${manifestOf(file)} contain personal data: protect them like the database   polyb restore ${file}`, 'ok');
    out.note('the backup does not include files of messages: copy BLOB_DIR or the bucket too   polyb backup --help', 'warn');
    return 0;
  } finally {
    rmSync(part, { force: true });
  }
}

export async function restore(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal, env } = invocation;
  const [file] = args;
  if (file === undefined)
    throw wrongUsage('expected a file that polyb backup wrote', { subject: 'restore', next: ['polyb restore --help'] });
  const manifest = await checked(file);
  if (flags.on('check')) {
    await out.result(manifest, { text: () => `${file} matches its manifest` });
    return 0;
  }
  const url = databaseUrl(env, 'backup');
  const { pgRestore, psql, majorVersion, env: libraries } = await tools();
  if (majorVersion < manifest.postgres) {
    throw refusal(
      'failed_precondition',
      `written by PostgreSQL ${manifest.postgres}; the tools on this machine are of version ${majorVersion}`,
      {
        subject: file,
        effect: 'nothing_done',
      },
    );
  }
  const name = new URL(url).pathname.slice(1);
  await confirm(`This replaces everything in database ${name} with the backup ${file} (${manifest.createdAt})`, {
    out,
    signal,
    subject: 'restore',
  });
  const run = { env: { ...process.env, ...libraries, ...connection(url) }, signal };
  const reading = spawn(pgRestore, ['--clean', '--if-exists', '--no-owner', '--no-privileges', '--file=-', file], {
    ...run,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // One transaction: an end half-way leaves the database as it was.
  const writing = spawn(psql, ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--single-transaction', '--file=-'], {
    ...run,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const written = endOf(writing);
  written.catch(() => {}); // told below
  writing.stdin.write(dropSchemas);
  const [piped, read] = await Promise.allSettled([pipeline(reading.stdout, writing.stdin, { end: false }), endOf(reading)]);
  // The end of its input makes psql commit, so that must not come before all of it is known to have been read.
  if (piped.status === 'rejected' || read.status === 'rejected') writing.kill();
  if (piped.status === 'fulfilled' && read.status === 'rejected') throw read.reason;
  writing.stdin.end(renumber);
  await written;
  await out.result({ ...manifest, restored: file, database: name }, { text: () => `${name} has the state of ${manifest.createdAt}` });
  out.note(
    'rows that were in progress at that time continue; check them before services attempt them: polyb pause, polyb up, polyb reviews ls',
    'warn',
  );
  return 0;
}

/** Services keep their tables in schemas of their own; one that came after the backup must not stay. */
const dropSchemas = `SET client_min_messages = warning;
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|public$)' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', name);
  END LOOP;
END $$;
`;

/** In another cluster the journal's transaction numbers mean nothing. A backup without the function is renumbered by the first service that starts. */
const renumber = `
DO $$ BEGIN
  IF to_regprocedure('journal.renumber()') IS NOT NULL THEN PERFORM journal.renumber(); END IF;
END $$;
`;

async function tools() {
  const { findPostgres } = await import('../../infra/postgres.ts');
  const { pgDump, pgRestore, psql, majorVersion, env } = await findPostgres();
  if (pgDump === null || pgRestore === null || psql === null) {
    throw refusal('failed_precondition', 'pg_dump, pg_restore and psql were not found', {
      subject: 'backup',
      effect: 'nothing_done',
      next: ['apt-get install postgresql-client'],
    });
  }
  return { pgDump, pgRestore, psql, majorVersion, env };
}

/** The address as the environment of libpq's programs, so that no password stands in a list of processes. */
function connection(url: string): Record<string, string> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const host = searchParams.get('host') ?? hostname.replace(/^\[|\]$/g, '');
  const sslMode = searchParams.get('sslmode');
  return {
    PGHOST: host,
    ...(port && { PGPORT: port }),
    ...(username && { PGUSER: decodeURIComponent(username) }),
    ...(password && { PGPASSWORD: decodeURIComponent(password) }),
    ...(sslMode && { PGSSLMODE: sslMode }),
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
  };
}

/** Resolves when the program ended well. @throws upstream_failed with its last lines. */
async function endOf(child: ReturnType<typeof spawn>): Promise<void> {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-2000);
  });
  const status = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', done);
  });
  if (status === 0) return;
  throw refusal('upstream_failed', said.trim().split('\n').slice(-3).join(' ') || `${child.spawnfile} ended with ${status}`, {
    subject: basename(child.spawnfile),
    effect: 'nothing_done',
  });
}

async function checked(file: string): Promise<Manifest> {
  if (!existsSync(file) || !existsSync(manifestOf(file)))
    throw wrongUsage(`${existsSync(file) ? manifestOf(file) : file} does not exist`, { subject: 'restore' });
  const manifest = JSON.parse(readFileSync(manifestOf(file), 'utf8')) as Manifest;
  if (manifest.format !== 'polyb-backup-1') throw wrongUsage(`${manifestOf(file)}: expected format polyb-backup-1`, { subject: 'restore' });
  if ((await sha256(file)) !== manifest.sha256) {
    throw refusal('failed_precondition', 'the file does not match its manifest: it was truncated or changed', {
      subject: file,
      effect: 'nothing_done',
      reason: 'bad_backup',
    });
  }
  return manifest;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
