/** The worker of one process: claims due rows, looks up unknown outcomes, and sweeps abandoned rows. */
import { isPolybError } from '../../contracts/kit/errors.ts';
import { attemptClaimed } from './attempt-claimed.ts';
import type { JournalParts } from './journal-parts.ts';
import { lookUp } from './look-up.ts';
import { notifier } from './notifier.ts';
import type { RunSlots } from './run-slots.ts';

/** Rows claimed in one statement at most. */
const mostClaimed = 64;
const mostLookedUp = 32;

export interface Worker {
  /** Resolves when the journal has stopped. */
  run(): Promise<void>;
  /** Ends the pause between two turns. */
  wake(): void;
}

export function createWorker(parts: JournalParts, runs: RunSlots): Worker {
  const { store, policies, holder, leaseMs, idleMs, concurrency, log } = parts;
  const methods = [...parts.served.keys()];
  /** Attempts that the worker claimed; those of calls are bounded by the bus. */
  let claimed = 0;
  const pause = notifier();

  async function run(): Promise<void> {
    let isAway = false;
    let sweptAt = 0;
    while (!parts.isStopped()) {
      let isFull = false;
      try {
        const room = Math.min(mostClaimed, concurrency - claimed);
        const since = performance.now();
        const rows = room > 0 ? await store.journal.claim(policies, holder, leaseMs, room) : [];
        const unknown = await store.journal.toLookUp(methods, leaseMs, mostLookedUp);
        for (const row of rows) void parts.track(settle(attemptClaimed(parts, runs, row, since)));
        for (const row of unknown) void parts.track(settle(lookUp(parts, row)));
        if (Date.now() - sweptAt >= idleMs) {
          sweptAt = Date.now();
          await store.journal.sweep(methods);
        }
        isFull = rows.length === room && room > 0;
        if (isAway) log.info({}, 'the journal is available again');
        isAway = false;
      } catch (error) {
        if (!isAway) log.warn({ err: error }, 'the journal is unavailable; retrying every second');
        isAway = true;
      }
      if (!isFull && !parts.isStopped()) await pause.wait(idleMs);
    }
  }

  /** A claimed attempt has no caller: its outcome is in its row. */
  async function settle(work: Promise<void>): Promise<void> {
    claimed += 1;
    try {
      await work;
    } catch (thrown) {
      if (!isPolybError(thrown)) log.error({ err: thrown }, 'an attempt failed unexpectedly');
    } finally {
      claimed -= 1;
      pause.notify();
    }
  }
  return { run, wake: pause.notify };
}
