import { expect, test } from '@jest/globals';
import { quiet } from '../../scripts/quiet.ts';
import { until } from '../../scripts/testing/world.ts';
import { every, type Loop, loop } from '../service.ts';
import { startLoop } from './loops.ts';

/** One lease for all holders, as the table keeps it. */
function leases() {
  let holder: string | undefined;
  const asked: string[] = [];
  const journal = {
    leaseLoop: async (_service: string, _name: string, who: string) => {
      asked.push(who);
      holder ??= who;
      return holder === who;
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

test('a turn that goes on longer than its lease is told when another has it', async () => {
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

test('a job whose time another process took waits for its next time', async () => {
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

test('a loop that fails is tried again, and stop waits for the turn that runs', async () => {
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
