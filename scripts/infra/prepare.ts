import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { PolybError } from '../../contracts/kit/errors.ts';
import { findNatsServer } from './nats-server.ts';
import { findPostgres, type Postgres } from './postgres.ts';
import { clusterListens, freePort, natsAnswers, redisAnswers } from './ready.ts';
import { findRedis } from './redis.ts';
import { enterable, makeParent, type RunAs } from './unprivileged.ts';

const run = promisify(execFile);

/** A server that can be started: by `start.ts` as a child, or by whatever supervises daemons. */
export type ServerProgram = {
  readonly name: string;
  readonly bin: string;
  readonly args: readonly string[];
  readonly env: Record<string, string>;
  /** Spawn it as this user; undefined: as ourselves. */
  readonly runAs: RunAs | undefined;
  /** Everything the server keeps: its configuration, log and data. */
  readonly home: string;
  /** Asks for an orderly end. */
  readonly stopSignal: NodeJS.Signals;
  /** `nats://127.0.0.1:port`, `redis://…` with its password if it has one, or the superuser's URL of PostgreSQL's database `postgres`. */
  readonly url: string;
  readonly port: number;
  /** Whether it serves by now: this one, not another server on its port. */
  answers(): Promise<boolean>;
};

export type PrepareOptions = {
  /** Made when missing. */
  readonly dir: string;
  /** A free loopback port unless told. */
  readonly port?: number | undefined;
  readonly signal?: AbortSignal | undefined;
};
export type NatsOptions = PrepareOptions & {
  /** Included after our own options, so it may override them. */
  readonly configFile?: string | undefined;
  /** What the server calls itself in its greeting; a random name unless given. */
  readonly serverName?: string | undefined;
};
export type RedisOptions = PrepareOptions & {
  /** What clients have to show; without it every program on this machine may ask. */
  readonly password?: string | undefined;
};
export type PostgresOptions = PrepareOptions & {
  /** False trades the data's safety for speed: for unit tests only. */
  readonly durable: boolean;
};

/** Finds nats-server and writes its configuration. */
export async function prepareNats({
  dir,
  port: wanted,
  configFile,
  serverName = `polyb-${randomBytes(6).toString('hex')}`,
  signal,
}: NatsOptions): Promise<ServerProgram> {
  const { bin, env } = await findNatsServer({ signal });
  const port = wanted ?? (await freePort());
  const home = resolve(dir);
  const file = join(home, 'nats.conf');
  // nats-server reads an include's path as relative to the file that includes it.
  const include = configFile ? `include "${relative(home, resolve(configFile))}"\n` : '';
  await mkdir(home, { recursive: true });
  await writeFile(
    file,
    `host: "127.0.0.1"\nport: ${port}\nserver_name: "${serverName}"\nmax_payload: 1MB\nping_interval: "10s"\nwrite_deadline: "2s"\nmax_pending: 16MB\n${include}`,
  );
  return {
    name: 'nats-server',
    bin,
    args: ['-c', file],
    env,
    runAs: undefined,
    home,
    stopSignal: 'SIGTERM',
    url: `nats://127.0.0.1:${port}`,
    port,
    answers: () => natsAnswers(port, serverName),
  };
}

/** Finds Redis and writes its configuration. It keeps nothing on disk: what it holds may be lost, and above 64 MB the oldest of it is. */
export async function prepareRedis({ dir, port: wanted, password, signal }: RedisOptions): Promise<ServerProgram> {
  const { bin, env } = await findRedis({ signal });
  const port = wanted ?? (await freePort());
  const home = resolve(dir);
  const file = join(home, 'redis.conf');
  const settings = {
    bind: '127.0.0.1',
    port,
    save: '""',
    appendonly: 'no',
    dir: `"${home}"`,
    maxmemory: '64mb',
    'maxmemory-policy': 'allkeys-lru',
    ...(password !== undefined && { requirepass: password }),
  };
  await mkdir(home, { recursive: true });
  // Not as arguments: everybody on the machine can read those.
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`);
  await writeFile(file, lines.join(''), { mode: 0o600 });
  return {
    name: 'Redis',
    bin,
    args: [file],
    env,
    runAs: undefined,
    home,
    stopSignal: 'SIGTERM',
    url: `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`,
    port,
    answers: async () => (await redisAnswers(port, password)) === 'ready',
  };
}

/** Finds PostgreSQL and makes its cluster if there is none. Under root the home may stand elsewhere than `dir`: see `enterable`. */
export async function preparePostgres({ dir, port: wanted, durable, signal }: PostgresOptions): Promise<ServerProgram> {
  const found = await findPostgres({ signal });
  const home = enterable(dir, found.runAs);
  const password = await makeCluster(found, home, durable, signal);
  await dropStaleLock(join(home, 'data'));
  const port = wanted ?? (await freePort());
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: '128MB',
    ...(!durable && { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', autovacuum: 'off' }),
  };
  return {
    name: 'PostgreSQL',
    bin: found.postgres,
    args: ['-D', join(home, 'data'), ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    env: { ...found.env, LC_ALL: 'C' },
    runAs: found.runAs,
    home,
    // Fast shutdown, which keeps all data; immediate shutdown for data nobody wants.
    stopSignal: durable ? 'SIGINT' : 'SIGQUIT',
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    port,
    answers: () => clusterListens(join(home, 'data'), port),
  };
}

/** Makes `<home>/data` unless it is there, and returns the superuser's password. */
async function makeCluster(found: Postgres, home: string, durable: boolean, signal: AbortSignal | undefined): Promise<string> {
  const data = join(home, 'data');
  const passwordFile = join(home, 'password');
  if (existsSync(data)) {
    const made = Number(await readFile(join(data, 'PG_VERSION'), 'utf8'));
    if (made !== found.majorVersion) {
      throw new PolybError(
        'failed_precondition',
        `${data} was created by PostgreSQL ${made}, and the installed version is ${found.majorVersion}: install ${made}, or remove that folder`,
        { reason: 'other_version' },
      );
    }
    return readFile(passwordFile, 'utf8');
  }
  const password = randomBytes(16).toString('hex');
  makeParent(home);
  await mkdir(home, { recursive: true });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (found.runAs) for (const path of [home, passwordFile]) await chown(path, found.runAs.uid, found.runAs.gid);
  // Made aside and renamed: an interrupted initdb leaves nothing that looks like a cluster.
  const partial = `${data}.partial`;
  await rm(partial, { recursive: true, force: true });
  const options = ['-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', ...locale(found.majorVersion)];
  const made = run(found.initdb, ['-D', partial, ...options, '--no-instructions', ...(durable ? [] : ['--no-sync'])], {
    cwd: home,
    env: { ...process.env, ...found.env, LC_ALL: 'C' },
    signal,
    ...found.runAs,
  });
  await made.catch((error: { readonly stderr?: string; readonly message: string }) => {
    signal?.throwIfAborted();
    const said = (error.stderr?.trim() || error.message).split('\n').at(-1);
    throw /No space left on device/.test(error.stderr ?? '')
      ? new PolybError('unavailable', `The disk is full: a database could not be created in ${data}; free some space and try again.`, {
          reason: 'disk_full',
          cause: error,
        })
      : new PolybError('failed_precondition', `A database could not be created in ${data}: ${said}`, {
          reason: 'initdb_failed',
          cause: error,
        });
  });
  await rename(partial, data);
  return password;
}

/**
 * PostgreSQL refuses to start while the process that its lock file names lives; after a crash or in a new container that may be any other
 * program. Only Linux says what a process is; elsewhere PostgreSQL's own message does.
 */
async function dropStaleLock(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
  const program = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => undefined);
  if (program !== undefined && !/postgres|postmaster/.test(program)) await rm(file, { force: true });
}

/** Letters of every alphabet fold their case, and order is by code point, the same on every machine. */
function locale(majorVersion: number): string[] {
  if (majorVersion >= 17) return ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  return ['--locale=C', `--lc-ctype=${process.platform === 'linux' ? 'C.UTF-8' : 'en_US.UTF-8'}`];
}
