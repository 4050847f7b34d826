/** Calls with baresip from the request to the end: the audio it hears, its keys, hold and transfer. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TtsProvider } from '../../adapters/tts/port.ts';
import type { Service } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { seededRandom } from '../../contracts/kit/seeded-random.ts';
import { decode, encode } from '../../media/audio/g711.ts';
import { loadServices } from '../../runtime/services.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { type Baresip, startBaresip } from '../../test/kit/sip-peers.ts';
import { until, type World, world } from '../../test/kit/world.ts';

/** A stand-in for synthesized speech: a second of noise, different for each text. */
function soundOf(text: string): Uint8Array {
  const random = seededRandom([...text].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0));
  return encode(
    'PCMU',
    Int16Array.from({ length: 8_000 }, () => (random() - 0.5) * 16_000),
  );
}
const spoken: string[] = [];
const tts: TtsProvider = {
  provider: 'test',
  voices: async () => [{ voice: 'anna', language: 'ru-RU', gender: 'female' }],
  async speak({ text }) {
    spoken.push(text);
    return soundOf(text);
  },
};
const [greeting, question, briefing] = [
  'Здравствуйте! Разговор записывается.',
  'Наберите номер вашего заказа и нажмите решётку.',
  'Анна, заказ 17. Чтобы принять звонок, нажмите один. Чтобы отказаться, нажмите два.',
];

let it: World;
let port: number;
let person: Baresip;
let colleague: Baresip;
beforeAll(async () => {
  [it, person, colleague, port] = await Promise.all([world(), startBaresip('+79995553322'), startBaresip('anna'), freePort()]);
  for (const { folder, service } of await loadServices(['call-orchestrator', 'telephony-gateway'])) {
    const made: Service =
      folder === 'call-orchestrator'
        ? { ...service, make: (parts) => service.make({ ...parts, vendors: { ...parts.vendors, tts: [tts] } as never }) }
        : service;
    await it.start(folder, made, {
      ...{ TELEPHONY_KIND: 'sip', SIP_TRUNK: `sip:127.0.0.1:${person.port}`, SIP_PORT: String(port), TELEPHONY_RECORDING: 'off' },
      ...{ CALL_ROUTES: '100=script', CALL_HOURS: '00:00-24:00' },
    });
  }
});
afterAll(async () => {
  await it?.stop();
  for (const each of [person, colleague]) await each?.[Symbol.asyncDispose]();
});

/** The best correlation, up to 1, of a fifth of a second of a text with the received audio. A busy machine may lose other parts. */
function likeness(heard: Int16Array, text: string): number {
  const wanted = decode('PCMU', soundOf(text)).subarray(3_200, 4_800);
  const energy = (of: Int16Array): number => Math.sqrt(of.reduce((sum, sample) => sum + sample * sample, 0));
  const [size, whole] = [wanted.length, energy(wanted)];
  let best = 0;
  for (let at = 0; at + size <= heard.length; at += 1) {
    let product = 0;
    for (let nth = 0; nth < size; nth += 16) product += (heard[at + nth] ?? 0) * (wanted[nth] ?? 0);
    if (product * 16 < whole * whole * 0.2) continue; // The coarse sum for another sound is near 0.
    const part = heard.subarray(at, at + size);
    const fine = part.reduce((sum, sample, nth) => sum + sample * (wanted[nth] ?? 0), 0);
    best = Math.max(best, fine / (energy(part) * whole || 1));
  }
  return best;
}
const hears = (phone: Baresip, text: string): Promise<unknown> =>
  until(() => {
    const heard = phone.heard().at(-1);
    return heard !== undefined && likeness(heard, text) > 0.8;
  });
const seen = (phone: Baresip, event: string, times = 1): Promise<unknown> =>
  until(() => phone.events.filter((each) => each === event).length >= times);
const callOf = (callId: string) => it.bus.call(calls.get_call, { callId });
const reaches = (callId: string, state: string): Promise<unknown> => until(async () => (await callOf(callId)).state === state);

test('baresip rings, hears the greeting, presses 5 and #, hears its keys once, and is hung up after the last word', async () => {
  const { callId } = await it.bus.call(calls.start_call, { leadId: 'lead_1', phoneNumber: '+79995553322' }, { key: 'k1' });
  await seen(person, 'CALL_INCOMING');
  person.command('accept');
  await hears(person, greeting);
  await hears(person, question);
  person.command('sndcode', '5');
  person.command('sndcode', '#');
  await reaches(callId, 'ended');
  await seen(person, 'CALL_CLOSED');
  expect(spoken.filter((text) => text.startsWith('Вы набрали'))).toEqual(['Вы набрали: 5.']);
  expect(likeness(person.heard().at(-1) as Int16Array, 'Спасибо! Мы вам перезвоним. До свидания.')).toBeGreaterThan(0.8);
  expect(await callOf(callId)).toMatchObject({ outcome: 'answered', endedBy: 'system', hangUpCause: 'normal' });
});

test('baresip calls in, holds and resumes, and is handed over to a second baresip that hears the summary and takes the call', async () => {
  person.command('dial', `sip:100@127.0.0.1:${port}`);
  const call = await until(async () => (await it.bus.call(calls.list_calls, {})).items.find(({ state }) => state === 'answered'));
  const { callId } = call;
  await hears(person, question);
  person.command('hold');
  await reaches(callId, 'held');
  person.command('resume');
  await reaches(callId, 'answered');
  await it.bus.call(calls.transfer_call, {
    callId,
    to: `sip:anna@127.0.0.1:${colleague.port}`,
    mode: 'attended',
    summary: 'Анна, заказ 17.',
  });
  await reaches(callId, 'transferring');
  await seen(colleague, 'CALL_INCOMING');
  colleague.command('accept');
  await hears(colleague, briefing);
  colleague.command('sndcode', '1');
  await until(async () => (await callOf(callId)).transferredTo !== null);
  expect(await callOf(callId)).toMatchObject({ state: 'answered', direction: 'in' });
  colleague.command('hangup');
  await seen(person, 'CALL_CLOSED', 2);
  await reaches(callId, 'ended');
});
