import { expect, test } from '@jest/globals';
import { quiet } from '../../runtime/noop-log.ts';
import { until } from '../../test/kit/world.ts';
import { every, type Loop, loop } from '../service.ts';
import { startLoop } from './loops.ts';

/** One lease for all holders, as the table keeps it. */
function leases() {
  let holder: string | undefined;
  const asked: string[] = [];
  let lastDue = 0;
  const journal = {
    leaseLoop: async (_service: string, _name: string, who: string) => {
      asked.push(who);
      holder ??= who;
      return holder === who ? 0 : null;
    },
    takeTime: async (_service: string, _name: string, at: number) => {
      const isFirst = at > lastDue;
      lastDue = Math.max(lastDue, at);
      return isFirst;
    },
    reportLoop: async () => {},
  };
  return {
    journal,
    asked,
    passTo: (who: string) => {
      holder = who;
    },
  };
}
const start = (one: Loop, holder: string, journal: ReturnType<typeof leases>['journal']) =>
  startLoop({ loop: one, service: 's', holder, journal, log: quiet });

test('a loop with a lease runs in one of two processes', async () => {
  const { journal } = leases();
  const turns: string[] = [];
  const of = (who: string) =>
    start(
      loop('l', { idleMs: 5, only: 'l' }, async () => {
        turns.push(who);
        return 'idle';
      }),
      who,
      journal,
    );
  const [a, b] = [of('a'), of('b')];
  await until(() => turns.length > 5);
  await Promise.all([a.stop(), b.stop()]);
  expect(new Set(turns).size).toBe(1);
});

test('the signal of a turn fires when another process takes the lease', async () => {
  const { journal, passTo } = leases();
  let why: unknown;
  const a = start(
    loop(
      'l',
      { idleMs: 5, only: 'l' },
      (signal) =>
        new Promise((resolve) =>
          signal.addEventListener('abort', () => {
            why = signal.reason;
            resolve('idle');
          }),
        ),
    ),
    'a',
    journal,
  );
  await until(() => true);
  passTo('b');
  await until(() => why);
  await a.stop();
  expect(String(why)).toMatch(/lease/);
});

test('a job whose time another process took waits for the next time', async () => {
  const { journal, asked, passTo } = leases();
  passTo('other');
  let runs = 0;
  const a = start(
    every('job', '0 0 1 1 *', async () => {
      runs += 1;
    }),
    'a',
    journal,
  );
  a.wake();
  await until(() => asked.length > 0);
  await a.stop();
  expect([runs, asked]).toEqual([0, ['a']]);
});

test('a failing loop is retried, and stop waits for the running turn', async () => {
  let turns = 0;
  let ended = false;
  const a = startLoop({
    loop: loop('l', { idleMs: 5 }, async (signal) => {
      turns += 1;
      if (turns === 1) throw new Error('once');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      ended = true;
      return 'idle';
    }),
    service: 's',
    holder: 'a',
    journal: undefined,
    log: quiet,
  });
  await until(() => turns === 2);
  await a.stop();
  await a.stop();
  expect(ended).toBe(true);
});

/** A job of `every` beside a clock that the test sets; `runs` are the clock's times. */
function jobBy(journal: ReturnType<typeof leases>['journal'], cron: string, at: string) {
  let clock = Date.parse(at);
  let looks = 0;
  const runs: string[] = [];
  const now = () => {
    looks += 1;
    return clock;
  };
  const one = startLoop({
    loop: every('job', cron, async () => void runs.push(new Date(clock).toISOString())),
    service: 's',
    holder: 'a',
    journal,
    log: quiet,
    now,
    lookEveryMs: 5,
  });
  /** Resolves when the job has looked at the clock many times since. */
  const set = async (to: string): Promise<void> => {
    clock = Date.parse(to);
    const from = looks;
    await until(() => looks > from + 20 || null);
  };
  return { runs, set, wake: one.wake, stop: one.stop };
}

test('a job beyond the maximum of a timer runs at its time and not before', async () => {
  const job = jobBy(leases().journal, '0 9 1 * *', '2026-12-01T09:00:01Z');
  for (const at of ['2026-12-24T12:33:00Z', '2026-12-26T00:00:00Z', '2027-01-01T08:59:59Z']) await job.set(at);
  expect(job.runs).toEqual([]);
  await job.set('2027-01-01T09:00:00Z');
  await job.set('2027-01-24T09:00:00Z');
  expect(job.runs).toEqual(['2027-01-01T09:00:00.000Z']);
  await job.stop();
});

test('a clock that is set back repeats no run, and one that is wrong for a while skips none', async () => {
  const job = jobBy(leases().journal, '0 * * * *', '2026-12-01T08:59:00Z');
  await job.set('2026-12-01T09:00:00Z');
  await job.set('2026-12-01T08:30:00Z');
  await job.set('2026-12-01T09:00:00Z');
  await job.set('2029-01-01T00:30:00Z');
  await job.set('2026-12-01T09:59:00Z');
  await job.set('2026-12-01T10:00:10Z');
  expect(job.runs).toEqual(['2026-12-01T09:00:00.000Z', '2026-12-01T10:00:10.000Z']);
  await job.stop();
});

test('times that the machine slept through are skipped and shift no others', async () => {
  const job = jobBy(leases().journal, '23 * * * *', '2026-12-01T08:00:00Z');
  await job.set('2026-12-01T11:50:00Z');
  expect(job.runs).toEqual([]);
  await job.set('2026-12-01T12:23:30Z');
  expect(job.runs).toEqual(['2026-12-01T12:23:30.000Z']);
  await job.stop();
});

test('two processes with different clocks run a job once per time, and a woken one runs it at once', async () => {
  const { journal, passTo } = leases();
  const [a, b] = ['2026-12-01T08:59:00Z', '2026-12-01T08:58:00Z'].map((at) => jobBy(journal, '0 9 * * *', at)) as [
    ReturnType<typeof jobBy>,
    ReturnType<typeof jobBy>,
  ];
  passTo('a');
  await a.set('2026-12-01T09:00:00Z');
  await b.set('2026-12-01T09:00:30Z');
  expect([a.runs, b.runs]).toEqual([['2026-12-01T09:00:00.000Z'], []]);
  b.wake();
  await until(() => b.runs.length > 0 || null);
  await Promise.all([a.stop(), b.stop()]);
});
