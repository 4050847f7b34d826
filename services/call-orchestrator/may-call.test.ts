import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { calls } from '../../contracts/calls.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { type Fixture, fixture } from './fixture.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());
const real = { isSimulated: false };
const at = (time: string) => Date.parse(`${time}Z`);
const until = (time: string, reason: string) => ({ notBefore: new Date(at(time)), reason });

/** One call from its start to its end. */
async function wholeCall(on: Fixture, key: string, outcome: 'answered' | 'busy' | 'failed', rings = true): Promise<void> {
  const { callId } = await on.start(key);
  if (rings) await on.leg(callId, 'ringing');
  await on.leg(callId, 'ended', { outcome });
}

test('at noon nothing speaks against a first call', async () => {
  const on = await fixture(store, {}, real);
  expect(await on.judge()).toBe('go');
});

test('a phone in a call is asked for again a few seconds later', async () => {
  const on = await fixture(store, {}, real);
  await on.start('k1');
  expect(await on.judge()).toEqual(until('2026-05-05T09:00:02', 'active_call'));
  expect(await on.judge({ phoneNumber: '+79995553323' })).toBe('go');
});

test('at night the call waits for the morning where the callee is', async () => {
  const on = await fixture(store, {}, real);
  on.clock.ms = at('2026-05-05T18:00:00');
  expect(await on.judge()).toEqual(until('2026-05-06T06:00:00', 'quiet_hours'));
  expect(await on.judge({ timeZone: 'America/New_York' })).toBe('go');
  expect(await on.judge({ timeZone: 'Asia/Vladivostok' })).toEqual(until('2026-05-05T23:00:00', 'quiet_hours'));
});

test('the zone of an earlier call holds when the request names none', async () => {
  const on = await fixture(store, {}, real);
  const { callId } = await on.start('k1', { timeZone: 'America/New_York' });
  await on.leg(callId, 'ended', { outcome: 'busy' });
  on.clock.ms = at('2026-05-05T18:00:00');
  expect(await on.judge()).toBe('go');
  expect(await on.judge({ timeZone: 'Europe/Moscow' })).toMatchObject({ reason: 'quiet_hours' });
  expect(await on.judge({ phoneNumber: '+79995553323' })).toMatchObject({ reason: 'quiet_hours' });
});

test('the fourth call of a day waits for the first allowed moment of the next, counted where the callee is', async () => {
  const on = await fixture(store, {}, real);
  on.clock.ms = at('2026-05-04T20:30:00'); // 23:30 of the day before in Moscow
  await wholeCall(on, 'k0', 'busy');
  on.clock.ms = at('2026-05-05T09:00:00');
  await wholeCall(on, 'k1', 'answered');
  await wholeCall(on, 'k2', 'busy');
  expect(await on.judge()).toBe('go');
  await wholeCall(on, 'k3', 'busy');
  expect(await on.judge()).toEqual(until('2026-05-06T06:00:00', 'attempts'));
  on.clock.ms = at('2026-05-06T06:00:00');
  expect(await on.judge()).toBe('go');
});

test('a call that failed before the phone rang does not count, one that rang does', async () => {
  const on = await fixture(store, { CALL_ATTEMPTS_PER_DAY: '1' }, real);
  await wholeCall(on, 'k1', 'failed', false);
  expect(await on.judge()).toBe('go');
  await wholeCall(on, 'k2', 'failed');
  expect(await on.judge()).toMatchObject({ reason: 'attempts' });
});

test('a phone on the do-not-call list is refused for good, until it is taken off', async () => {
  const on = await fixture(store, {}, real);
  for (const reason of ['asked us', 'asked us twice']) await on.ask(calls.forbid_calls, { phoneNumber: '+79995553322', reason });
  expect(await on.judge()).toEqual({ refuse: 'do_not_call' });
  expect(await on.judge({ phoneNumber: '+79995553323' })).toBe('go');
  for (const _ of [1, 2]) await on.ask(calls.allow_calls, { phoneNumber: '+79995553322' });
  expect(await on.judge()).toBe('go');
});

test('each change of the do-not-call list is an event', async () => {
  const on = await fixture(store, {}, real);
  await on.ask(calls.forbid_calls, { phoneNumber: '+79995553322', reason: 'asked us' });
  await on.ask(calls.allow_calls, { phoneNumber: '+79995553322' });
  expect(on.emitted.map(({ event, payload }) => [event, (payload as { isForbidden: boolean }).isForbidden])).toEqual([
    ['calls.do_not_call_changed', true],
    ['calls.do_not_call_changed', false],
  ]);
});

test('a call that may not be started later than the first allowed moment is stale, not waiting', async () => {
  const on = await fixture(store, {}, real);
  const by = (time: string) => on.judge({ notAfter: `${time}Z` });
  expect(await by('2026-05-05T09:00:00')).toBe('go');
  on.clock.ms += 1;
  expect(await by('2026-05-05T09:00:00')).toMatchObject({ refuse: 'stale' });
  on.clock.ms = at('2026-05-05T18:00:00');
  expect(await by('2026-05-06T05:59:59')).toMatchObject({ refuse: 'stale' });
  expect(await by('2026-05-06T06:00:00')).toEqual(until('2026-05-06T06:00:00', 'quiet_hours'));
});

test('the do-not-call list is read newest first, page by page, also where entries came at one time; a phone is found in it', async () => {
  const on = await fixture(store, {}, real);
  const phones = [1, 2, 3, 4, 5].map((n) => `+7999555332${n}`);
  for (const [n, phoneNumber] of phones.entries()) {
    // The last four come within one millisecond.
    if (n === 1) on.clock.ms += 60_000;
    await on.ask(calls.forbid_calls, { phoneNumber, reason: `reason ${n}` });
  }
  const listed: string[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await on.ask(calls.list_forbidden, { limit: 2, ...(cursor ? { cursor } : {}) });
    listed.push(...page.items.map(({ phoneNumber }) => phoneNumber));
    cursor = page.nextCursor;
    if (cursor) expect(cursor).not.toContain('7999');
  } while (cursor !== null);
  expect(listed.toSorted()).toEqual(phones);
  expect(listed.at(-1)).toBe(phones[0]);
  const { items } = await on.ask(calls.list_forbidden, { phoneNumber: '+79995553323', limit: 9 });
  expect(items).toEqual([{ phoneNumber: '+79995553323', reason: 'reason 2', since: new Date(on.clock.ms).toISOString() }]);
  await expect(on.ask(calls.list_forbidden, { limit: 9, cursor: '1 or true' })).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('the simulator may call at night, a thousand times', async () => {
  const on = await fixture(store);
  on.clock.ms = at('2026-05-05T23:00:00');
  for (let n = 0; n < 10; n += 1) await wholeCall(on, `k${n}`, 'busy');
  expect(await on.judge()).toBe('go');
});

test('a gateway that does not reply may ring phones, until it says that it is simulated', async () => {
  const on = await fixture(store);
  on.clock.ms = at('2026-05-05T23:00:00');
  on.telephonyFails.with = new PolybError('unavailable', 'not now');
  expect(await on.judge()).toMatchObject({ reason: 'quiet_hours' });
  delete on.telephonyFails.with;
  expect(await on.judge()).toBe('go');
});

test('what is set holds for the simulator too', async () => {
  const on = await fixture(store, { CALL_HOURS: '10:00-11:00', CALL_TIME_ZONE: 'UTC' });
  expect(await on.judge()).toEqual(until('2026-05-05T10:00:00', 'quiet_hours'));
});
