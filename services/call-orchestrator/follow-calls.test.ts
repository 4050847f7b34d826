import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { calls } from '../../contracts/calls.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { until } from '../../test/kit/until.ts';
import { fixture } from './fixture.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());
const placed = (legId: string, reportsEnd = true) => ({ state: 'done' as const, output: { legId, reportsEnd }, reason: null });

test('a call goes from ringing to its end with the times of its leg, and reports the length of the talk', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  await at.leg(callId, 'ringing', { at: '2026-05-05T09:00:01.000Z' });
  await at.leg(callId, 'answered', { at: '2026-05-05T09:00:03.000Z' });
  await at.leg(callId, 'ended', {
    at: '2026-05-05T09:00:10.500Z',
    outcome: 'answered',
    endedBy: 'remote',
    hangUpCause: 'normal',
    q850: 16,
  });
  expect(at.told(callId)).toEqual(['call_started', 'call_ringing', 'call_answered', 'call_ended']);
  expect(at.emitted.at(-1)?.payload).toEqual({
    callId,
    leadId: 'lead_1',
    direction: 'out',
    at: '2026-05-05T09:00:10.500Z',
    outcome: 'answered',
    answeredBy: null,
    key: 'k1',
    endedBy: 'remote',
    hangUpCause: 'normal',
    recordingId: null,
    startedAt: '2026-05-05T09:00:00.000Z',
    durationMs: 7500,
  });
  expect(await at.ask(calls.get_call, { callId })).toEqual({
    callId,
    direction: 'out',
    leadId: 'lead_1',
    phoneNumber: '+79995553322',
    line: null,
    legId: `leg_of_${callId}`,
    state: 'ended',
    outcome: 'answered',
    answeredBy: null,
    endedBy: 'remote',
    hangUpCause: 'normal',
    q850: 16,
    recordingId: null,
    provider: null,
    transferredTo: null,
    createdAt: '2026-05-05T09:00:00.000Z',
    ringingAt: '2026-05-05T09:00:01.000Z',
    answeredAt: '2026-05-05T09:00:03.000Z',
    endedAt: '2026-05-05T09:00:10.500Z',
    needsAttention: false,
    key: 'k1',
  });
});

test('a talk that nobody had lasts no time', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  await at.leg(callId, 'ringing');
  at.clock.ms += 30_000;
  await at.leg(callId, 'ended', { outcome: 'no_answer' });
  expect(at.emitted.at(-1)?.payload).toMatchObject({ outcome: 'no_answer', durationMs: 0 });
});

test('with any events in any order and number, a call only moves forward and reports each step at most once', async () => {
  const state = fc.constantFrom('ringing' as const, 'early' as const, 'answered' as const, 'ended' as const);
  const rank = { queued: 0, ringing: 1, early: 2, answered: 3, held: 3, transferring: 3, ended: 4 };
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(state, fc.integer({ min: -5000, max: 5000 })), { maxLength: 8 }), async (changes) => {
      const at = await fixture(store);
      const { callId } = await at.start('k1');
      let furthest = 0;
      for (const [state, shiftMs] of changes) {
        await at.leg(callId, state, { at: new Date(at.clock.ms + shiftMs).toISOString() });
        const call = await at.ask(calls.get_call, { callId });
        furthest = Math.max(furthest, rank[state]);
        expect(rank[call.state]).toBe(furthest);
        const times = [call.createdAt, call.ringingAt, call.answeredAt, call.endedAt].filter((time) => time !== null);
        expect(times).toEqual(times.toSorted());
      }
      expect(new Set(at.told(callId)).size).toBe(at.told(callId).length);
      expect(at.told(callId).includes('call_ended')).toBe(furthest === 4);
    }),
    { numRuns: 30 },
  );
});

test('an answered call is held, resumed and transferred along its steps alone, and each is reported', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  const states: string[] = [];
  for (const state of ['held', 'answered', 'resumed', 'held', 'answered', 'held', 'resumed', 'transferring', 'resumed', 'ended'] as const) {
    await at.leg(callId, state, { outcome: state === 'ended' ? 'answered' : null });
    states.push((await at.ask(calls.get_call, { callId })).state);
  }
  expect(states).toEqual(['queued', 'answered', 'answered', 'held', 'held', 'held', 'answered', 'transferring', 'answered', 'ended']);
  expect(at.told(callId)).toEqual(['call_started', 'call_answered', 'call_held', 'call_resumed', 'call_resumed', 'call_ended']);
});

test('changes of another leg leave the call as it is', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  await at.leg(callId, 'answered');
  await at.leg(callId, 'ended', { legId: 'leg_of_a_colleague', outcome: 'busy' });
  expect(await at.ask(calls.get_call, { callId })).toMatchObject({ state: 'answered', legId: `leg_of_${callId}` });
});

test('inbound calls are stored once, several from one withheld number at a time, and beside a call to the same phone', async () => {
  const at = await fixture(store, { CALL_ROUTES: '+74951234567=script' });
  const started = await at.start('k1');
  const route = (callId: string, from: string | null, to = '+74951234567') =>
    at.ask(calls.route_call, { callId, legId: `leg_of_${callId}`, from, to });
  for (const [callId, from] of [
    ['in_1', null],
    ['in_2', null],
    ['in_3', '+79995553322'],
    ['in_3', '+79995553322'],
  ] as const)
    expect(await route(callId, from)).toEqual({ decision: 'answer' });
  expect(at.told('in_3')).toEqual(['call_started', 'call_ringing']);
  expect(await at.ask(calls.get_call, { callId: 'in_1' })).toMatchObject({
    direction: 'in',
    phoneNumber: null,
    leadId: null,
    state: 'ringing',
  });
  const { items } = await at.ask(calls.list_calls, { order: 'newest', limit: 50, phoneNumber: '+79995553322' });
  expect(items.map(({ callId }) => callId)).toEqual(['in_3', started.callId]);
  await at.leg('in_3', 'ended', { outcome: 'cancelled' });
  expect(await at.ask(calls.get_call, { callId: 'in_3' })).toMatchObject({ needsAttention: true });
});

test('a call to a number without a route is refused and leaves no row', async () => {
  const at = await fixture(store, { CALL_ROUTES: '+74951234567=script' });
  const refused = await at.ask(calls.route_call, { callId: 'in_1', legId: 'leg_1', from: null, to: '100' });
  expect(refused).toEqual({ decision: 'reject', cause: 'wrong_number' });
  await expect(at.ask(calls.get_call, { callId: 'in_1' })).rejects.toMatchObject({ code: 'not_found' });
});

test('a leg of somebody else’s call is let go', async () => {
  const at = await fixture(store);
  await at.leg('call_of_others', 'ringing');
  await at.dialSettled({ key: 'key of others', ...placed('leg_1', false) });
  expect(at.emitted).toEqual([]);
});

test.each(['failed', 'expired', 'rejected', 'cancelled', 'stale'] as const)('a dial that was %s ends its call as failed', async (state) => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  at.clock.ms += 1000;
  for (const _ of [1, 2]) await at.dialSettled({ key: 'k1', state, output: null, reason: null });
  expect(at.told(callId)).toEqual(['call_started', 'call_ended']);
  expect(at.emitted.at(-1)?.payload).toMatchObject({ outcome: 'failed', at: '2026-05-05T09:00:01.000Z' });
});

test('a gateway that does not report the end ends the call at once as unknown, and frees the phone', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  await at.dialSettled({ key: 'k1', ...placed('leg_1', false) });
  expect(at.emitted.at(-1)).toMatchObject({ event: 'calls.call_ended', payload: { callId, outcome: 'unknown', durationMs: 0 } });
  await at.start('k2');
});

test('a gateway that reports the end leaves the call as it is', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  await at.leg(callId, 'ringing');
  await at.dialSettled({ key: 'k1', ...placed('leg_1') });
  expect(await at.ask(calls.get_call, { callId })).toMatchObject({ state: 'ringing' });
});

test('a call without further news ends as unknown after its time limit, and only then', async () => {
  const at = await fixture(store, { CALL_MAX_MS: '10s' });
  const { callId } = await at.start('k1');
  at.clock.ms += 10_000;
  await at.turn('end_overdue_calls');
  expect(at.told(callId)).toEqual(['call_started']);
  at.clock.ms += 1;
  const turns = await Promise.all([at.turn('end_overdue_calls'), at.turn('end_overdue_calls')]);
  expect(turns).toEqual(['idle', 'idle']);
  expect(at.told(callId)).toEqual(['call_started', 'call_ended']);
  expect(at.emitted.at(-1)?.payload).toMatchObject({ outcome: 'unknown' });
});

test('an answered call is hung up once when somebody asks for it, and ends when its leg does', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  await at.leg(callId, 'answered');
  await at.turn('hang_up_requested');
  expect(at.asked).toEqual([]);
  expect(await at.ask(calls.end_call, { callId })).toMatchObject({ state: 'answered' });
  expect(at.asked).toEqual([{ method: 'telephony.hang_up', input: { legId: `leg_of_${callId}` } }]);
  await at.turn('hang_up_requested');
  expect(at.asked).toHaveLength(1);
  await at.leg(callId, 'ended', { outcome: 'answered' });
  expect(await at.ask(calls.end_call, { callId })).toMatchObject({ state: 'ended' });
  expect(at.asked).toHaveLength(1);
});

test('a call that is ended before its leg is known is hung up as soon as it is', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  await at.ask(calls.end_call, { callId });
  await at.turn('hang_up_requested');
  expect(at.asked).toEqual([]);
  await at.dialSettled({ key: 'k1', ...placed('leg_1') });
  for (const _ of [1, 2]) await at.turn('hang_up_requested');
  expect(at.asked).toEqual([{ method: 'telephony.hang_up', input: { legId: 'leg_1' } }]);
});

test('a hang-up that failed is tried again, one of a leg that is gone is not', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  await at.leg(callId, 'ringing');
  at.telephonyFails.with = new PolybError('unavailable', 'not now');
  await expect(at.ask(calls.end_call, { callId })).rejects.toMatchObject({ code: 'unavailable' });
  await expect(at.turn('hang_up_requested')).rejects.toMatchObject({ code: 'unavailable' });
  at.telephonyFails.with = new PolybError('not_found', 'no such leg');
  await at.turn('hang_up_requested');
  delete at.telephonyFails.with;
  await at.turn('hang_up_requested');
  expect(at.asked).toEqual([]);
});

test('only an answered call is transferred', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  const transfer = () => at.ask(calls.transfer_call, { callId, to: '+79995550000', mode: 'blind' });
  await at.leg(callId, 'ringing');
  await expect(transfer()).rejects.toMatchObject({ code: 'failed_precondition', reason: 'not_answered' });
  await at.leg(callId, 'answered');
  await transfer();
  expect(at.asked).toEqual([{ method: 'telephony.transfer', input: { legId: `leg_of_${callId}`, to: '+79995550000' } }]);
});

test('the end of a leg counts that arrives while the outcome of its dial is being stored', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  const [held, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const dialled = store.db.transaction(async (tx) => {
    await tx.query('update call_orchestrator.calls set leg_id = $2 where call_id = $1', [callId, `leg_of_${callId}`]);
    held.resolve();
    await release.promise;
  });
  await held.promise;
  const ended = at.leg(callId, 'ended', { outcome: 'busy' });
  await until(
    async () =>
      (await store.db.query(`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)).length > 0,
  );
  release.resolve();
  await Promise.all([dialled, ended]);
  expect(await at.ask(calls.get_call, { callId })).toMatchObject({ state: 'ended', outcome: 'busy' });
});
