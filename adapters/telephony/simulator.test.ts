import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { telephonyConformance } from './conformance.ts';
import type { LegChange } from './port.ts';
import { simulator, simulatorSettings } from './simulator.ts';

const signal = AbortSignal.timeout(60_000);
const tiny = { TELEPHONY_SIM_RING_MS: '20', TELEPHONY_SIM_TALK_MS: '30', TELEPHONY_SIM_NO_ANSWER_MS: '40' };

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());
async function emptied() {
  await store.db.query('delete from telephony_gateway.simulated_legs');
  return store.db;
}

telephonyConformance('the simulator', { referenced: true, followed: true }, async () => {
  const db = await emptied();
  return {
    telephony: simulator(simulatorSettings.parse(tiny), { db, now: Date.now }),
    placed: async () =>
      (await db.query<{ phone_number: string }>('select phone_number from telephony_gateway.simulated_legs')).map(
        ({ phone_number }) => phone_number,
      ),
    refused: '+79995553393',
    db,
  };
});

async function fixture(settings: Record<string, string> = {}) {
  const db = await emptied();
  const clock = { ms: Date.UTC(2026, 0, 1) };
  const telephony = simulator(simulatorSettings.parse(settings), { db, now: () => clock.ms });
  const dial = (to: string, callId = 'call_1') => telephony.dial.attempt({ callId, to }, { ref: callId, signal });
  const due = (afterMs: number) => {
    clock.ms += afterMs;
    return db.transaction((tx) => telephony.legs.due(tx, clock.ms, 100));
  };
  return { db, clock, telephony, dial, due };
}
const brief = (changes: readonly LegChange[]) => changes.map(({ state, outcome }) => (outcome === null ? state : outcome));

test.each([
  ['22', ['ringing', 'answered', 'answered']],
  ['90', ['busy']],
  ['91', ['ringing', 'no_answer']],
  ['92', ['ringing', 'rejected']],
])('a phone that ends in %s goes %j', async (ending, expected) => {
  const at = await fixture();
  await at.dial(`+799955533${ending}`);
  const { changes, nextAt } = await at.due(60_000);
  expect(brief(changes)).toEqual(expected);
  expect(nextAt).toBeNull();
});

test('changes come when their time has come, each with that time', async () => {
  const at = await fixture();
  const start = at.clock.ms;
  await at.dial('+79995553322');
  expect(await at.due(0)).toMatchObject({ changes: [{ state: 'ringing', at: new Date(start).toISOString() }], nextAt: start + 800 });
  expect(await at.due(799)).toMatchObject({ changes: [], nextAt: start + 800 });
  expect(await at.due(701)).toMatchObject({
    changes: [{ state: 'answered', at: new Date(start + 800).toISOString() }],
    nextAt: start + 2300,
  });
});

test('a leg hung up while it rings ends cancelled, and one hung up after the answer ends answered', async () => {
  const at = await fixture();
  const ringing = await at.dial('+79995553322', 'call_1');
  await at.due(100);
  await at.telephony.hangUp(ringing.legId, signal);
  expect(brief((await at.due(10_000)).changes)).toEqual(['cancelled']);
  const talking = await at.dial('+79995553322', 'call_2');
  await at.due(900);
  await at.telephony.hangUp(talking.legId, signal);
  expect((await at.due(0)).changes).toMatchObject([{ outcome: 'answered', at: new Date(at.clock.ms).toISOString() }]);
});

test('hanging up a leg that has ended changes nothing', async () => {
  const at = await fixture();
  const { legId } = await at.dial('+79995553392');
  at.clock.ms += 10_000;
  await at.telephony.hangUp(legId, signal);
  expect(brief((await at.due(0)).changes)).toEqual(['ringing', 'rejected']);
});

test('a hang-up by a clock that lags behind still ends the leg', async () => {
  const at = await fixture();
  const { legId } = await at.dial('+79995553322');
  await at.due(900);
  at.clock.ms -= 500;
  await at.telephony.hangUp(legId, signal);
  expect(await at.due(0)).toMatchObject({ changes: [{ state: 'ended', outcome: 'answered' }], nextAt: null });
});

test('only a leg that was answered and has not ended can be transferred', async () => {
  const at = await fixture();
  const { legId } = await at.dial('+79995553322');
  const transfer = () => at.telephony.transfer(legId, '+79995550000', signal);
  await expect(transfer()).rejects.toMatchObject({ code: 'failed_precondition', reason: 'not_answered' });
  at.clock.ms += 900;
  await transfer();
  at.clock.ms += 9_000;
  await expect(transfer()).rejects.toMatchObject({ reason: 'not_answered' });
});

test('a change taken in a transaction that fails is reported again', async () => {
  const at = await fixture();
  await at.dial('+79995553390');
  at.clock.ms += 10_000;
  await expect(
    at.db.transaction(async (tx) => {
      await at.telephony.legs.due(tx, at.clock.ms, 100);
      throw new Error('lost');
    }),
  ).rejects.toThrow('lost');
  expect(brief((await at.due(0)).changes)).toEqual(['busy']);
});

test('legs that ended long ago are forgotten, live ones are not', async () => {
  const at = await fixture();
  await at.dial('+79995553390', 'call_1');
  await at.due(10_000);
  await at.dial('+79995553322', 'call_2');
  await at.telephony.legs.forget(at.clock.ms + 1_000_000);
  const left = await at.db.query<{ call_id: string }>('select call_id from telephony_gateway.simulated_legs');
  expect(left).toEqual([{ call_id: 'call_2' }]);
});

test('the effects file gets one line a placed call, also when the process died before its commit', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'effects-'));
  const file = join(folder, 'calls');
  const at = await fixture({ TELEPHONY_SIM_EFFECTS_FILE: file });
  await at.dial('+79995553322', 'call_1');
  await at.dial('+79995553322', 'call_1');
  await emptied(); // The state after a lost commit: the line without a row.
  await at.dial('+79995553322', 'call_1');
  await at.dial('+79995553321', 'call_2');
  await at.dial('+79995553393', 'call_3').catch(() => {});
  const lines = (await readFile(file, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  await rm(folder, { recursive: true });
  expect(lines).toEqual([
    { ref: 'call_1', callId: 'call_1', phoneNumber: '+79995553322' },
    { ref: 'call_2', callId: 'call_2', phoneNumber: '+79995553321' },
  ]);
});
