/** The ground under a fault test: a real nats-server that can be killed, a fresh durable database, and processes that end with the test. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openStore, type PostgresStore } from '../../adapters/store/index.ts';
import { type BusHost, createBus } from '../../bus/bus.ts';
import { connectNats } from '../../bus/transports/nats.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { type RunningServer, startNats } from '../../scripts/infra/start.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { type Child, type ChildOptions, startChild } from './child.ts';
import type { RunOptions } from './test.ts';

export interface Ground extends AsyncDisposable {
  /** Removed in the end. */
  readonly dir: string;
  readonly natsUrl: string;
  readonly databaseUrl: string;
  readonly store: PostgresStore;
  start(child: Omit<ChildOptions, 'signal' | 'evidence'>): Promise<Child>;
  /** A caller on a connection of its own. */
  client(name?: string): Promise<BusHost>;
  /** Kills the nats-server. */
  killNats(): Promise<void>;
  /** Starts it again at the same address; resolves when it answers. */
  restartNats(): Promise<void>;
}

export async function openGround({
  signal: outer,
  database,
  evidence,
}: Pick<RunOptions, 'signal' | 'database' | 'evidence'>): Promise<Ground> {
  const dir = temporaryDir();
  const children = new Set<Child>();
  const buses: BusHost[] = [];
  const cleanup: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true }), () => evidence.keep(dir)];
  const closing = new AbortController();
  const signal = AbortSignal.any([outer, closing.signal]);
  const close = async (): Promise<void> => {
    closing.abort(new Error('the test is over'));
    for (const child of children) child.kill('SIGKILL');
    await Promise.all([...children].map(({ exited }) => exited));
    await Promise.all(buses.map((bus) => bus.close({ graceMs: 500 })));
    for (const step of cleanup.reverse()) await step();
  };
  try {
    let nats: RunningServer = await startNats({ dir: join(dir, 'nats'), signal });
    const { url: natsUrl } = nats;
    cleanup.push(() => nats.stop());
    const databaseUrl = await database();
    const store = openStore({ url: databaseUrl, name: 'faults', log: quiet, connections: 6 });
    cleanup.push(() => store.close());
    return {
      dir,
      natsUrl,
      databaseUrl,
      store,
      async start(options) {
        const child = await startChild({ ...options, signal, evidence });
        children.add(child);
        void child.exited.then(() => children.delete(child));
        return child;
      },
      async client(name = 'operator') {
        const transport = await connectNats({ servers: natsUrl, name, inboxUser: name, signal, timeoutMs: 10_000 });
        const bus = createBus({ transport, name, log: quiet });
        buses.push(bus);
        return bus;
      },
      async killNats() {
        process.kill(nats.pid, 'SIGKILL');
        await ended(nats);
      },
      async restartNats() {
        nats = await startNats({ dir: join(dir, 'nats'), port: Number(new URL(natsUrl).port), signal });
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

export function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []; // nothing has happened yet
    throw error;
  }
}

function ended(server: RunningServer): Promise<void> {
  return new Promise((resolve) => {
    if (server.ended.aborted) resolve();
    else server.ended.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** True as soon as `look` says so; false when it has not within `withinMs`. */
export async function eventually(look: () => boolean | Promise<boolean>, withinMs: number, signal: AbortSignal): Promise<boolean> {
  for (const until = performance.now() + withinMs; performance.now() < until; ) {
    if (await look()) return true;
    await delay(20, undefined, { signal });
  }
  return look();
}
