/** Calls that a provider takes over SIP, with the real dialog: webhooks, one answer, tools over the sideband. */
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHttp } from '../../../adapters/http.ts';
import { type FakeAnswer, type FakeItem, type FakeRealtime, fakeRealtime } from '../../../adapters/realtime/realtime.fake.ts';
import { type FakeLive, fakeLive } from '../../../adapters/vendors/openai/live.fake.ts';
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
let live: FakeLive;
let http: ReturnType<typeof createHttp>;
let brain: (items: readonly FakeItem[]) => FakeAnswer = () => ({ says: 'Слушаю.' });
beforeAll(async () => {
  it = await world();
  server = await fakeRealtime({ words: () => '', answers: (items) => brain(items) });
  live = await fakeLive({ answers: (items) => brain(items) });
  http = createHttp({ allowPrivate: [server.http.url, live.http.url] });
  const options = {
    apiKey: 'sk-test',
    url: server.url,
    model: 'gpt-realtime-2.1',
    voice: 'marin',
    transcriptionModel: 'whisper-1',
    silentMs: 20_000,
    ...{ liveUrl: live.url, liveModel: 'gpt-live-1', backendModel: 'gpt-5.6-terra' },
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
  await it.bus.call(company.set, { company: { ...salon, noticeMinutes: 0, openingHours: [] } as never });
});
afterAll(async () => {
  await it.stop();
  await Promise.all([server.close(), live.close()]);
  await http.close();
});

let count = 0;
function waiting(line = '100') {
  count += 1;
  const phoneNumber = `+7999777000${count}`;
  const [callId, sipCallId] = [`rtc_${count}`, `sip-${count}@carrier`];
  const sip_headers = [
    { name: 'From', value: `"Анна" <sip:${phoneNumber}@carrier>;tag=1` },
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
  const listed = async () => (await it.bus.call(calls.list_calls, { phoneNumber })).items;
  const posts = (action: string) => server.http.seen.filter(({ path }) => path === `v1/realtime/calls/${callId}/${action}`);
  const liveId = `live_${count}`;
  const liveDelivery = (id: string, data: object = { type: 'sip', session_id: liveId, sip_headers }) =>
    delivery(id, 'live.transport.incoming', { data });
  const livePosts = (action: string) => live.http.seen.filter(({ path }) => path === `v1/live/sessions/${liveId}/${action}`);
  return { callId, delivery, posts, listed, sip_headers, liveId, liveDelivery, livePosts };
}

test('of deliveries that come again, at the same time and at two instances, one answers the call', async () => {
  const { callId, delivery, posts } = waiting();
  const first = await Promise.all([delivery('wh_1'), delivery('wh_1'), delivery('wh_2')]);
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
});

test('of the deliveries of both interfaces about one call, one answers it, and only there', async () => {
  const { delivery, liveDelivery, posts, livePosts, sip_headers, liveId, listed } = waiting();
  const old = () => delivery('wh_33', 'live.call.incoming', { data: { session_id: liveId, sip_headers } });
  const first = await Promise.all([liveDelivery('wh_31'), delivery('wh_32'), liveDelivery('wh_31'), old()]);
  expect(first.filter(({ isFirst }) => isFirst)).toHaveLength(1);
  await until(async () => (await listed()).find(({ state }) => state === 'answered'));
  expect(await delivery('wh_34')).toEqual({ isFirst: false });
  expect([...posts('accept'), ...livePosts('accept')]).toHaveLength(1);
  expect(await listed()).toHaveLength(1);
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

test('a number of a person is referred, and one without a route is rejected and not listed', async () => {
  const [person, nobody] = [waiting('200'), waiting('300')];
  await Promise.all([person.delivery('wh_8'), nobody.delivery('wh_9')]);
  const [refer] = await until(() => person.posts('refer').length > 0 && person.posts('refer'));
  expect(JSON.parse(refer?.body ?? '')).toEqual({ target_uri: 'tel:+79995550000' });
  const [reject] = await until(() => nobody.posts('reject').length > 0 && nobody.posts('reject'));
  expect(JSON.parse(reject?.body ?? '')).toEqual({ status_code: 404 });
  expect(await nobody.listed()).toEqual([]);
  await until(async () => (await person.listed()).find(({ state }) => state === 'ended'));
  expect(await person.listed()).toMatchObject([
    { provider: 'openai', outcome: 'unknown', transferredTo: '+79995550000', answeredAt: null },
  ]);
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

const transcriptOf = async (callId: string) =>
  (await it.bus.call(calls.get_transcript, { callId })).entries.map(
    ({ who, text, isInterrupted }) => `${who}: ${text}${isInterrupted ? ' …' : ''}`,
  );
/** Turns as `n said → reply`. */
const turnsOf = async (callId: string) => {
  const rows = await it.store.query<{ payload: { n: number; said: string; reply: string } }>(
    `select payload from journal.events where event = 'calls.turn_completed' and key = $1 order by (payload->>'n')::int`,
    [callId],
  );
  return rows.map(({ payload: { n, said, reply } }) => `${n} ${said} → ${reply}`);
};
/** A call answered by the model. */
async function answered(id: string) {
  const { callId, delivery, posts, listed } = waiting();
  await delivery(id);
  const attached = () => server.connections.filter(({ query }) => query === `call_id=${callId}`);
  const call = await until(async () => (await listed()).find(({ state }) => state === 'answered'));
  return { providerCallId: callId, call, posts, attached, now: async () => (await listed())[0] };
}
const said = (text: string) => until(() => server.items.find((item) => item.role === 'assistant' && item.text === text));

test('a call has a row from the first ring to its end, and a transcript in the order in which things were said', async () => {
  brain = (items) => ({ says: items.at(-1)?.text === 'Сколько стоит стрижка' ? 'Две тысячи рублей.' : 'Пожалуйста.' });
  const { providerCallId, call, now } = await answered('wh_20');
  expect(call).toMatchObject({ direction: 'in', provider: 'openai', line: '100', legId: null, outcome: null, recordingId: null });
  // The first words are transcribed after the answer to them was heard.
  server.customerSays('Сколько стоит стрижка', { areWordsLate: true });
  await said('Две тысячи рублей.');
  await until(async () => (await transcriptOf(call.callId)).length === 2);
  server.customerSays('Спасибо');
  await said('Пожалуйста.');
  const whole = ['customer: Сколько стоит стрижка', 'agent: Две тысячи рублей.', 'customer: Спасибо', 'agent: Пожалуйста.'];
  await until(async () => (await transcriptOf(call.callId)).length === 4);
  expect(await transcriptOf(call.callId)).toEqual(whole);
  server.customerHangsUp(providerCallId);
  await until(async () => (await now())?.state === 'ended');
  expect(await now()).toMatchObject({ outcome: 'answered', endedBy: 'remote', hangUpCause: 'normal', needsAttention: false });
  expect(await transcriptOf(call.callId)).toEqual(whole);
  expect(await turnsOf(call.callId)).toEqual(['0 Сколько стоит стрижка → Две тысячи рублей.', '1 Спасибо → Пожалуйста.']);
  await expect(it.bus.call(calls.get_recording, { callId: call.callId, offset: 0, length: 100 })).rejects.toMatchObject({
    reason: 'not_kept',
    message: expect.stringContaining('never left openai'),
  });
});

test('of an answer that the customer interrupts, the transcript has what was heard', async () => {
  const long = `Есть время завтра в десять, ${'или в двенадцать, '.repeat(200)}что удобнее?`;
  brain = (items) => (items.at(-1)?.text === 'Запишите меня' ? { says: long, ms: 200, isEndless: true } : { says: 'Хорошо.' });
  const { call } = await answered('wh_21');
  server.customerSays('Запишите меня');
  await said(long);
  server.customerSays('Подождите');
  await said('Хорошо.');
  await until(async () => (await transcriptOf(call.callId)).length >= 3);
  const lines = await transcriptOf(call.callId);
  expect(lines.join(' ')).not.toContain('что удобнее');
  expect(lines.slice(-2)).toEqual(['customer: Подождите', 'agent: Хорошо.']);
});

test('end_call hangs up at the provider', async () => {
  const { call, posts, now } = await answered('wh_22');
  await it.bus.call(calls.end_call, { callId: call.callId });
  expect(posts('hangup')).toHaveLength(1);
  await until(async () => (await now())?.state === 'ended');
  expect(await now()).toMatchObject({ outcome: 'answered', endedBy: 'system' });
});

test('a transfer refers the call, and one with a consultation is refused', async () => {
  const { call, posts, now } = await answered('wh_23');
  const to = '+79995550001';
  await expect(it.bus.call(calls.transfer_call, { callId: call.callId, to, mode: 'attended' })).rejects.toMatchObject({
    code: 'unimplemented',
  });
  await expect(it.bus.call(calls.transfer_call, { callId: call.callId, to: 'person:anna' })).rejects.toMatchObject({
    code: 'unimplemented',
  });
  expect(await it.bus.call(calls.transfer_call, { callId: call.callId, to })).toMatchObject({ transferredTo: to });
  expect(JSON.parse(posts('refer')[0]?.body ?? '')).toEqual({ target_uri: `tel:${to}` });
  await until(async () => (await now())?.state === 'ended');
});

test('a session that breaks off while the call goes on is opened again, and the transcript goes on', async () => {
  brain = () => ({ says: 'Слушаю вас.' });
  const { providerCallId, call, attached, now } = await answered('wh_24');
  server.customerSays('Алло');
  await until(async () => (await transcriptOf(call.callId)).length === 2);
  server.drop();
  await until(() => attached().length === 2);
  server.customerSays('Вы ещё там?', { callId: providerCallId });
  await until(async () => (await transcriptOf(call.callId)).length === 4);
  expect((await transcriptOf(call.callId)).slice(2)).toEqual(['customer: Вы ещё там?', 'agent: Слушаю вас.']);
  expect(await now()).toMatchObject({ state: 'answered' });
  server.customerHangsUp(providerCallId);
  await until(async () => (await now())?.state === 'ended');
  expect(await turnsOf(call.callId)).toEqual(['0 Алло → Слушаю вас.', '1 Вы ещё там? → Слушаю вас.']);
});

/** A call that GPT-Live has answered. */
async function answeredLive(id: string) {
  const { liveId, liveDelivery, livePosts, listed } = waiting();
  expect(await liveDelivery(id)).toEqual({ isFirst: true });
  const call = await until(async () => (await listed()).find(({ state }) => state === 'answered'));
  await until(() => live.attached(liveId) > 0);
  return { liveId, call, livePosts, now: async () => (await listed())[0] };
}
const liveSays = (like: RegExp) => until(() => live.items.find(({ role, text }) => role === 'assistant' && like.test(text)));

test('a call of GPT-Live is accepted with its session, and its transcript has the order of speech', async () => {
  brain = (items) => (items.at(-1)?.role === 'user' ? { says: 'Две тысячи рублей.' } : {});
  const { liveId, call, livePosts, now } = await answeredLive('wh_40');
  const { session } = JSON.parse(livePosts('accept')[0]?.body ?? '') as { session: Record<string, unknown> };
  expect(session).toMatchObject({
    ...{ type: 'live', model: 'gpt-live-1', audio: { output: { voice: 'marin' } } },
    delegation: {
      type: 'responses',
      responses: { model: 'gpt-5.6-terra', tools: expect.arrayContaining([expect.objectContaining({ name: 'end_call' })]) },
    },
  });
  live.customerSays('Сколько стоит стрижка', { areWordsLate: true });
  await until(async () => (await transcriptOf(call.callId)).length === 2);
  expect(await transcriptOf(call.callId)).toEqual(['customer: Сколько стоит стрижка', 'agent: Две тысячи рублей.']);
  expect(call).toMatchObject({ provider: 'openai', direction: 'in' });
  live.customerHangsUp(liveId);
  await until(async () => (await now())?.state === 'ended');
  expect(await now()).toMatchObject({ outcome: 'answered', endedBy: 'remote' });
});

test('GPT-Live books through the tools, by the words of the customer or a key, and hangs up after the last word', async () => {
  const before = (await it.bus.call(booking.list_appointments, { days: 60 })).appointments.length;
  brain = (items) => {
    const last = items.at(-1);
    if (last?.role === 'tool') return last.text.includes('"slots"') ? { says: 'Есть завтра в десять.' } : {};
    if (last?.role === 'system') return { says: last.text };
    if (last?.text === 'Хочу на стрижку') return { calls: [{ name: 'get_available_slots', arguments: { services: ['haircut'] } }] };
    if (last?.text === 'Давайте первое') return { calls: [{ name: 'create_appointment', arguments: { slot: 's1', name: 'Борис' } }] };
    if (last?.text === 'До свидания') return { says: 'Всего доброго!', calls: [{ name: 'end_call', arguments: {} }] };
    return {};
  };
  const { livePosts, call, now } = await answeredLive('wh_41');
  live.customerSays('Хочу на стрижку');
  await liveSays(/Есть завтра/);
  live.customerSays('Давайте первое');
  await liveSays(/слово в слово: «Записываю так/);
  live.customerPresses('1');
  await liveSays(/слово в слово: «Готово, вы записаны/);
  expect((await it.bus.call(booking.list_appointments, { days: 60 })).appointments).toHaveLength(before + 1);
  live.customerSays('До свидания');
  await until(() => livePosts('hangup').length === 1);
  await until(async () => (await now())?.state === 'ended');
  expect(await now()).toMatchObject({ endedBy: 'system' });
  expect(live.received.filter(({ type }) => type === 'error')).toEqual([]);
  expect((await transcriptOf(call.callId)).at(-1)).toBe('agent: Всего доброго!');
});

test('a call of GPT-Live is referred by a transfer, and to a person by its route', async () => {
  const { call, livePosts } = await answeredLive('wh_42');
  await it.bus.call(calls.transfer_call, { callId: call.callId, to: '+79995550001' });
  expect(JSON.parse(livePosts('refer')[0]?.body ?? '')).toEqual({ target_uri: 'tel:+79995550001' });
  const person = waiting('200');
  await person.liveDelivery('wh_43');
  await until(() => person.livePosts('refer').length === 1);
  expect(person.livePosts('accept')).toEqual([]);
});

test('what GPT-Live announces of another transport is acknowledged and left alone', async () => {
  const { liveId, liveDelivery, livePosts, listed } = waiting();
  expect(await liveDelivery('wh_44', { type: 'webrtc', session_id: liveId })).toEqual({ isFirst: false });
  expect([await listed(), livePosts('accept')]).toEqual([[], []]);
});
