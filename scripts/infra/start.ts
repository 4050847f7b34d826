import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type NatsOptions,
  type PostgresOptions,
  type PrepareOptions,
  prepareNats,
  preparePostgres,
  prepareRedis,
  type RedisOptions,
  type ServerProgram,
} from './prepare.ts';
import { isFree } from './ready.ts';
import { enterable, unprivileged } from './unprivileged.ts';

export type RunningServer = {
  /** `nats://127.0.0.1:port`, or the superuser's URL of PostgreSQL's database `postgres`. */
  readonly url: string;
  readonly pid: number;
  /** Aborted, with the end of the server's log as its reason, once it has ended. */
  readonly ended: AbortSignal;
  /** Ends the server and waits for it; may be called again, also when it has died. */
  stop(): Promise<void>;
};

type Temporary = {
  /** Removes everything the server keeps once it has ended, however it and this process end. */
  readonly temporary?: boolean;
};

const startUpMs = 30_000;
const killAfterMs = 10_000;
const portAttempts = 3;

/** Starts a nats-server on loopback, ready when this resolves. It ends with this process, even when this process is killed. */
export function startNats(options: NatsOptions & Temporary): Promise<RunningServer> {
  return start(prepareNats, options);
}

/** Starts a PostgreSQL on loopback, ready when this resolves. It ends with this process, even when this process is killed. */
export function startPostgres(options: PostgresOptions & Temporary): Promise<RunningServer> {
  return start(preparePostgres, options);
}

/** Starts a Redis on loopback that keeps nothing, ready when this resolves. It ends with this process, even when this process is killed. */
export function startRedis(options: RedisOptions & Temporary): Promise<RunningServer> {
  return start(prepareRedis, options);
}

async function start<Options extends PrepareOptions & Temporary>(
  prepare: (options: Options) => Promise<ServerProgram>,
  options: Options,
): Promise<RunningServer> {
  for (let attempt = 1; ; attempt++) {
    const program = await prepareIn(options, prepare);
    const server = spawnServer(program, options.temporary ?? false);
    try {
      await untilReady(program, AbortSignal.any([server.ended, ...(options.signal ? [options.signal] : [])]));
      return { url: program.url, pid: server.pid, ended: server.ended, stop: server.stop };
    } catch (error) {
      const died = server.ended.aborted;
      await server.stop();
      options.signal?.throwIfAborted();
      // Between choosing a free port and listening on it another process may have taken it.
      if (!died || options.port !== undefined || attempt === portAttempts) throw error;
    }
  }
}

async function prepareIn<Options extends PrepareOptions & Temporary>(
  options: Options,
  prepare: (options: Options) => Promise<ServerProgram>,
): Promise<ServerProgram> {
  try {
    const program = await prepare(options);
    if (await isFree(program.port)) return program;
    throw new Error(`${program.name} cannot start: another program listens on 127.0.0.1:${program.port}`);
  } catch (error) {
    if (options.temporary) {
      for (const made of [options.dir, enterable(options.dir, unprivileged())]) await rm(made, { recursive: true, force: true });
    }
    throw error;
  }
}

async function untilReady(program: ServerProgram, signal: AbortSignal): Promise<void> {
  const until = performance.now() + startUpMs;
  while (!(await program.answers())) {
    signal.throwIfAborted();
    if (performance.now() > until) throw new Error(`${program.name} is not ready after ${startUpMs / 1000} s`);
    await delay(10);
  }
  signal.throwIfAborted();
}

function spawnServer(program: ServerProgram, temporary: boolean) {
  const logFile = join(program.home, 'server.log');
  const log = openSync(logFile, 'a', 0o600);
  const before = fstatSync(log).size;
  const child = spawn(program.bin, program.args, {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...program.env },
    // A group of its own: Ctrl-C reaches this process, which stops the server when it is done with it.
    detached: process.platform !== 'win32',
    ...program.runAs,
  });
  closeSync(log);
  child.unref();
  const ended = new AbortController();
  const exit = new Promise<void>((resolve) => {
    const end = (why: string) => {
      const printed = readFileSync(logFile, { flag: 'a+' }).subarray(before).toString().slice(-2_000);
      ended.abort(new Error(`${program.name} ${why}\n${printed}`));
      resolve();
    };
    child.once('error', (error) => end(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => end(`ended with ${signal ?? code}`));
  });
  const release = child.pid === undefined ? () => {} : tieToOurLife(child, child.pid, program, temporary);

  let stopping: Promise<void> | undefined;
  const stop = async () => {
    child.ref();
    child.kill(program.stopSignal);
    const late = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    await exit;
    clearTimeout(late);
    release();
    if (temporary) await rm(program.home, { recursive: true, force: true });
  };
  return {
    pid: child.pid ?? 0,
    /** Aborted, with the end of the log as its reason, once the server has ended. */
    ended: ended.signal,
    stop: () => (stopping ??= stop()),
  };
}

/**
 * A shell waits on a pipe from this process: when we are gone, however that came, the pipe closes and the shell ends the server.
 * Windows has no such shell; there only an orderly end of this process ends the server. Returns what undoes it.
 */
function tieToOurLife(child: ChildProcess, pid: number, program: ServerProgram, temporary: boolean): () => void {
  if (process.platform === 'win32') {
    const kill = () => void child.kill();
    process.once('exit', kill);
    return () => void process.off('exit', kill);
  }
  const script = `trap '' INT TERM HUP
    if read -r _; then
      read -r _
    else
      kill -${program.stopSignal.slice(3)} "$1"
      n=0
      while [ $n -lt ${killAfterMs / 100} ] && kill -0 "$1" && ! grep -q 'State:.Z' "/proc/$1/status"; do sleep 0.1; n=$((n + 1)); done
      kill -KILL "$1"
    fi
    [ -z "$2" ] || rm -rf "$2"`;
  const args = ['-c', script, 'polyb-guard', String(pid), temporary ? program.home : ''];
  const guard = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  // A line tells the guard that the server has ended by itself: its process id may belong to another by now.
  child.once('exit', () => guard.stdin?.write('\n'));
  // The guard's own end closes the pipe, which is no news.
  guard.stdin?.on('error', () => {});
  guard.unref();
  return () => void guard.kill('SIGKILL');
}
