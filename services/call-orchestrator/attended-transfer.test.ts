import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type Loopback, loopback, loopbackSettings } from '../../adapters/telephony/loopback.ts';
import type { FarPhone } from '../../adapters/telephony/loopback-leg.ts';
import type { TtsProvider } from '../../adapters/tts/port.ts';
import type { Service } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { loadServices } from '../../runtime/services.ts';
import { soundOf } from '../../test/kit/voice.ts';
import { until, type World, world } from '../../test/kit/world.ts';

const tts: TtsProvider = {
  provider: 'test',
  voices: async () => [{ voice: 'anna', language: 'ru-RU', gender: 'female' }],
  speak: async ({ text }) => soundOf(text, 200),
};
const [greeting, briefing, tooLate, sorry] = [
  'Наберите номер вашего заказа и нажмите решётку.',
  'Анна, заказ 17. Чтобы принять звонок, нажмите один. Чтобы отказаться, нажмите два.',
  'Клиент уже не ждёт. До свидания.',
  'К сожалению, сейчас никто не может ответить. Мы вам перезвоним. До свидания.',
];

let it: World;
let gateway: Loopback;
/** Dialled phones and their behaviour. */
let dialled: FarPhone[] = [];
let person: (phone: FarPhone) => void;
beforeAll(async () => {
  it = await world();
  gateway = loopback(loopbackSettings.parse({}), { now: Date.now, log: quiet }, (phone) => {
    dialled.push(phone);
    heardBy(phone);
    person(phone);
  });
  const vendors: Readonly<Record<string, object>> = { 'telephony-gateway': { gateway }, 'call-orchestrator': { tts: [tts] } };
  for (const { folder: name, service } of await loadServices(['call-orchestrator', 'telephony-gateway'])) {
    // The real service, with phones and a voice that the test controls.
    const made: Service = {
      ...service,
      make: (parts) => service.make({ ...parts, vendors: { ...parts.vendors, ...vendors[name] } as never }),
    };
    await it.start(name, made, {
      CALL_ROUTES: '100=script, 200=queue:+79995550091/+79995550092, 300=person:+79995550093',
      CALL_TRANSFER_RING_MS: '1000',
    });
  }
});
afterAll(() => it.stop());
beforeEach(() => {
  dialled = [];
  person = (phone) => {
    phone.ring();
    phone.answer();
  };
});

/** What a phone hears, from the first call on: a dialled one may be answered, and spoken to, before its test looks for it. */
function heardBy(phone: FarPhone) {
  const ear = ears.get(phone) ?? listenTo(phone);
  ears.set(phone, ear);
  return ear;
}
const ears = new WeakMap<FarPhone, ReturnType<typeof listenTo>>();
function listenTo(phone: FarPhone) {
  let heard: Uint8Array[] = [];
  phone.hear((audio) => void heard.push(audio));
  return {
    hears: (text: string) => Buffer.concat(heard).includes(Buffer.from(soundOf(text, 200))),
    hearsSound: (audio: Uint8Array) => Buffer.concat(heard).includes(Buffer.from(audio)),
    frames: () => heard.length,
    forget: () => (heard = []),
  };
}
async function caller(from: string, line = '100') {
  const phone = await gateway.call(from, line);
  const ear = heardBy(phone);
  const call = await until(async () => (await it.bus.call(calls.list_calls, { phoneNumber: from })).items[0]);
  const { callId } = call;
  const state = async () => (await it.bus.call(calls.get_call, { callId })).state;
  return { phone, callId, ...ear, reaches: (wanted: string) => until(async () => (await state()) === wanted) };
}
const handOver = (callId: string, to = '+79995550091') =>
  it.bus.call(calls.transfer_call, { callId, to, mode: 'attended', summary: 'Анна, заказ 17.' });
const tone = (value: number) => new Uint8Array(480).fill(value);

test('a customer hears music until the person, who hears the summary, takes the call; then both hear each other and end together', async () => {
  const customer = await caller('+79995550001');
  await until(() => customer.hears(greeting));
  await customer.reaches('answered');
  person = (phone) => phone.ring();
  expect(await handOver(customer.callId)).toMatchObject({ state: 'transferring', transferredTo: null });
  expect(await handOver(customer.callId)).toMatchObject({ state: 'transferring' });
  const phone = await until(() => dialled[0]);
  customer.forget();
  await until(() => customer.frames() > 20);
  const ear = heardBy(phone);
  phone.answer();
  await until(() => ear.hears(briefing));
  phone.press('1');
  await customer.reaches('answered');
  expect(await it.bus.call(calls.get_call, { callId: customer.callId })).toMatchObject({ transferredTo: '+79995550091' });
  await customer.phone.say(tone(3));
  await phone.say(tone(4));
  await until(() => ear.hearsSound(tone(3)) && customer.hearsSound(tone(4)));
  expect(dialled).toHaveLength(1);
  customer.phone.hangUp();
  await until(() => phone.state === 'ended');
  await customer.reaches('ended');
});

test.each([
  ['refuses with a key', '+79995550010', (phone: FarPhone) => phone.press('2')],
  ['hangs up', '+79995550011', (phone: FarPhone) => phone.hangUp()],
])('the customer of a person who %s goes on with the script', async (_, from, act) => {
  const customer = await caller(from);
  await until(() => customer.hears(greeting));
  await customer.reaches('answered');
  await handOver(customer.callId);
  const phone = await until(() => dialled[0]);
  const ear = heardBy(phone);
  customer.forget();
  await until(() => ear.hears(briefing));
  act(phone);
  await customer.reaches('answered');
  await until(() => customer.hears(greeting));
  expect(phone.state).toBe('ended');
  customer.phone.hangUp();
});

test('a person who does not answer in time rings no more, and the customer goes on', async () => {
  const customer = await caller('+79995550020');
  await customer.reaches('answered');
  person = (phone) => phone.ring();
  await handOver(customer.callId);
  const phone = await until(() => dialled[0]);
  await until(() => phone.state === 'ended');
  await customer.reaches('answered');
  customer.phone.hangUp();
});

test('a customer who holds and resumes while a person rings still waits for that person', async () => {
  const customer = await caller('+79995550025');
  await customer.reaches('answered');
  person = (phone) => phone.ring();
  await handOver(customer.callId);
  const phone = await until(() => dialled[0]);
  customer.phone.hold(true);
  customer.phone.hold(false);
  phone.answer();
  const ear = heardBy(phone);
  await until(() => ear.hears(briefing));
  expect(await it.bus.call(calls.get_call, { callId: customer.callId })).toMatchObject({ state: 'transferring' });
  phone.press('1');
  await until(async () => (await it.bus.call(calls.get_call, { callId: customer.callId })).transferredTo !== null);
  customer.phone.hangUp();
});

test('a person whose customer gave up meanwhile is hung up', async () => {
  const customer = await caller('+79995550021');
  await customer.reaches('answered');
  await handOver(customer.callId);
  const phone = await until(() => dialled[0]);
  const ear = heardBy(phone);
  await until(() => ear.hears(briefing));
  customer.phone.hangUp();
  await until(() => phone.state === 'ended');
  expect(ear.hears(tooLate)).toBe(false);
});

test('a call that is not answered cannot be handed over, and nobody is dialled', async () => {
  const customer = await caller('+79995550022');
  customer.phone.hangUp();
  await customer.reaches('ended');
  await expect(handOver(customer.callId)).rejects.toMatchObject({ reason: 'not_answered' });
  expect(dialled).toEqual([]);
});

test('the people of a queue are asked in turn until one takes the call', async () => {
  person = (phone) => {
    if (dialled.length < 3) phone.hangUp('busy');
    else phone.answer();
  };
  const customer = await caller('+79995550023', '200');
  const third = await until(() => dialled[2]);
  expect(dialled.map(({ number }) => number)).toEqual(['+79995550091', '+79995550092', '+79995550091']);
  const ear = heardBy(third);
  await until(() => ear.frames() > 0);
  third.press('1');
  await until(async () => (await it.bus.call(calls.get_call, { callId: customer.callId })).transferredTo === '+79995550091');
  third.hangUp();
  await until(() => customer.phone.state === 'ended');
});

test('a caller whose person cannot be reached hears so', async () => {
  person = (phone) => phone.hangUp('busy');
  const customer = await caller('+79995550024', '300');
  await until(() => customer.hears(sorry));
  await until(() => customer.phone.state === 'ended');
});
