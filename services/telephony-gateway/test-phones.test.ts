import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { calls } from '../../contracts/calls.ts';
import { telephony } from '../../contracts/telephony.ts';
import { loadServices } from '../../runtime/services.ts';
import { type SipPhones, sipPhones } from '../../test/kit/sip-phone.ts';
import { until, type World, world } from '../../test/kit/world.ts';

let it: World;
let phones: SipPhones;
beforeAll(async () => {
  it = await world();
  phones = await sipPhones();
  const settings = { TELEPHONY_TEST_NUMBERS: '+79995550172', TELEPHONY_TEST_TRUNK: phones.uri, TELEPHONY_RECORDING: 'off' };
  for (const { folder, service } of await loadServices(['call-orchestrator', 'telephony-gateway']))
    await it.start(folder, service, settings);
});
afterAll(async () => {
  await it?.stop();
  await phones?.close();
});
const call = async (phoneNumber: string, key = phoneNumber) =>
  (await it.bus.call(calls.start_call, { leadId: 'lead_1', phoneNumber }, { key })).callId;
const stateOf = async (callId: string) => (await it.bus.call(calls.get_call, { callId })).state;

test('a test number rings at its phone, another number at the simulator, and each can be hung up', async () => {
  const [tested, simulated] = [await call('+79995550172'), await call('+79995553322')];
  const phone = await until(() => phones.calls[0]);
  phone.ring();
  phone.answer();
  await until(async () => (await stateOf(tested)) === 'answered' && phone.isConnected());
  await until(async () => ['answered', 'ended'].includes(await stateOf(simulated)));
  expect(phones.calls.map(({ number }) => number)).toEqual(['+79995550172']);
  expect((await it.bus.call(telephony.list_sip_messages, { callId: simulated })).items).toEqual([]);
  expect(await it.bus.call(telephony.capabilities, {})).toMatchObject({ isSimulated: true });
  await it.bus.call(calls.end_call, { callId: tested });
  await until(() => phone.hasEnded());
  await until(async () => (await stateOf(tested)) === 'ended' && (await stateOf(simulated)) === 'ended');
});

test('the phone of a test number whose gateway died is hung up by another instance', async () => {
  const callId = await call('+79995550172', 'again');
  const phone = await until(() => phones.calls[1]);
  phone.answer();
  await until(() => phone.isConnected());
  await until(async () => (await it.store.query(`select from telephony_gateway.legs where state = 'answered'`)).length === 1);
  await it.store.query(`update telephony_gateway.legs set holder = 'dead', heartbeat = now() - interval '1 min' where ended_at is null`);
  await until(() => phone.hasEnded());
  // Its holder lives here, and does not know that another one ended the call.
  const { legId } = await it.bus.call(calls.get_call, { callId });
  await it.bus.call(telephony.hang_up, { legId: legId as string });
});
