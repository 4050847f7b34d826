import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type Loopback, loopback, loopbackSettings } from '../../adapters/telephony/loopback.ts';
import { type FakeBrowser, fakeBrowser } from '../../adapters/vendors/webrtc/fake.ts';
import type { Service } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { softphone } from '../../contracts/softphone.ts';
import { telephony } from '../../contracts/telephony.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { loadServices } from '../../runtime/services.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { actOnPhones } from './softphone.ts';

let it: World;
let gateway: Loopback;
const browsers: FakeBrowser[] = [];
beforeAll(async () => {
  it = await world();
  gateway = loopback(loopbackSettings.parse({}), { now: Date.now, log: quiet }, (phone) => phone.ring());
  for (const { folder, service } of await loadServices(['call-orchestrator', 'telephony-gateway'])) {
    // The real service, with a gateway whose phones the test controls.
    const made: Service =
      folder === 'telephony-gateway'
        ? { ...service, make: (parts) => service.make({ ...parts, vendors: { ...parts.vendors, gateway } as never }) }
        : service;
    await it.start(folder, made, { CALL_ROUTES: '100=script', WEBRTC_LISTEN: '127.0.0.1:8500-8519' });
  }
});
afterEach(async () => {
  for (const browser of browsers.splice(0)) await browser.vanish();
});
afterAll(() => it.stop());

const anna = { personId: 'anna', role: 'manager' } as const;
const boris = { personId: 'boris', role: 'manager' } as const;
const frames = (value: number): Uint8Array => new Uint8Array(1_600).fill(value);
const phoneOf = async (viewer: typeof anna | typeof boris) => (await it.bus.call(softphone.list_phone_calls, { viewer })).items;
const ringAt = (to: string, key: string) => it.bus.call(telephony.dial, { callId: `call_${key}`, to, from: '+79995553322' }, { key });
const listed = (legId: string, state: string) =>
  until(async () => (await phoneOf(anna)).find((call) => call.legId === legId && call.state === state));
async function browse(): Promise<FakeBrowser> {
  const browser = await fakeBrowser();
  browsers.push(browser);
  return browser;
}

test('a person whose pages are all closed is unreachable at once', async () => {
  const { legId } = await ringAt('person:vera', 'closed');
  const [ended] = await until(async () => {
    const rows = await it.store.query(
      'select state, hang_up_cause from telephony_gateway.legs where leg_id = $1 and ended_at is not null',
      [legId],
    );
    return rows.length > 0 ? rows : null;
  });
  expect(ended).toEqual({ state: 'ended', hang_up_cause: 'unreachable' });
});

test('an open page rings, its person answers once, talks and hangs up, and nobody else sees or answers the call', async () => {
  await phoneOf(anna);
  const { legId } = await ringAt('person:anna', 'ring');
  const call = await listed(legId, 'ringing');
  expect(call).toMatchObject({ direction: 'to_person', other: '+79995553322', cause: null, ring: expect.stringMatching(/^.{32}$/) });
  expect(await phoneOf(boris)).toEqual([]);
  const browser = await browse();
  const answering = { legId, ring: call.ring ?? '', offer: browser.offer };
  await expect(it.bus.call(softphone.answer_phone_call, { ...answering, viewer: boris })).rejects.toMatchObject({ code: 'not_found' });
  const { answer } = await it.bus.call(softphone.answer_phone_call, { ...answering, viewer: anna });
  await expect(it.bus.call(softphone.answer_phone_call, { ...answering, viewer: anna })).rejects.toMatchObject({ reason: 'ring_over' });
  await browser.accept(answer);
  expect((await listed(legId, 'answered')).ring).toBeNull();
  await it.bus.call(softphone.hold_phone_call, { legId, on: true, viewer: anna });
  await listed(legId, 'held');
  await it.bus.call(softphone.hold_phone_call, { legId, on: false, viewer: anna });
  await listed(legId, 'answered');
  await it.bus.call(softphone.hang_up_phone_call, { legId, viewer: anna });
  expect((await listed(legId, 'ended')).cause).toBe('normal');
});

test('a person refuses a ring', async () => {
  await phoneOf(anna);
  const { legId } = await ringAt('person:anna', 'refused');
  const { ring } = await listed(legId, 'ringing');
  await it.bus.call(softphone.refuse_phone_call, { legId, ring: ring ?? '', viewer: anna });
  expect((await listed(legId, 'ended')).cause).toBe('rejected');
});

test('a page calls a line, is answered by its route, and is connected with a phone of the other gateway', async () => {
  const browser = await browse();
  const { legId, answer } = await it.bus.call(softphone.call_from_phone, { viewer: anna, to: '100', offer: browser.offer });
  await browser.accept(answer);
  expect(await listed(legId, 'answered')).toMatchObject({ direction: 'from_person', other: '100' });
  const phone = await gateway.call('+79995550001', '100');
  const caller = await until(async () =>
    (await it.bus.call(calls.list_calls, { phoneNumber: '+79995550001' })).items.find(({ state }) => state === 'answered'),
  );
  const heard: Uint8Array[] = [];
  phone.hear((audio) => void heard.push(audio));
  await it.bus.call(telephony.connect, { legId, otherLegId: caller.legId ?? '' });
  browser.speak(frames(33));
  await phone.say(frames(44));
  await until(
    () => Buffer.concat(heard).includes(Buffer.from(frames(33))) && Buffer.from(browser.heard()).includes(Buffer.from(frames(44))),
  );
  phone.hangUp();
  await listed(legId, 'ended');
});

test('a call to a number without a route is refused, and the page learns why', async () => {
  const browser = await browse();
  const { legId, answer } = await it.bus.call(softphone.call_from_phone, { viewer: anna, to: '999', offer: browser.offer });
  await browser.accept(answer);
  expect((await listed(legId, 'ended')).cause).toBe('wrong_number');
});

test('without WEBRTC_LISTEN a page cannot call, and a key cannot at all', async () => {
  const acts = actOnPhones({ db: { query: async () => [] }, phones: () => undefined });
  const at = {} as never;
  const call = { to: '100', offer: 'v=0' };
  await expect(acts.call_from_phone({ ...call, viewer: anna }, at)).rejects.toMatchObject({ reason: 'softphone_off' });
  await expect(acts.call_from_phone({ ...call, viewer: undefined }, at)).rejects.toMatchObject({ reason: 'no_person' });
});
