/** Child processes that end with us, however we end, and also when they are stopped. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Evidence } from './evidence.ts';
import type { Pause } from './pauses.ts';

export interface Child {
  readonly pid: number;
  /** What came with its word that it is ready. */
  readonly told: unknown;
  readonly exited: Promise<void>;
  readonly alive: boolean;
  send(message: unknown): void;
  onMessage(heard: (message: unknown) => void): void;
  kill(signal: NodeJS.Signals): void;
}
export interface ChildOptions {
  /** Beside this file. */
  readonly file: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Options of Node. */
  readonly execArgv?: readonly string[];
  /** Told of each line that it writes. */
  readonly onLine?: (line: string) => void;
  readonly signal: AbortSignal;
  readonly evidence: Evidence;
}

const startUpMs = 30_000;

/** Forks a file that sends `ready`, or `{ ready }`, when it is. */
export async function startChild({ file, args = [], env = {}, execArgv = [], onLine, signal, evidence }: ChildOptions): Promise<Child> {
  signal.throwIfAborted();
  const verbose = process.env.FAULTS_VERBOSE !== undefined;
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', onLine ? 'pipe' : 'ignore', onLine ? 'pipe' : verbose ? 'inherit' : 'ignore', 'ipc'],
    execArgv: [...process.execArgv, '--import', new URL('pauses.ts', import.meta.url).href, ...execArgv],
    // A group of its own: Ctrl-C reaches this process, which ends its children when it is done with them.
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} could not be started`);
  watched(child, pid);
  if (onLine !== undefined)
    for (const input of [child.stdout, child.stderr]) if (input !== null) createInterface({ input }).on('line', onLine);
  // An error, as of a message to a child that was just killed, is no exit.
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const listeners = new Set<(message: unknown) => void>();
  const name = `${file} ${pid}`;
  evidence.note('started', { who: name });
  void exited.then(() => evidence.note('exited', { who: name, code: child.exitCode, signal: child.signalCode }));
  child.on('message', (message) => {
    if (typeof message === 'object' && message !== null && 'pause' in message) {
      evidence.paused(name, message.pause as Pause);
      return;
    }
    for (const heard of listeners) heard(message);
  });
  child.on('error', () => {}); // a message to a child that has just been killed
  const first = Promise.withResolvers<unknown>();
  const isReady = (message: unknown): void => {
    if (message === 'ready') first.resolve(true);
    if (typeof message === 'object' && message !== null && 'ready' in message) first.resolve(message.ready);
  };
  listeners.add(isReady);
  void exited.then(() => first.reject(new Error(`${file} ${args.join(' ')} ended before it was ready`)));
  const late = setTimeout(() => first.reject(new Error(`${file} is not ready after ${startUpMs / 1000} s`)), startUpMs);
  const abort = (): void => first.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    const told = await first.promise;
    return {
      pid,
      exited,
      told,
      get alive() {
        return child.exitCode === null && child.signalCode === null;
      },
      send(message) {
        if (child.connected) child.send(message as object);
      },
      onMessage: (heard) => void listeners.add(heard),
      kill(with_) {
        if (child.exitCode !== null || child.signalCode !== null) return;
        evidence.note(with_, { who: name });
        if (with_ === 'SIGSTOP') evidence.frozen(pid);
        child.kill(with_);
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(late);
    listeners.delete(isReady);
    signal.removeEventListener('abort', abort);
  }
}

let guard: ChildProcess | undefined;
/** A shell holds the list of our children and reads from a pipe: when we are gone, the pipe closes and it kills them. */
const guardScript = `trap '' INT TERM HUP
  pids=' '
  while read -r did pid; do
    case $did in
      began) pids="$pids$pid " ;;
      ended) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
    esac
  done
  for pid in $pids; do kill -KILL "$pid"; done 2> /dev/null`;

function watched(child: ChildProcess, pid: number): void {
  if (guard === undefined) {
    guard = spawn('/bin/sh', ['-c', guardScript], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    guard.unref();
    guard.stdin?.on('error', () => {}); // it may have been killed; then nobody watches
    (guard.stdin as unknown as { unref(): void } | null)?.unref(); // a socket, which does not keep us alive
  }
  guard.stdin?.write(`began ${pid}\n`);
  child.once('exit', () => guard?.stdin?.write(`ended ${pid}\n`));
}
