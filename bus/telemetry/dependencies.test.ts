import { expect, test } from '@jest/globals';
import { PolybError } from '../../contracts/kit/errors.ts';
import { createHealth } from './dependencies.ts';
import { dependencyReports } from './dependency-reports.ts';

function setup() {
  const clock = { ms: 1_000 };
  const health = createHealth(() => clock.ms);
  const telegram = health.of('telegram:updates');
  const ask = (failure?: unknown) =>
    telegram.watch(async () => {
      if (failure !== undefined) throw failure;
      return 'answered';
    });
  const failing = async (failure: unknown) => {
    await expect(ask(failure)).rejects.toBe(failure);
    return health.statuses()[0]?.failure;
  };
  return { clock, health, ask, failing };
}

test.each([
  ['too much', new PolybError('resource_exhausted', ''), 'resource_exhausted'],
  ['out of reach', new PolybError('unavailable', '', { reason: 'connect_failed' }), 'unavailable/connect_failed'],
  ['slow', new PolybError('deadline_exceeded', ''), 'deadline_exceeded'],
  ['garbage', new PolybError('upstream_failed', '', { reason: 'bad_reply' }), 'upstream_failed/bad_reply'],
  [
    'a wrong key',
    new PolybError('failed_precondition', '', { reason: 'upstream_credentials' }),
    'failed_precondition/upstream_credentials',
  ],
  ['another poller', new PolybError('conflict', '', { reason: 'other_poller' }), 'conflict/other_poller'],
])('an answer of %s is a failure of theirs, and goes through as it came', async (_, failure, told) => {
  expect(await setup().failing(failure)).toBe(told);
});

test('a refused request proves that the dependency works', async () => {
  const { ask, failing } = setup();
  expect(await failing(new PolybError('unavailable', ''))).toBe('unavailable');
  expect(await failing(new PolybError('failed_precondition', '', { reason: 'blocked' }))).toBeNull();
  expect(await ask()).toBe('answered');
});

test('a cancelled request and an internal error leave the status unchanged', async () => {
  const { failing } = setup();
  expect(await failing(new PolybError('cancelled', ''))).toBeUndefined();
  expect(await failing(new TypeError('ours'))).toBeUndefined();
});

test('the start of a failure stays the same over further failing requests', async () => {
  const { clock, health, ask, failing } = setup();
  await ask();
  clock.ms = 2_000;
  await failing(new PolybError('unavailable', ''));
  clock.ms = 3_000;
  await failing(new PolybError('deadline_exceeded', ''));
  expect(health.statuses()).toEqual([{ target: 'telegram:updates', failure: 'deadline_exceeded', since: 2_000, at: 3_000 }]);
  clock.ms = 4_000;
  await ask();
  expect(health.statuses()).toEqual([{ target: 'telegram:updates', failure: null, since: 4_000, at: 4_000 }]);
});

test('the later report of two instances counts, and replies of other programs are ignored', () => {
  const ping = (daemon: string, told: unknown) => ({ metadata: { 'polyb.daemon': daemon, 'polyb.health': JSON.stringify(told) } });
  const failed = { target: 'telegram:updates', failure: 'unavailable', since: 1, at: 5 };
  const works = { target: 'telegram:updates', failure: null, since: 6, at: 7 };
  const strange = [
    null,
    'x',
    {},
    { metadata: null },
    { metadata: { 'polyb.daemon': 'x', 'polyb.health': '{' } },
    ping('x', [{ target: 1 }]),
  ];
  expect(dependencyReports([ping('collector', [works]), ...strange, ping('collector', [failed]), ping('sender', [failed])])).toEqual([
    { service: 'collector', ...works },
    { service: 'sender', ...failed },
  ]);
});
