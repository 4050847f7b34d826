/** What a fault test works in: a real nats-server that can be killed, a durable database, the provider, and workers as processes. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import { openStore, type PostgresStore } from '../../adapters/store/index.ts';
import { type BusHost, createBus } from '../../bus/bus.ts';
import { connectNats } from '../../bus/nats.ts';
import type { Log } from '../../bus/service.ts';
import { type RunningServer, startNats } from '../infra/start.ts';
import { temporaryDir } from '../infra/temporary.ts';
import { type Child, startChild } from './child.ts';
import { Effect, type Order, type ProviderSetup } from './provider.ts';
import type { RunOptions } from './test.ts';
import type { WorkerSetup } from './worker.ts';

export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Leases of a quarter of the usual. What must be longer than a lease, the provider's lag and the HTTP time-out together is `settleMs`. */
const pace = { leaseMs: 2_000, renewMs: 500, idleMs: 150 };
const provider = { lagMs: 800, slowMs: 1_500, thinkMs: 60, httpMs: 1_000 };
const settleMs = pace.leaseMs + provider.lagMs + provider.slowMs + provider.thinkMs + provider.httpMs + 1_000;
/** The longest freeze that settle and lease cover. */
export const freezeMs = 4_500;

export interface Lab extends AsyncDisposable {
  readonly natsUrl: string;
  readonly store: PostgresStore;
  readonly provider: Child;
  startWorker(over?: Partial<z.input<typeof WorkerSetup>>): Promise<Child>;
  /** A caller on a connection of its own. */
  client(name?: string): Promise<BusHost>;
  /** Kills the nats-server. */
  killNats(): Promise<void>;
  /** Starts it again at the same address; resolves when it answers. */
  restartNats(): Promise<void>;
  /** Every effect that the provider has accepted. */
  effects(): readonly z.output<typeof Effect>[];
  order(order: z.input<typeof Order>): void;
}

export async function openLab({
  seed,
  signal: outer,
  database,
  faults = 0,
  thinkMs = 0,
}: Pick<RunOptions, 'seed' | 'signal' | 'database'> & {
  /** Share of the provider's answers that go wrong. */
  readonly faults?: number;
  /** Longest time that the provider takes before it acts, and again before it answers. */
  readonly thinkMs?: number;
}): Promise<Lab> {
  const dir = temporaryDir();
  const file = join(dir, 'effects.jsonl');
  const children = new Set<Child>();
  const buses: BusHost[] = [];
  const cleanup: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true })];
  const closing = new AbortController();
  const signal = AbortSignal.any([outer, closing.signal]);
  const close = async (): Promise<void> => {
    closing.abort(new Error('the lab closes'));
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
    const setup: z.input<typeof ProviderSetup> = { file, natsUrl, seed, faults, thinkMs, lagMs: provider.lagMs, slowMs: provider.slowMs };
    const outside = await startChild({ file: './provider.ts', args: [JSON.stringify(setup)], signal });
    children.add(outside);
    return {
      natsUrl,
      store,
      provider: outside,
      async startWorker(over = {}) {
        const worker: z.input<typeof WorkerSetup> = {
          natsUrl,
          databaseUrl,
          providerUrl: String(outside.told),
          settleMs,
          httpMs: provider.httpMs,
          pace,
          clockSkewMs: 250,
          off: [],
          ...over,
        };
        const child = await startChild({ file: './worker.ts', args: [JSON.stringify(worker)], signal });
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
      effects: () => linesOf(file).map((line) => Effect.parse(JSON.parse(line))),
      order: (order) => outside.send(order),
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
