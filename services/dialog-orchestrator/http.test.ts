import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { type Answered, type Client, type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { until } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import salon from '../crm-connector/salon.json' with { type: 'json' };
import connector from '../crm-connector/service.ts';
import journalService from '../journal/service.ts';
import sender from '../sender/service.ts';
import { type Brain, type Fixture, fixture, lastResult, type Reply, unique } from './fixture.ts';

type Put = OutputOf<typeof inbox.put_message>;
let it: GatewayWorld;
let agent: Fixture;
let old: Client;
let ask: Client;
beforeAll(async () => {
  const port = await freePort();
  it = await gatewayWorld([], { GATEWAY_PORTS: `${port}:8003` });
  const others = { 'crm-connector': connector, journal: journalService, collector, sender };
  agent = await fixture(it.world, others, { salon, settings: { DIALOG_MODE: 'auto', SENDER_UNDO_MS: '0' } });
  agent.thinks(receptionist);
  const { key } = await it.key(['read', 'send']);
  [old, ask] = [http(`http://127.0.0.1:${port}`, key), http(it.origin, key)];
});
afterAll(() => it?.stop());

const receptionist: Brain = (request) => {
  const { pressed } = request.facts as { readonly pressed: { readonly ref: string } | null };
  if (lastResult(request) !== null) return { text: 'Выберите время.' };
  if (pressed !== null) return { calls: [['create_appointment', { slot: pressed.ref, name: 'Анна', phone: '+79990000001' }]] };
  const last = request.messages.at(-1);
  if (last?.role === 'user' && /стрижк/i.test(last.text))
    return { calls: [['get_available_slots', { services: ['haircut'], day: 'на следующей неделе' }]] };
  return { text: 'Какая услуга нужна?' };
};
const bodyOf = <T>({ body }: Answered): T => body as T;
const messagesIn = async (chatId: string) => (await it.world.bus.call(inbox.list_messages, { chatId })).items.map(({ text }) => text);

test('the former dialog program on its port answers in the same conversation, and lists its intents, health and figures', async () => {
  const session_id = unique('test-123');
  const first = await old('POST', '/dialog', { session_id, user_message: 'Привет! Расскажи о ваших продуктах' });
  expect({ status: first.status, body: first.body }).toMatchObject({
    status: 200,
    body: { sessionId: session_id, reply: 'Какая услуга нужна?', state: 'COLLECTING_INFO', intent: 'talk', proposals: [] },
  });
  const offered = bodyOf<Reply>(await old('POST', '/dialog', { session_id, user_message: 'Хочу на стрижку', phone: '+79990000002' }));
  const proposed = await old('POST', '/dialog', { session_id, choice: offered.choices[0]?.id });
  expect(proposed.body).toMatchObject({ state: 'CONFIRMING', proposals: [{ what: 'create', state: 'open' }] });
  expect((await agent.session(session_id)).session).toMatchObject({ turns: 3, phoneProof: 'claimed' });
  const person = await old('POST', '/dialog', { session_id: unique('test-123'), user_message: 'Позовите человека' });
  expect(person.body).toMatchObject({ intent: 'human', isHandedOver: true });
  expect((await old('GET', '/intents')).body).toMatchObject({
    intents: expect.arrayContaining([expect.objectContaining({ name: 'book' })]),
  });
  for (const path of ['/health', '/stats', '/metrics']) expect((await old('GET', path)).status).toBe(200);
});

test('a message of the former universal endpoint is answered with the reply, whose option can be chosen', async () => {
  const user_id = unique('visitor');
  const said = await ask('POST', '/api/v1/messages', { company_id: 'salon', channel: 'website', user_id, text: 'Хочу на стрижку' });
  const { chatId, reply } = bodyOf<Put>(said);
  expect(reply).toMatchObject({ sessionId: chatId, text: 'Выберите время.' });
  const [option] = reply?.choices ?? [];
  const chosen = await ask('POST', '/api/v1/messages', { from: user_id, text: option?.title, choice: option?.id, waitMs: 30_000 });
  expect(bodyOf<Put>(chosen)).toMatchObject({ chatId, reply: { text: expect.stringContaining('Записываю так:\nСтрижка') } });
  expect(bodyOf<Put>(chosen).reply?.choices.map(({ title }) => title)).toEqual(['Подтвердить', 'Отменить']);
});

test('a repeat under the same key returns the first reply and stores nothing', async () => {
  const message = { from: unique('visitor'), text: 'Здравствуйте', waitMs: 30_000 };
  const headers = { 'idempotency-key': unique('key') };
  const first = bodyOf<Put>(await ask('POST', '/api/v1/messages', message, headers));
  const again = await ask('POST', '/api/v1/messages', { ...message, waitMs: 10_000 }, headers);
  expect(again.body).toEqual(first);
  expect(await messagesIn(first.chatId)).toEqual(['Какая услуга нужна?', 'Здравствуйте']);
});

test('without waitMs, and while a draft waits for approval, a message is answered without a reply', async () => {
  const from = unique('visitor');
  const first = bodyOf<Put>(await ask('POST', '/api/v1/messages', { from, text: 'Здравствуйте', waitMs: 30_000 }));
  expect(Object.keys(bodyOf<Put>(await ask('POST', '/api/v1/messages', { from, text: 'Добрый день' })))).toEqual(['messageId', 'chatId']);
  await until(async () => (await messagesIn(first.chatId)).length === 4);
  expect((await ask('POST', `/api/v1/dialogs/${first.chatId}/mode`, { mode: 'draft' })).status).toBe(403);
  const admin = await it.client('admin');
  expect(await admin('POST', `/api/v1/dialogs/${first.chatId}/mode`, { mode: 'draft' })).toMatchObject({
    status: 200,
    body: { mode: 'draft' },
  });
  const drafted = await ask('POST', '/api/v1/messages', { from, text: 'Вы здесь?', waitMs: 500 });
  expect({ status: drafted.status, names: Object.keys(bodyOf<Put>(drafted)) }).toEqual({ status: 200, names: ['messageId', 'chatId'] });
  // The agent has replied, and a person has not approved it.
  await until(async () => (await it.world.bus.call(journal.list, { view: 'approvals' })).items.length > 0 || null);
});
