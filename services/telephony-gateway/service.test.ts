import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { httpGateway, httpGatewaySettings } from '../../adapters/telephony/http.ts';
import type { Telephony } from '../../adapters/telephony/port.ts';
import { simulator, simulatorSettings } from '../../adapters/telephony/simulator.ts';
import type { Context, Handler, Loop } from '../../bus/service.ts';
import type { telephony } from '../../contracts/telephony.ts';
import { type TestStore, testStore } from '../../scripts/testing/store.ts';
import gateway from './service.ts';

const signal = AbortSignal.timeout(60_000);
let store: TestStore;
beforeAll(async () => {
  store = await testStore('telephony-gateway', '0001_simulated_legs.sql');
});
afterAll(() => store.close());
beforeEach(async () => {
  store.emitted.length = 0;
  await store.db.query('delete from telephony_gateway.simulated_legs');
});

async function start(vendor: Telephony) {
  const parts = { settings: {}, vendors: { gateway: vendor }, bus: { commit: store.commit }, db: store.db, now: Date.now };
  const { loops = [], ...serves } = await gateway.make(parts as unknown as Parameters<typeof gateway.make>[0]); // the parts that it reads
  const { hang_up } = serves.telephony as unknown as { hang_up: Handler<typeof telephony.hang_up> }; // what its contract says
  return { loops, hangUp: hang_up };
}
const simulated = (settings: Record<string, string>) => simulator(simulatorSettings.parse(settings), { db: store.db, now: Date.now });
const dial = (vendor: Telephony, callId: string, phoneNumber = '+79995553322') =>
  vendor.dial.attempt({ callId, phoneNumber }, { ref: callId, signal });
async function run({ turn }: Loop): Promise<void> {
  while ((await turn(signal)) === 'more');
}
const toldOf = (callId: string) =>
  store.emitted
    .map(({ payload }) => payload as { callId: string; state: string; outcome: string | null })
    .filter((change) => change.callId === callId)
    .map(({ state, outcome }) => outcome ?? state);

test('two instances tell each change of each leg once, as it comes, and then sleep', async () => {
  const vendor = simulated({ TELEPHONY_SIM_RING_MS: '40', TELEPHONY_SIM_TALK_MS: '60', TELEPHONY_SIM_NO_ANSWER_MS: '80' });
  const instances = await Promise.all([start(vendor), start(vendor)]);
  const calls = Array.from({ length: 10 }, (_, n) => `call_${n}`);
  await Promise.all([...calls.map((callId) => dial(vendor, callId)), dial(vendor, 'busy', '+79995553390')]);
  await Promise.all(instances.map(({ loops }) => run(loops[0] as Loop)));
  for (const callId of calls) expect(toldOf(callId)).toEqual(['ringing', 'answered', 'answered']);
  expect(toldOf('busy')).toEqual(['busy']);
  expect(new Set(store.emitted.map(({ event }) => event))).toEqual(new Set(['telephony.leg_changed']));
});

test('a hang-up is told at once, long before the planned end', async () => {
  const vendor = simulated({ TELEPHONY_SIM_RING_MS: '0', TELEPHONY_SIM_TALK_MS: '60s' });
  const { loops, hangUp } = await start(vendor);
  const { legId } = await dial(vendor, 'call_1');
  const following = run(loops[0] as Loop);
  await hangUp({ legId }, { signal } as Context); // the part that it reads
  await following;
  expect(toldOf('call_1')).toEqual(['ringing', 'answered', 'answered']);
});

test('a gateway that tells nothing is not followed', async () => {
  const settings = httpGatewaySettings.parse({ TELEPHONY_URL: 'http://gateway.example/call' });
  const { loops } = await start(httpGateway(settings, { http: () => Promise.reject(new Error('not asked')) }));
  expect(loops).toEqual([]);
});
