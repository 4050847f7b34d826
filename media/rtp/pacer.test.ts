import { MessageChannel } from 'node:worker_threads';
import { afterEach, expect, test } from '@jest/globals';
import { until } from '../../test/kit/until.ts';
import { createPacer } from './pacer.ts';

const realNow = Date.now;
afterEach(() => {
  Date.now = realNow;
});
/** A pacer on the monotonic clock, and the deadlines passed to one session. */
function setup(everyMs: 10 | 20 = 20) {
  const dues: number[] = [];
  const failures: unknown[] = [];
  const pacer = createPacer({ clock: () => performance.now(), ticked: () => {}, failed: (_, error) => failures.push(error) });
  const paced = pacer.add((dueMs) => dues.push(dueMs), everyMs);
  /** How many deadlines have passed since the first one. */
  const passed = () => Math.floor((performance.now() - (dues[0] ?? performance.now())) / everyMs);
  const gaps = () => new Set(dues.slice(1).map((due, nth) => Math.round(due - (dues[nth] ?? 0))));
  return { pacer, paced, dues, failures, passed, gaps };
}
const block = (ms: number) => {
  const until = performance.now() + ms;
  while (performance.now() < until);
};

test('a wall clock that is set back by 90 ms, and forward, moves no deadline', async () => {
  const { pacer, dues, passed, gaps } = setup();
  await until(() => dues.length >= 5);
  Date.now = () => realNow() - 90;
  await until(() => dues.length >= 15);
  Date.now = () => realNow() + 10_000;
  await until(() => dues.length >= 25);
  await until(() => dues.length >= passed());
  expect(gaps()).toEqual(new Set([20]));
  expect(dues.length).toBeLessThanOrEqual(passed() + 1);
  pacer.stop();
});
test('after a stall of 250 ms every missed deadline is made up for, and the next ones are in their place', async () => {
  const { pacer, dues, passed, gaps } = setup();
  await until(() => dues.length >= 3);
  block(250);
  expect(pacer.lateMs()).toBeGreaterThan(200);
  await until(() => dues.length >= 30 && dues.length >= passed());
  expect(gaps()).toEqual(new Set([20]));
  const { count, p99, worst } = pacer.takeLateness();
  expect(count).toBe(dues.length);
  expect([p99, worst].every((ms) => ms >= 200)).toBe(true);
  expect(pacer.takeLateness()).toEqual({ count: 0, p50: 0, p99: 0, worst: 0 });
  pacer.stop();
});
test('of a stall of ten seconds at most one second is made up for', async () => {
  let ahead = 0;
  const dues: number[] = [];
  const pacer = createPacer({ clock: () => performance.now() + ahead, ticked: () => {}, failed: () => {} });
  pacer.add((dueMs) => dues.push(dueMs), 20);
  await until(() => dues.length >= 3);
  ahead = 10_000;
  const before = dues.length;
  await until(() => (dues.at(-1) ?? 0) - (dues[0] ?? 0) > 10_000);
  const since = dues.slice(before).filter((due) => due < (dues[0] ?? 0) + 10_000);
  expect(since.length).toBeGreaterThan(20);
  expect(since.length).toBeLessThanOrEqual(52);
  expect(since.every((due) => Math.round(due - (dues[0] ?? 0)) % 20 === 0)).toBe(true);
  pacer.stop();
});
test('packets that wait are read before the ticks of a stall', async () => {
  const { pacer, dues } = setup();
  await until(() => dues.length >= 3);
  let readAt: number | null = null;
  const before = dues.length;
  const { port1, port2 } = new MessageChannel();
  port2.on('message', () => {
    readAt ??= dues.length;
  });
  await new Promise<void>((resolve) =>
    setImmediate(() => {
      port1.postMessage(1); // waits in the poll phase, as a packet does
      block(100); // and timers come before it
      resolve();
    }),
  );
  await until(() => dues.length > before + 3);
  expect(readAt).toBe(before);
  port1.close();
  pacer.stop();
});
test('sessions are spread evenly over the 20 ms of a frame', async () => {
  const phases = new Map<number, number>();
  const pacer = createPacer({ clock: () => performance.now(), ticked: () => {}, failed: () => {} });
  const firsts = Array.from({ length: 40 }, () => Number.NaN);
  firsts.forEach((_, nth) => {
    pacer.add((dueMs) => {
      if (Number.isNaN(firsts[nth])) firsts[nth] = dueMs;
    }, 20);
  });
  await until(() => !firsts.some(Number.isNaN));
  for (const first of firsts) {
    const phase = Math.round(first - Math.min(...firsts)) % 20;
    phases.set(phase, (phases.get(phase) ?? 0) + 1);
  }
  expect([...phases.values()]).toEqual(new Array(10).fill(4));
  pacer.stop();
});
test('an interval of 10 ms is kept, changed and ended', async () => {
  const { pacer, paced, dues, gaps } = setup(10);
  await until(() => dues.length >= 5);
  expect(gaps()).toEqual(new Set([10]));
  paced.every(20);
  dues.length = 0;
  await until(() => dues.length >= 3);
  expect(gaps()).toEqual(new Set([20]));
  paced.remove();
  dues.length = 0;
  const other = setup();
  await until(() => other.dues.length >= 3);
  expect(dues).toEqual([]);
  other.pacer.stop();
  pacer.stop();
});
test('a tick that throws fails alone', async () => {
  const { pacer, dues, failures } = setup();
  pacer.add(() => {
    throw new Error('of one session');
  }, 20);
  await until(() => dues.length >= 3 && failures.length >= 2);
  expect(failures[0]).toMatchObject({ message: 'of one session' });
  pacer.stop();
});
