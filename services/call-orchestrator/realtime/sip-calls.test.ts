/** Calls that a provider takes over SIP, with the real dialog: webhooks, one answer, tools over the sideband. */
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHttp } from '../../../adapters/http.ts';
import { type FakeAnswer, type FakeItem, type FakeRealtime, fakeRealtime } from '../../../adapters/realtime/realtime.fake.ts';
import { openAiRealtime } from '../../../adapters/vendors/openai/realtime.ts';
import { openAiSipCalls } from '../../../adapters/vendors/openai/sip-calls.ts';
import type { Service } from '../../../bus/service.ts';
import { booking } from '../../../contracts/booking.ts';
import { calls } from '../../../contracts/calls.ts';
import { company } from '../../../contracts/company.ts';
import { loadServices } from '../../../runtime/services.ts';
import { until, type World, world } from '../../../test/kit/world.ts';
import salon from '../../crm-connector/salon.json' with { type: 'json' };

const webhookSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
let it: World;
let server: FakeRealtime;
let http: ReturnType<typeof createHttp>;
let brain: (items: readonly FakeItem[]) => FakeAnswer = () => ({ says: 'Слушаю.' });
beforeAll(async () => {
  it = await world();
  server = await fakeRealtime({ words: () => '', answers: (items) => brain(items) });
  http = createHttp({ allowPrivate: [server.http.url] });
  const options = {
    apiKey: 'sk-test',
    url: server.url,
    model: 'gpt-realtime-2.1',
    voice: 'marin',
    transcriptionModel: 'whisper-1',
    silentMs: 20_000,
  };
  const model = { ...openAiRealtime(options), sip: openAiSipCalls({ ...options, webhookSecret }, { http, now: Date.now }) };
  const folders = ['dialog-orchestrator', 'crm-connector', 'journal', 'call-orchestrator'];
  const settings = { CALL_ROUTES: '100=realtime, 200=person:+79995550000' };
  for (const { folder, service: each } of await loadServices(folders)) {
    const made: Service =
      folder === 'call-orchestrator'
        ? { ...each, make: (parts) => each.make({ ...parts, vendors: { ...parts.vendors, realtime: [model] } as never }) }
        : each;
    await it.start(folder, made, settings);
    // Deliveries reach any instance.
    if (folder === 'call-orchestrator') await it.start(folder, made, settings);
  }
  await it.bus.call(company.set, { company: { ...salon, noticeMinutes: 0 } as never });
});
afterAll(async () => {
  await it.stop();
  await server.close();
  await http.close();
});

let count = 0;
function waiting(line = '100') {
  count += 1;
  const [callId, sipCallId] = [`rtc_${count}`, `sip-${count}@carrier`];
  const sip_headers = [
    { name: 'From', value: `"Анна" <sip:+7999777000${count}@carrier>;tag=1` },
    { name: 'To', value: `<sip:${line}@sip.api.openai.com>` },
    { name: 'Call-ID', value: sipCallId },
  ];
  const delivery = (
    id: string,
    type = 'realtime.call.incoming',
    { at = Date.now(), alter = (body: string) => body, data = { call_id: callId, sip_headers } as object } = {},
  ) => {
    const body = JSON.stringify({ id: `evt_${id}`, type, data });
    const timestamp = String(Math.floor(at / 1_000));
    const key = Buffer.from(webhookSecret.slice('whsec_'.length), 'base64');
    const signature = `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
    const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,AAAA ${signature}` };
    return it.bus.call(calls.speech_webhook, { headers, body: Buffer.from(alter(body)) });
  };
  const posts = (action: string) => server.http.seen.filter(({ path }) => path === `v1/realtime/calls/${callId}/${action}`);
  return { callId, delivery, posts, sip_headers };
}

test('of deliveries that come again, at the same time, at two instances and for both interfaces, one answers the call', async () => {
  const { callId, delivery, posts, sip_headers } = waiting();
  const live = { data: { type: 'sip', session_id: 'live_1', sip_headers } };
  const first = await Promise.all([
    delivery('wh_1'),
    delivery('wh_1'),
    delivery('wh_2'),
    delivery('wh_3', 'live.transport.incoming', live),
  ]);
  expect(first.filter(({ isFirst }) => isFirst)).toHaveLength(1);
  await until(() => server.connections.find(({ query }) => query === `call_id=${callId}`));
  expect(await delivery('wh_4')).toEqual({ isFirst: false });
  expect(posts('accept')).toHaveLength(1);
  const session = JSON.parse(posts('accept')[0]?.body ?? '') as Record<string, unknown>;
  expect(session).toMatchObject({
    type: 'realtime',
    model: 'gpt-realtime-2.1',
    audio: { input: { turn_detection: { create_response: true } } },
  });
  expect(server.http.seen.filter(({ path }) => path.startsWith('v1/live'))).toEqual([]);
});

test('a delivery that is forged, altered or older than five minutes changes nothing', async () => {
  const { delivery, posts } = waiting();
  const bad = { code: 'permission_denied', reason: 'bad_signature' };
  await expect(delivery('wh_5', 'realtime.call.incoming', { alter: (body) => body.replace('100@', '101@') })).rejects.toMatchObject(bad);
  await expect(delivery('wh_6', 'realtime.call.incoming', { at: Date.now() - 400_000 })).rejects.toMatchObject(bad);
  await expect(delivery('wh_7', 'realtime.call.incoming', { at: Date.now() + 400_000 })).rejects.toMatchObject(bad);
  await expect(it.bus.call(calls.speech_webhook, { body: Buffer.from('{}') })).rejects.toMatchObject(bad);
  expect(posts('accept')).toEqual([]);
});

test('a number of a person is referred, and one without a route is rejected', async () => {
  const [person, nobody] = [waiting('200'), waiting('300')];
  await Promise.all([person.delivery('wh_8'), nobody.delivery('wh_9')]);
  const [refer] = await until(() => person.posts('refer').length > 0 && person.posts('refer'));
  expect(JSON.parse(refer?.body ?? '')).toEqual({ target_uri: 'tel:+79995550000' });
  const [reject] = await until(() => nobody.posts('reject').length > 0 && nobody.posts('reject'));
  expect(JSON.parse(reject?.body ?? '')).toEqual({ status_code: 404 });
});

test('over the sideband the caller books, and the call is hung up after the last word', async () => {
  const before = (await it.bus.call(booking.list_appointments, { days: 60 })).appointments.length;
  brain = (items) => {
    const last = items.at(-1);
    if (last?.role === 'tool' && last.text.includes('"slots"')) return { says: 'Есть завтра в десять.' };
    if (last?.role === 'system') return { says: last.text };
    if (last?.text === 'Хочу на стрижку') return { calls: [{ name: 'get_available_slots', arguments: { services: ['haircut'] } }] };
    if (last?.text === 'Давайте первое') return { calls: [{ name: 'create_appointment', arguments: { slot: 's1', name: 'Анна' } }] };
    if (last?.text === 'До свидания') return { says: 'Всего доброго!', calls: [{ name: 'end_call', arguments: {} }] };
    return { says: 'Да-да.' };
  };
  const { callId, delivery, posts } = waiting();
  await delivery('wh_10');
  await until(() => server.connections.find(({ query }) => query === `call_id=${callId}`));
  const modelSays = (like: RegExp) => until(() => server.items.find(({ role, text }) => role === 'assistant' && like.test(text)));
  server.customerSays('Хочу на стрижку');
  await modelSays(/Есть завтра/);
  server.customerSays('Давайте первое');
  await modelSays(/слово в слово: «Записываю так/);
  server.customerSays('Да, записывайте');
  await modelSays(/слово в слово: «Готово, вы записаны/);
  expect((await it.bus.call(booking.list_appointments, { days: 60 })).appointments).toHaveLength(before + 1);
  server.customerSays('До свидания');
  await until(() => posts('hangup').length === 1);
});
