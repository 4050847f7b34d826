import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { httpGateway, httpGatewaySettings } from '../../adapters/telephony/http.ts';
import type { Telephony } from '../../adapters/telephony/port.ts';
import { simulator, simulatorSettings } from '../../adapters/telephony/simulator.ts';
import type { Context, Handler, Loop } from '../../bus/service.ts';
import type { Effect } from '../../contracts/kit/define.ts';
import type { telephony } from '../../contracts/telephony.ts';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { until } from '../../test/kit/world.ts';
import gateway from './service.ts';

const signal = AbortSignal.timeout(60_000);
interface GatewayHandlers {
  readonly dial: Effect<typeof telephony.dial>;
  readonly hang_up: Handler<typeof telephony.hang_up>;
}
let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());
beforeEach(async () => {
  store.emitted.length = 0;
  await store.db.query('delete from telephony_gateway.simulated_legs');
});

async function start(vendor: Telephony) {
  const owns = new Set<string>();
  const own = (_: unknown, { legId }: { legId: string }) => {
    owns.add(legId);
    return { [Symbol.dispose]: () => void owns.delete(legId) };
  };
  const parts = { settings: {}, vendors: { gateway: vendor }, bus: { commit: store.commit, own }, db: store.db, now: Date.now };
  const { loops = [], ...serves } = await gateway.make(parts as unknown as Parameters<typeof gateway.make>[0]); // the parts that it reads
  const { hang_up, dial } = serves.telephony as unknown as GatewayHandlers; // what its contract says
  return {
    loops,
    owns,
    hangUp: hang_up,
    dial: (callId: string, to = '+79995553322') => dial.attempt({ callId, to }, { ref: callId, signal }),
  };
}
const simulated = (settings: Record<string, string>) => simulator(simulatorSettings.parse(settings), { db: store.db, now: Date.now });
/** Runs the loop until `calls` calls have ended. */
async function follow({ turn }: Loop, calls: number): Promise<void> {
  const stop = new AbortController();
  const turns = async () => {
    while (!stop.signal.aborted) await turn(stop.signal);
  };
  const turning = turns();
  await until(() => store.emitted.filter(({ payload }) => (payload as { state: string }).state === 'ended').length >= calls);
  stop.abort();
  await turning;
}
const toldOf = (callId: string) =>
  store.emitted
    .map(({ payload }) => payload as { callId: string; state: string; outcome: string | null })
    .filter((change) => change.callId === callId)
    .map(({ state, outcome }) => outcome ?? state);

test('two instances report each change of each leg once, as it comes', async () => {
  const vendor = simulated({ TELEPHONY_SIM_RING_MS: '40', TELEPHONY_SIM_TALK_MS: '60', TELEPHONY_SIM_NO_ANSWER_MS: '80' });
  const instances = await Promise.all([start(vendor), start(vendor)]);
  const calls = Array.from({ length: 10 }, (_, n) => `call_${n}`);
  await Promise.all([...calls.map((callId) => instances[0].dial(callId)), instances[1].dial('busy', '+79995553390')]);
  await Promise.all(instances.map(({ loops }) => follow(loops[0] as Loop, 11)));
  for (const callId of calls) expect(toldOf(callId)).toEqual(['ringing', 'answered', 'answered']);
  expect(toldOf('busy')).toEqual(['busy']);
  expect(new Set(store.emitted.map(({ event }) => event))).toEqual(new Set(['telephony.leg_changed']));
});

test('every instance owns a leg from the moment it is known there until it has ended', async () => {
  const vendor = simulated({ TELEPHONY_SIM_RING_MS: '60s' });
  const [one, other] = await Promise.all([start(vendor), start(vendor)]);
  const { legId } = await one.dial('call_1');
  expect([...one.owns]).toEqual([legId]);
  const stop = new AbortController();
  const turns = [one, other].map(async ({ loops }) => {
    while (!stop.signal.aborted) await (loops[0] as Loop).turn(stop.signal);
  });
  await until(() => other.owns.has(legId));
  await one.hangUp({ legId }, { signal } as Context);
  await until(() => one.owns.size === 0 && other.owns.size === 0);
  stop.abort();
  await Promise.all(turns);
});

test('a hang-up is reported long before the planned end', async () => {
  const { loops, hangUp, dial } = await start(simulated({ TELEPHONY_SIM_RING_MS: '0', TELEPHONY_SIM_TALK_MS: '60s' }));
  const { legId } = await dial('call_1');
  const following = follow(loops[0] as Loop, 1);
  await hangUp({ legId }, { signal } as Context); // the part that it reads
  await following;
  expect(toldOf('call_1')).toEqual(['ringing', 'answered', 'answered']);
});

test('a leg placed while the loop sleeps wakes it at once', async () => {
  const { loops, dial } = await start(simulated({ TELEPHONY_SIM_RING_MS: '0', TELEPHONY_SIM_TALK_MS: '0' }));
  const began = performance.now();
  const following = follow(loops[0] as Loop, 1);
  await new Promise((resolve) => setImmediate(resolve));
  await dial('call_1');
  await following;
  expect(performance.now() - began).toBeLessThan(1_500); // asleep it is for two seconds
});

test('a sleeping loop ends its turn when the instance stops', async () => {
  const { loops } = await start(simulated({}));
  const stop = new AbortController();
  const began = performance.now();
  const turn = (loops[0] as Loop).turn(stop.signal);
  stop.abort();
  await turn;
  expect(performance.now() - began).toBeLessThan(1_500);
});

test('a gateway that reports nothing is not followed', async () => {
  const settings = httpGatewaySettings.parse({ TELEPHONY_URL: 'http://gateway.example/call' });
  const { loops } = await start(httpGateway(settings, { http: () => Promise.reject(new Error('not asked')) }));
  expect(loops).toEqual([]);
});
