/** Loops: repeated turns with back-off, leases, wake-ups and drain. */
import { Cron } from 'croner';
import { toPolybError } from '../../contracts/kit/errors.ts';
import { redactError } from '../server/redact-error.ts';
import type { Log, Loop } from '../service.ts';
import { notifier } from './notifier.ts';
import { backoffMs } from './outcome.ts';
import type { JournalStore } from './store.ts';

export interface RunningLoop {
  readonly name: string;
  readonly schedule: string;
  wake(): void;
  stop(): Promise<void>;
}
type LoopStore = Pick<JournalStore, 'leaseLoop' | 'takeTime' | 'reportLoop'>;

/** A dead holder's loop is taken over after it; the lease of a longer turn is renewed. */
const loopLeaseMs = 8_000;
const reportEveryMs = 30_000;
/** Maximum delay of a job of `every`; times that the machine slept through are skipped. */
const mostLateMs = 60_000;

export function scheduleOf({ schedule }: Loop): string {
  return 'cron' in schedule
    ? schedule.cron
    : `every ${schedule.idleMs} ms${schedule.wakeOn === undefined ? '' : `, and on ${schedule.wakeOn.address}`}`;
}

/** Runs the loop until `stop`. Without a journal or `only`, every process runs it. */
export function startLoop({
  loop,
  service,
  holder,
  journal,
  log,
  now = Date.now,
  lookEveryMs = 30_000,
}: {
  loop: Loop;
  service: string;
  holder: string;
  journal: LoopStore | undefined;
  log: Log;
  /** The wall clock by which jobs of `every` run. */
  now?: () => number;
  /** How often such a job reads the clock: a timer ignores changes of the clock and the time that a machine sleeps. */
  lookEveryMs?: number;
}): RunningLoop {
  const stopping = new AbortController();
  const cron = 'cron' in loop.schedule ? new Cron(loop.schedule.cron, { timezone: 'UTC', paused: true }) : undefined;
  const pause = notifier();
  let failures = 0;
  let leasedUntil = 0;
  /** Holders were lost in turns of this loop; the next finished turn resets their count. */
  let isSuspect = false;
  let reportedAt = 0;
  let reportedError: string | null = null;

  /** The last time of the job that this process ran. */
  let tookTime = 0;
  const nextRunAt = (): number | null => cron?.nextRun(new Date(Math.max(tookTime, now())))?.getTime() ?? null;
  const take = async (): Promise<boolean> => {
    if (loop.only === undefined || journal === undefined) return true;
    if (leasedUntil - Date.now() > loopLeaseMs / 2) return true;
    const requestedAt = Date.now();
    const takeovers = await journal.leaseLoop(service, loop.name, holder, loopLeaseMs);
    leasedUntil = takeovers === null ? 0 : requestedAt + loopLeaseMs;
    isSuspect = takeovers !== null && takeovers > 0;
    return takeovers !== null;
  };
  /** One turn; its signal also fires when the lease is lost. */
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
    const due = Date.now() - reportedAt > reportEveryMs || error !== reportedError || cron !== undefined || isSuspect;
    if (!due || journal === undefined) return;
    reportedAt = Date.now();
    reportedError = error;
    await journal.reportLoop(service, loop.name, { error, nextRunAt: nextRunAt() });
    isSuspect = false;
  };
  const sleep = (ms: number): Promise<boolean> => pause.wait(ms, stopping.signal);

  /** One turn under the lease. A number: it failed; the pause before the next. */
  async function tried(): Promise<'more' | 'idle' | 'leased_by_another' | number> {
    try {
      if (!(await take())) return 'leased_by_another';
      const result = await turn();
      failures = 0;
      await report(null);
      return result;
    } catch (thrown) {
      if (stopping.signal.aborted) return 'idle';
      failures += 1;
      const safe = redactError(thrown);
      const error = toPolybError(safe);
      log.warn({ err: safe, loop: loop.name, failures }, 'a loop failed');
      await report(`${error.code}: ${error.message}`.slice(0, 2000)).catch(() => {}); // the store itself may have failed; the next report has the error
      return backoffMs(failures, { firstMs: 200, lastMs: 5_000 });
    }
  }
  async function repeat(idleMs: number): Promise<void> {
    while (!stopping.signal.aborted) {
      const result = await tried();
      if (result === 'more') continue;
      await sleep(typeof result === 'number' ? result : result === 'idle' ? idleMs : Math.max(1_000, Math.min(idleMs, loopLeaseMs / 4)));
    }
  }
  async function atTimes(): Promise<void> {
    for (let due = nextRunAt(); !stopping.signal.aborted; due = nextRunAt()) {
      // Computes the time again after `lookEveryMs`, because the clock may have been set.
      const isWoken = await sleep(due === null ? lookEveryMs : Math.max(0, Math.min(due - now(), lookEveryMs)));
      const isDue = due !== null && now() >= due && now() - due <= mostLateMs;
      if (!isDue && !isWoken) continue;
      if (isDue && due !== null && !(await takeTime(due))) continue;
      for (let result = await tried(); typeof result === 'number'; result = await tried()) await sleep(result);
    }
  }
  /** Each time belongs to the first process that takes it, independently of its clock. */
  async function takeTime(due: number): Promise<boolean> {
    try {
      if (journal !== undefined && !(await journal.takeTime(service, loop.name, due))) return false;
    } catch (error) {
      log.warn({ err: error, loop: loop.name }, 'the next time of a job could not be computed; the job is left out');
      return false;
    }
    tookTime = due;
    return true;
  }
  const running = 'cron' in loop.schedule ? atTimes() : repeat(loop.schedule.idleMs);

  return {
    name: loop.name,
    schedule: scheduleOf(loop),
    wake: pause.notify,
    async stop() {
      stopping.abort();
      cron?.stop();
      await running;
    },
  };
}
