/** Who is told what by the event stream. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { service } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { Phone } from '../../contracts/common.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { contract, method, review } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { messages } from '../../contracts/messages.ts';
import { loadServices } from '../../runtime/services.ts';
import { type GatewayWorld, gatewayWorld, type LoggedIn } from '../../test/kit/gateway.ts';
import { type Following, follow } from '../../test/kit/stream.ts';
import { until } from '../../test/kit/world.ts';

let it: GatewayWorld;
let vera: LoggedIn;
let oleg: LoggedIn;
let boss: LoggedIn;
beforeAll(async () => {
  it = await gatewayWorld(['collector', 'journal', 'sender', 'call-orchestrator', 'telephony-gateway']);
  vera = await it.person('manager');
  oleg = await it.person('manager');
  boss = await it.person('director');
});
afterAll(() => it?.stop());

const writes = async (from: string, text: string) => it.world.bus.call(inbox.put_message, { from, text }, { key: `${from} ${text}` });
const draft = async (chatId: string, text: string) => (await it.world.bus.call(messages.send_message, { chatId, text }, { key: text })).id;
const assign = (chatId: string, personId: string | null) => it.world.bus.call(inbox.assign_chat, { chatId, personId });
const follows = ({ cookie }: LoggedIn, topics = 'approvals,messages,chats') => follow(it.origin, topics, { cookie });
const told = ({ heard }: Following) => heard.map(({ data }) => JSON.stringify(data)).join('\n');
const hears = (one: Following, word: string) => until(() => told(one).includes(word) || null);

test('a manager is told about their own chats and those of nobody, and a director about all', async () => {
  const [own, others, nobodys] = [await writes('own', 'привет'), await writes('others', 'привет'), await writes('nobodys', 'привет')];
  await assign(own.chatId, vera.personId);
  await assign(others.chatId, oleg.personId);
  await until(async () => (await it.world.store.query('select from gateway.chat_owners')).length === 2 || null);
  const [ofVera, ofOleg, ofBoss] = await Promise.all([follows(vera), follows(oleg), follows(boss)]);
  await writes('own', 'вопрос-вере');
  await writes('others', 'вопрос-олегу');
  await writes('nobodys', 'вопрос-всем');
  await draft(own.chatId, 'ответ-веры');
  await draft(others.chatId, 'ответ-олега');
  await draft(nobodys.chatId, 'ответ-ничей');
  const all = ['вопрос-вере', 'вопрос-олегу', 'вопрос-всем', 'row_'];
  for (const word of all) await hears(ofBoss, word);
  for (const word of ['вопрос-вере', 'вопрос-всем']) await hears(ofVera, word);
  for (const word of ['вопрос-олегу', 'вопрос-всем']) await hears(ofOleg, word);
  const chatsOf = (one: Following) =>
    new Set(one.heard.filter(({ event }) => event === 'approvals').map(({ data }) => (data as { input: { chatId: string } }).input.chatId));
  await until(() => chatsOf(ofBoss).size === 3 && chatsOf(ofVera).size === 2 && chatsOf(ofOleg).size === 2);
  expect(chatsOf(ofVera)).toEqual(new Set([own.chatId, nobodys.chatId]));
  expect(chatsOf(ofOleg)).toEqual(new Set([others.chatId, nobodys.chatId]));
  expect(told(ofVera)).not.toContain('олег');
  expect(told(ofOleg)).not.toContain('вере');
  const listed = (one: Following) =>
    new Set(one.heard.filter(({ event }) => event === 'chats').map(({ data }) => (data as { chatId: string }).chatId));
  expect([listed(ofBoss).size, listed(ofVera), listed(ofOleg)]).toEqual([
    3,
    new Set([own.chatId, nobodys.chatId]),
    new Set([others.chatId, nobodys.chatId]),
  ]);
  for (const one of [ofVera, ofOleg, ofBoss]) one.leave();
});

test('a delivery status that a channel reports reaches those who see its chat, and no other manager', async () => {
  const [own, others] = [await writes('sent-own', 'привет'), await writes('sent-others', 'привет')];
  await assign(own.chatId, vera.personId);
  await assign(others.chatId, oleg.personId);
  await until(async () => (await it.world.store.query('select from gateway.chat_owners where chat_id = $1', [others.chatId])).length === 1);
  for (const { chatId } of [own, others]) await it.world.bus.call(journal.approve, { id: await draft(chatId, `доставка ${chatId}`) });
  const sentTo = async (chatId: string) =>
    until(async () => (await it.world.bus.call(inbox.list_messages, { chatId })).items.find(({ direction }) => direction === 'out'));
  const messageIds = [await sentTo(own.chatId), await sentTo(others.chatId)].map(({ messageId }) => messageId);
  const [ofVera, ofOleg] = await Promise.all([follows(vera, 'deliveries'), follows(oleg, 'deliveries')]);
  await it.world.store.query(
    `insert into collector.message_statuses (channel, bot_id, external_id, status, rank, at)
     select channel, bot_id, external_id, 'read', 3, now() from collector.messages where message_id = any ($1)`,
    [messageIds],
  );
  const [ownId = '', othersId = ''] = messageIds;
  await hears(ofVera, ownId);
  await hears(ofOleg, othersId);
  expect(ofVera.heard.find(({ event }) => event === 'deliveries')?.data).toMatchObject({ chatId: own.chatId, status: 'read' });
  expect([told(ofVera).includes(othersId), told(ofOleg).includes(ownId)]).toEqual([false, false]);
  for (const one of [ofVera, ofOleg]) one.leave();
});

test('a chat that is given to another manager leaves the one and comes to the other', async () => {
  const { chatId } = await writes('moving', 'кто мне ответит');
  const id = await draft(chatId, 'отвечу-я');
  const [ofVera, ofOleg] = await Promise.all([follows(vera, 'approvals'), follows(oleg, 'approvals')]);
  await hears(ofVera, id);
  await hears(ofOleg, id);
  await assign(chatId, oleg.personId);
  const last = (one: Following) => one.heard.findLast(({ data }) => (data as { id?: string }).id === id)?.data as { state: string };
  await until(() => last(ofVera).state === 'gone' || null);
  expect(last(ofOleg).state).toBe('proposed');
  await assign(chatId, vera.personId);
  await until(() => last(ofVera).state === 'proposed' && last(ofOleg).state === 'gone');
  for (const one of [ofVera, ofOleg]) one.leave();
});

test('a manager is told about calls to their clients and to those of nobody, also once the client is given to another', async () => {
  const client = async (from: string, phoneNumber: string, personId: string | null) => {
    const { chatId } = await it.world.bus.call(inbox.put_message, { from, phoneNumber, text: 'позвоните' }, { key: `phone of ${from}` });
    if (personId !== null) await assign(chatId, personId);
    return { chatId, phoneNumber };
  };
  const own = await client('call-own', '+79990002201', vera.personId);
  const others = await client('call-others', '+79990002202', oleg.personId);
  const nobodys = await client('call-nobodys', '+79990002203', null);
  await until(
    async () =>
      (await it.world.store.query(`select from gateway.phone_owners where phone_number like '+7999000220%'`)).length === 2 || null,
  );
  const [ofVera, ofOleg, ofBoss] = await Promise.all([follows(vera, 'calls'), follows(oleg, 'calls'), follows(boss, 'calls')]);
  for (const { phoneNumber } of [own, others, nobodys])
    await it.world.bus.call(calls.start_call, { leadId: 'lead', phoneNumber }, { key: `call ${phoneNumber}` });
  for (const { phoneNumber } of [own, others, nobodys]) await hears(ofBoss, phoneNumber);
  for (const { phoneNumber } of [own, nobodys]) await hears(ofVera, phoneNumber);
  for (const { phoneNumber } of [others, nobodys]) await hears(ofOleg, phoneNumber);
  expect([told(ofVera).includes(others.phoneNumber), told(ofOleg).includes(own.phoneNumber)]).toEqual([false, false]);
  await assign(own.chatId, oleg.personId);
  await hears(ofOleg, own.phoneNumber);
  await until(() => ofVera.heard.some(({ event, data }) => event === 'calls' && (data as { state: string }).state === 'gone') || null);
  for (const one of [ofVera, ofOleg, ofBoss]) one.leave();
});

test('the events of a call are its states to its end, for those who may see the call and for nobody else', async () => {
  const phoneNumber = '+79990002290';
  const { chatId } = await it.world.bus.call(inbox.put_message, { from: 'busy', phoneNumber, text: 'позвоните' }, { key: 'busy' });
  await assign(chatId, vera.personId);
  const owned = `select from call_orchestrator.phone_owners where phone_number = $1 and $2 = any (person_ids)`;
  await until(async () => (await it.world.store.query(owned, [phoneNumber, vera.personId])).length === 1);
  const { callId } = await it.world.bus.call(calls.start_call, { leadId: 'lead', phoneNumber }, { key: 'busy' });
  const eventsFor = async ({ cookie }: LoggedIn) => {
    const reply = await fetch(`${it.origin}/api/v1/calls/${callId}/events`, { headers: { cookie } });
    const parts = (await reply.text()).split('\n\n').filter((part) => part.startsWith('id:') || part.startsWith('event:'));
    return parts.map((part) => ({
      event: /^event: (\w+)/m.exec(part)?.[1],
      data: JSON.parse(/^data: (.*)$/m.exec(part)?.[1] ?? 'null') as { state?: string; outcome?: string | null; code?: string },
    }));
  };
  const [seen, refused] = await Promise.all([eventsFor(vera), eventsFor(oleg)]);
  expect(seen.at(-1)?.event).toBe('end');
  expect(seen.at(-2)?.data).toMatchObject({ callId, state: 'ended', outcome: 'busy' });
  expect(seen[0]).toMatchObject({ event: 'item', data: { callId } });
  expect(refused.map(({ event, data }) => [event, data.code])).toEqual([['error', 'not_found']]);
});

const bell = contract('bell', '1.0.0', {
  ring: method({
    summary: 'An effect that names a phone and no chat, and that the staff approves.',
    input: z.strictObject({ phoneNumber: Phone }),
    output: z.object({}),
    idempotency: 'keyed',
    approval: 'staff',
    reaches: 'customer',
  }),
});
test('a manager is told of no proposal and of no review that names the phone of another manager’s client', async () => {
  const { chatId } = await it.world.bus.call(
    inbox.put_message,
    { from: 'rung', phoneNumber: '+79990002204', text: 'позвоните' },
    { key: 'rung' },
  );
  await assign(chatId, oleg.personId);
  await until(
    async () => (await it.world.store.query(`select from gateway.phone_owners where phone_number = '+79990002204'`)).length === 1,
  );
  await until(
    async () => (await it.world.store.query(`select from journal.phone_owners where phone_number = '+79990002204'`)).length === 1,
  );
  const cutOff = service({ serves: { bell }, settings: z.object({}) }).start(async () => ({
    bell: {
      ring: { attempt: () => Promise.reject(new PolybError('upstream_failed', 'cut off', { outcome: 'unknown' })), onUnknown: review },
    },
  }));
  await it.world.start('bell', cutOff);
  const ring = async (phoneNumber: string) => {
    const refused = await it.world.bus.call(bell.ring, { phoneNumber }, { key: phoneNumber }).catch((error: PolybError) => error);
    return ((refused as PolybError).data as { rowId: string }).rowId;
  };
  const others = await ring('+79990002204');
  const [ofVera, ofOleg] = await Promise.all([follows(vera, 'approvals,reviews'), follows(oleg, 'approvals,reviews')]);
  await hears(ofOleg, others);
  for (const phone of ['+79990002205', '+79990002204']) {
    const id = phone === '+79990002204' ? others : await ring(phone);
    await it.world.bus.call(journal.approve, { id });
    await until(() => ofOleg.heard.some(({ event, data }) => event === 'reviews' && (data as { id?: string }).id === id));
  }
  const nobodys = await ring('+79990002206');
  for (const one of [ofVera, ofOleg]) await hears(one, nobodys);
  expect(told(ofVera)).not.toContain(others);
  for (const one of [ofVera, ofOleg]) one.leave();
});

test.each([
  ['manager', 'runs', 403],
  ['manager', 'calls,reviews,approvals,messages,deliveries,merges,chats,counters', 200],
  ['manager', 'services', 403],
  ['director', 'dead_letters', 403],
  ['director', 'services', 403],
  ['operator', 'runs,dead_letters,services,counters', 200],
  ['operator', 'chats', 403],
  ['operator', 'messages', 403],
  ['operator', 'deliveries', 403],
  ['operator', 'approvals', 403],
] as const)('a %s who follows %s is answered %i', async (role, topics, status) => {
  const { cookie } = await it.person(role);
  const one = await follow(it.origin, topics, { cookie });
  one.leave();
  expect(one.status).toBe(status);
});

test('a list that cannot be read is said to be old, and comes when it can; the other topics go on', async () => {
  const away = await gatewayWorld(['journal']);
  const { key } = await away.key(['admin']);
  const one = await follow(away.origin, 'calls,messages,runs', { 'x-api-key': key });
  expect(one.status).toBe(200);
  const said = (event: string, topic: string) => () =>
    one.heard.some(({ event: name, data }) => name === event && (data as { topic?: string }).topic === topic) || null;
  for (const topic of ['calls', 'messages']) await until(said('stale', topic));
  await until(said('snapshot', 'runs'));
  for (const { folder, service } of await loadServices(['call-orchestrator', 'collector', 'telephony-gateway']))
    await away.world.start(folder, service);
  for (const topic of ['calls', 'messages']) await until(said('snapshot', topic));
  // Followers who had them learn it too.
  const count = (event: string, topic: string): number =>
    one.heard.filter(({ event: name, data }) => name === event && (data as { topic?: string }).topic === topic).length;
  for (const [topic, table] of [
    ['calls', 'call_orchestrator.calls'],
    ['messages', 'collector.messages'],
  ] as const) {
    const [stale, snapshots] = [count('stale', topic), count('snapshot', topic)];
    await away.world.store.query(`alter table ${table} rename to away`);
    await until(() => count('stale', topic) > stale);
    await away.world.store.query(`alter table ${table.split('.')[0]}.away rename to ${table.split('.')[1]}`);
    await until(() => count('snapshot', topic) > snapshots);
  }
  one.leave();
  await away.stop();
});
