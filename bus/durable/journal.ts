/**
 * The journal's runtime in one process: it acquires attempts of keyed calls, runs their handlers, and records how they ended.
 *
 * Glossary: a *row* is one keyed call; an *attempt* is one run of its handler, under a *lease*; a *function* may run again under its key,
 * an *effect* may not unless it is known not to have happened; the outcome of an attempt may be *unknown*.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { BusHost } from '../bus.ts';
import type { RunKeyed } from '../call.ts';
import type { Consumer, Guard, Log } from '../service.ts';
import { newId } from './identity.ts';
import type { JournalParts, ServedMethod } from './journal-parts.ts';
import { keepWith } from './keep.ts';
import { leases } from './leases.ts';
import { policyOf } from './policy.ts';
import { runner } from './run.ts';
import { runSlots } from './run-slots.ts';
import type { Store } from './store.ts';
import type { Transactions } from './transaction.ts';
import { createWatchers } from './watchers.ts';
import { createWorker } from './worker.ts';

export interface JournalOptions {
  readonly store: Store;
  readonly bus: BusHost;
  readonly transactions: Transactions;
  /** Keyed methods that this process serves. */
  readonly served: readonly ServedMethod[];
  readonly guards: readonly Guard[];
  /** Consumers by the method name of their dead letters. */
  readonly consumers: ReadonlyMap<string, Consumer>;
  /** Names this process in leases and logs. */
  readonly holder: string;
  readonly log: Log;
  /** 8 s, after which the work of a dead holder is taken over. */
  readonly leaseMs?: number | undefined;
  readonly renewMs?: number | undefined;
  /** How long an idle worker sleeps unless woken; 1 s. */
  readonly idleMs?: number | undefined;
  /** Attempts that the worker runs at once; 128. */
  readonly concurrency?: number | undefined;
}
export interface Journal {
  /** Runs keyed calls. */
  readonly keep: RunKeyed;
  /** Starts the worker, which claims due rows, sweeps abandoned ones, and looks up unknown outcomes. */
  start(): void;
  /** Makes the worker look for due rows at once. */
  wake(): void;
  /** Claims no more rows and waits up to `graceMs` for running attempts. */
  drain(graceMs: number): Promise<void>;
}

export function createJournal({
  store,
  bus,
  transactions,
  served,
  guards,
  consumers,
  holder,
  log,
  leaseMs = 8_000,
  renewMs = 2_000,
  idleMs = 1_000,
  concurrency = 128,
}: JournalOptions): Journal {
  const underWay = new Set<Promise<unknown>>();
  const held = leases({ journal: store.journal, leaseMs, renewMs, log });
  const watchers = createWatchers();
  let isStopped = false;
  let working: Promise<void> | undefined;

  const parts: JournalParts = {
    store,
    bus,
    transactions,
    log,
    holder,
    leaseMs,
    idleMs,
    concurrency,
    served: new Map(served.map((it) => [it.method.address, it])),
    policies: Object.fromEntries([
      ...served.map(({ method, handler }) => [method.address, policyOf(method, handler)]),
      ...[...consumers.keys()].map((method) => [method, { method, handling: 'function', settleMs: 0, settles: false }]),
    ]),
    guards: Map.groupBy(guards, ({ guards: of }) => of.address),
    consumers,
    leases: held,
    watchers,
    track(work) {
      underWay.add(work);
      void work.then(
        () => underWay.delete(work),
        () => underWay.delete(work),
      );
      return work;
    },
    isStopped: () => isStopped,
    wake: () => worker.wake(),
  };
  const runs = runSlots(runner({ store, bus, held, log, leaseMs, newId }), watchers, concurrency);
  const worker = createWorker(parts, runs);

  return {
    keep: keepWith(parts, runs),
    start() {
      working ??= worker.run();
    },
    wake: worker.wake,
    async drain(graceMs) {
      isStopped = true;
      worker.wake();
      await working;
      await Promise.race([Promise.allSettled([...underWay]), delay(graceMs, undefined, { ref: false })]);
      held.stop();
    },
  };
}
