/** Loops: repeated turns with back-off, leases, wake-ups and drain. */
import { Cron } from 'croner';
import { toPolybError } from '../../contracts/errors.ts';
import { discreet } from '../discreet.ts';
import type { Log, Loop } from '../service.ts';
import { backoffMs } from './outcome.ts';
import type { JournalStore } from './store.ts';

export interface RunningLoop {
  readonly name: string;
  readonly schedule: string;
  wake(): void;
  stop(): Promise<void>;
}
type LoopStore = Pick<JournalStore, 'leaseLoop' | 'reportLoop'>;

/** A dead holder's loop is taken over after it; a turn that takes longer has its lease renewed meanwhile. */
const loopLeaseMs = 8_000;
const reportEveryMs = 30_000;

export function scheduleOf({ schedule }: Loop): string {
  return 'cron' in schedule
    ? schedule.cron
    : `every ${schedule.idleMs} ms${schedule.wakeOn === undefined ? '' : `, and on ${schedule.wakeOn.address}`}`;
}

/** @param only how the lease is kept; absent, every process runs the loop. */
export function startLoop({
  loop,
  service,
  holder,
  journal,
  log,
}: {
  loop: Loop;
  service: string;
  holder: string;
  journal: LoopStore | undefined;
  log: Log;
}): RunningLoop {
  const stopping = new AbortController();
  const cron = 'cron' in loop.schedule ? new Cron(loop.schedule.cron, { timezone: 'UTC', paused: true }) : undefined;
  let wakeUp = (): void => {};
  let woken = false;
  let failures = 0;
  let leasedUntil = 0;
  let reportedAt = 0;
  let reportedError: string | null = null;

  const nextRunAt = (): number | null => cron?.nextRun()?.getTime() ?? null;
  const idleMs = (): number =>
    'cron' in loop.schedule ? Math.max(0, (nextRunAt() ?? Date.now() + 3_600_000) - Date.now()) : loop.schedule.idleMs;
  const take = async (): Promise<boolean> => {
    if (loop.only === undefined || journal === undefined) return true;
    if (leasedUntil - Date.now() > loopLeaseMs / 2) return true;
    const asked = Date.now();
    const mine = await journal.leaseLoop(service, loop.name, holder, loopLeaseMs);
    leasedUntil = mine ? asked + loopLeaseMs : 0;
    return mine;
  };
  /** One turn, whose signal also fires when the lease could not be kept. */
  const turn = async (): Promise<'more' | 'idle'> => {
    if (loop.only === undefined) return loop.turn(stopping.signal);
    const lost = new AbortController();
    const renewal = setInterval(() => {
      take().then(
        (mine) => mine || lost.abort(new Error('the lease of the loop was lost')),
        () => leasedUntil < Date.now() && lost.abort(new Error('the lease of the loop ran out')),
      );
    }, loopLeaseMs / 4);
    try {
      return await loop.turn(AbortSignal.any([stopping.signal, lost.signal]));
    } finally {
      clearInterval(renewal);
    }
  };
  const report = async (error: string | null): Promise<void> => {
    const due = Date.now() - reportedAt > reportEveryMs || error !== reportedError || cron !== undefined;
    if (!due || journal === undefined) return;
    reportedAt = Date.now();
    reportedError = error;
    await journal.reportLoop(service, loop.name, { error, nextRunAt: nextRunAt() });
  };
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (woken || stopping.signal.aborted) return resolve();
      // A timer holds at most 2^31-1 ms; a later job is simply looked at again.
      const timer = setTimeout(resolve, Math.min(ms, 2_000_000_000));
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  async function turns(): Promise<void> {
    if (cron !== undefined) await sleep(idleMs());
    while (!stopping.signal.aborted) {
      woken = false;
      let pauseMs = 0;
      try {
        if (await take()) {
          const said = await turn();
          if (said === 'idle') pauseMs = idleMs();
          failures = 0;
          await report(null);
        } else pauseMs = cron === undefined ? Math.max(1_000, Math.min(idleMs(), loopLeaseMs / 4)) : idleMs(); // whoever has it does the job of this time
      } catch (thrown) {
        if (stopping.signal.aborted) break;
        failures += 1;
        pauseMs = backoffMs(failures, { firstMs: 200, lastMs: 5_000 });
        const safe = discreet(thrown);
        const error = toPolybError(safe);
        log.warn({ err: safe, loop: loop.name, failures }, 'a loop failed');
        await report(`${error.code}: ${error.message}`.slice(0, 2000)).catch(() => {}); // the store may be what failed; the next report tells
      }
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }
  const running = turns();

  return {
    name: loop.name,
    schedule: scheduleOf(loop),
    wake() {
      woken = true;
      wakeUp();
    },
    async stop() {
      stopping.abort();
      wakeUp();
      cron?.stop();
      await running;
    },
  };
}
