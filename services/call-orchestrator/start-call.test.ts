import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { calls } from '../../contracts/calls.ts';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { fixture } from './fixture.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

test('a call is a row, an event and a dial under the same key', async () => {
  const at = await fixture(store);
  const call = await at.start('k1');
  expect(call).toEqual({
    callId: expect.stringMatching(/^call_/),
    state: 'queued',
    leadId: 'lead_1',
    phoneNumber: '+79995553322',
    createdAt: '2026-05-05T09:00:00.000Z',
  });
  expect(at.emitted).toEqual([
    { event: 'calls.call_started', payload: { callId: call.callId, leadId: 'lead_1', direction: 'out', at: '2026-05-05T09:00:00.000Z' } },
  ]);
  expect(at.sent).toEqual([{ method: 'telephony.dial', input: { callId: call.callId, to: '+79995553322' }, key: 'k1' }]);
  expect(await at.ask(calls.get_call, { callId: call.callId })).toMatchObject({ state: 'queued', outcome: null, endedAt: null });
});

test('a call keeps the line from which it calls, and is dialled over the trunk that was named', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1', { line: '74951234567', trunk: 'spare' });
  expect(at.sent[0]?.input).toEqual({ callId, to: '+79995553322', from: '74951234567', trunk: 'spare' });
  expect(await at.ask(calls.get_call, { callId })).toMatchObject({ line: '74951234567' });
});

test('the end of a call names the key that started it, and who answered', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  await at.leg(callId, 'ended', { outcome: 'busy' });
  expect(at.emitted.at(-1)).toMatchObject({ event: 'calls.call_ended', payload: { callId, key: 'k1', answeredBy: null } });
});

test('of many calls to one phone at the same time one is placed, and the others are refused as active_call', async () => {
  const at = await fixture(store);
  const tries = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => at.start(`k${n}`)));
  const refused = tries.filter((each) => each.status === 'rejected').map(({ reason }) => reason);
  expect(refused).toHaveLength(7);
  for (const error of refused)
    expect(error).toMatchObject({ code: 'failed_precondition', reason: 'active_call', retryAfterMs: 2000, outcome: 'not_executed' });
  expect([at.emitted.length, at.sent.length]).toEqual([1, 1]);
});

test('a phone can be called again when its call has ended, and another phone meanwhile', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('k1');
  await at.start('k2', { phoneNumber: '+79995553323' });
  await at.leg(callId, 'ended', { outcome: 'busy' });
  await at.start('k3');
  expect(at.sent.map(({ key }) => key)).toEqual(['k1', 'k2', 'k3']);
});

test('a call that is not there is not found', async () => {
  const at = await fixture(store);
  for (const method of [calls.get_call, calls.end_call])
    await expect(at.ask(method, { callId: 'call_0' })).rejects.toMatchObject({ code: 'not_found' });
});

test('pages follow each other without gap or repeat while calls are added, youngest first', async () => {
  const at = await fixture(store);
  const started: string[] = [];
  const add = async (n: number) => started.unshift((await at.start(`k${n}`, { phoneNumber: `+7999555000${n}` })).callId);
  for (const n of [1, 2, 3, 4, 5]) await add(n);
  const seen: string[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await at.ask(calls.list_calls, { order: 'newest', limit: 2, ...(cursor ? { cursor } : {}) });
    seen.push(...page.items.map(({ callId }) => callId));
    cursor = page.nextCursor;
    await add(5 + seen.length);
  } while (cursor !== null);
  expect(seen).toEqual(started.slice(-5));
});

test('calls are listed by lead, phone and state', async () => {
  const at = await fixture(store);
  const one = await at.start('k1', { leadId: 'lead_1', phoneNumber: '+79995550001' });
  const two = await at.start('k2', { leadId: 'lead_2', phoneNumber: '+79995550002' });
  await at.leg(two.callId, 'ringing');
  const found = async (wanted: object) =>
    (await at.ask(calls.list_calls, { order: 'newest', limit: 50, ...wanted })).items.map(({ callId }) => callId);
  expect(await found({ leadId: 'lead_1' })).toEqual([one.callId]);
  expect(await found({ phoneNumber: '+79995550002' })).toEqual([two.callId]);
  expect(await found({ state: 'ringing' })).toEqual([two.callId]);
  expect(await found({ leadId: 'lead_1', state: 'ringing' })).toEqual([]);
});

test('a cursor that no page gave is refused', async () => {
  const at = await fixture(store);
  for (const [order, cursor] of [
    ['newest', '1 or true'],
    ['newest', '3.1'],
    ['attention', '1'],
  ] as const)
    await expect(at.ask(calls.list_calls, { order, limit: 2, cursor })).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('failed calls come first, then unanswered ones, then those that ring, over all pages, until the phone is called again', async () => {
  const at = await fixture(store);
  const outcomes = ['answered', 'busy', 'failed', null, 'no_answer', 'unknown', 'rejected'] as const;
  const made = new Map<string, string>();
  for (const [n, outcome] of outcomes.entries()) {
    const { callId } = await at.start(`k${n}`, { phoneNumber: `+7999555010${n}` });
    made.set(callId, outcome ?? 'ringing');
    await at.leg(callId, outcome === null ? 'ringing' : 'ended', { outcome });
  }
  const listed = async (wanted: object) => {
    const seen: string[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await at.ask(calls.list_calls, { order: 'attention', limit: 2, ...wanted, ...(cursor ? { cursor } : {}) });
      seen.push(...page.items.map(({ callId, needsAttention }) => `${made.get(callId) ?? 'again'}${needsAttention ? '!' : ''}`));
      cursor = page.nextCursor;
    } while (cursor !== null);
    return seen;
  };
  const needing = ['unknown!', 'failed!', 'rejected!', 'no_answer!', 'busy!'];
  expect(await listed({})).toEqual([...needing, 'ringing', 'answered']);
  expect(await listed({ needsAttention: true })).toEqual(needing);
  expect(await listed({ outcome: 'busy' })).toEqual(['busy!']);
  const totals = async () => {
    const { needAttention, answered } = await at.ask(calls.call_totals, {});
    return [needAttention, answered];
  };
  expect(await totals()).toEqual([needing.length, 0]);

  await at.start('again', { phoneNumber: '+79995550102' });
  expect(await listed({})).toEqual(['unknown!', 'rejected!', 'no_answer!', 'busy!', 'again', 'ringing', 'failed', 'answered']);
  expect(await totals()).toEqual([needing.length - 1, 0]);
});

test('a call names the key of the journal row that started it', async () => {
  const at = await fixture(store);
  const { callId } = await at.start('run_1:call:1');
  expect(await at.ask(calls.get_call, { callId })).toMatchObject({ key: 'run_1:call:1' });
});
