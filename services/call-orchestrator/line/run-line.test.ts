import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Loopback, loopback, loopbackSettings } from '../../../adapters/telephony/loopback.ts';
import type { FarPhone } from '../../../adapters/telephony/loopback-leg.ts';
import type { TtsProvider } from '../../../adapters/tts/port.ts';
import type { Service } from '../../../bus/service.ts';
import { calls } from '../../../contracts/calls.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { loadServices } from '../../../runtime/services.ts';
import { soundOf } from '../../../test/kit/voice.ts';
import { until, type World, world } from '../../../test/kit/world.ts';

const spoken: string[] = [];
const tts: TtsProvider = {
  provider: 'test',
  voices: async () => [{ voice: 'anna', language: 'ru-RU', gender: 'female' }],
  async speak({ text }) {
    spoken.push(text);
    if (text.includes('немой')) throw new Error('hoarse');
    return soundOf(text, 60);
  },
};
const script = {
  start: 'greeting',
  steps: {
    greeting: { do: 'say', text: 'Здравствуйте', next: 'ask' },
    ask: { do: 'read_keys', prompt: 'Номер?', timeoutMs: 30_000, next: 'repeat' },
    repeat: { do: 'say', text: 'Вы набрали {keys}', next: 'mute' },
    mute: { do: 'say', text: 'немой', next: 'bye' },
    bye: { do: 'say', text: 'До свидания' },
  },
};

let it: World;
let gateway: Loopback;
let folder: string;
let person: (phone: FarPhone) => void = () => {};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'line-'));
  const file = join(folder, 'script.json');
  await writeFile(file, JSON.stringify(script));
  it = await world();
  gateway = loopback(loopbackSettings.parse({}), { now: Date.now, log: quiet }, (phone) => person(phone));
  const vendors: Readonly<Record<string, object>> = { 'telephony-gateway': { gateway }, 'call-orchestrator': { tts: [tts] } };
  for (const { folder: name, service } of await loadServices(['call-orchestrator', 'telephony-gateway'])) {
    // The real service, with phones and a voice that the test controls.
    const made: Service = {
      ...service,
      make: (parts) => service.make({ ...parts, vendors: { ...parts.vendors, ...vendors[name] } as never }),
    };
    await it.start(name, made, {
      CALL_SCRIPT: file,
      CALL_ROUTES: '100=script',
      CALL_HOURS: '00:00-24:00',
    });
  }
});
afterAll(async () => {
  await it.stop();
  await rm(folder, { recursive: true });
});

function heardBy(phone: FarPhone) {
  const heard: Uint8Array[] = [];
  phone.hear((audio) => void heard.push(audio));
  return { hears: (text: string) => Buffer.concat(heard).includes(Buffer.from(soundOf(text, 60))) };
}

test('a person who is called hears the script, types a number, hears it back once, and the line hangs up after its last word', async () => {
  const phones: FarPhone[] = [];
  person = (phone) => {
    phone.ring();
    phones.push(phone);
  };
  const { callId } = await it.bus.call(calls.start_call, { leadId: 'lead_1', phoneNumber: '+79995550001' }, { key: 'k1' });
  const phone = await until(() => phones[0]);
  const { hears } = heardBy(phone);
  expect(spoken).toEqual([]);
  phone.answer();
  await until(() => hears('Номер?'));
  expect(hears('Здравствуйте')).toBe(true);
  phone.press('15#');
  await until(() => phone.state === 'ended');
  expect([hears('Вы набрали 1, 5'), hears('До свидания')]).toEqual([true, true]);
  expect(spoken.filter((text) => text === 'Вы набрали 1, 5')).toHaveLength(1);
  const call = await until(async () => {
    const found = await it.bus.call(calls.get_call, { callId });
    return found.state === 'ended' && found;
  });
  expect(call).toMatchObject({ direction: 'out', outcome: 'answered', endedBy: 'system', hangUpCause: 'normal' });
});

test('a caller hears the same, and one who hangs up ends the script', async () => {
  const phone = await gateway.call('+79995550002', '100');
  const { hears } = heardBy(phone);
  await until(() => hears('Номер?'));
  phone.hangUp();
  await until(async () => (await it.bus.call(calls.list_calls, { phoneNumber: '+79995550002', state: 'ended' })).items.length === 1);
  expect(hears('Вы набрали')).toBe(false);
});

test('a leg is attended once, and not in the name of another call', async () => {
  const phone = await gateway.call('+79995550003', '100');
  const call = await until(async () => (await it.bus.call(calls.list_calls, { phoneNumber: '+79995550003', state: 'answered' })).items[0]);
  const { hears } = heardBy(phone);
  await until(() => hears('Номер?'));
  const { callId } = call;
  expect(await it.bus.call(calls.attend_leg, { callId, legId: call.legId ?? '' })).toEqual({ isAttended: false });
  expect(await it.bus.call(calls.attend_leg, { callId, legId: 'leg_of_another' })).toEqual({ isAttended: false });
  expect(await it.bus.call(calls.attend_leg, { callId: 'call_of_nobody', legId: 'leg_1' })).toEqual({ isAttended: false });
  phone.hangUp();
});
