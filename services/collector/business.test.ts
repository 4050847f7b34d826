import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { draftOf } from '../../adapters/channel/fixture.ts';
import { createHttp } from '../../adapters/http.ts';
import { telegramSend, telegramSendSettings } from '../../adapters/vendors/telegram/send.ts';
import { inbox } from '../../contracts/inbox.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { botId, type Fixture, fixture, token } from './fixture.ts';

let at: Fixture;
let here: World;
beforeAll(async () => {
  here = await world();
});
beforeEach(async () => {
  at = await fixture(here);
  await here.store.query('truncate collector.connections');
});
afterEach(() => at.close());
afterAll(() => here.stop());

const owner = { id: 99, is_bot: false, first_name: 'Ольга' };
const taken = (count: number) =>
  until(async () => ((await at.messages()).length >= count && at.telegram.unconfirmed(token).length === 0 ? true : null));
const saying = async (text: string) => {
  const found = (await at.messages()).find((one) => one.text === text);
  if (found === undefined) throw new Error(`nobody said ${text}`);
  return found;
};
const chatOf = async (text: string) => (await here.bus.call(inbox.chat_context, { chatId: (await saying(text)).chatId })).chat;

test('a chat of a business account is another one than the private chat with the bot, also under one message number', async () => {
  at.telegram.connect(token, owner.id, 'c1');
  expect(at.telegram.say(token, 42, 'Привет боту')).toBe(at.telegram.sayInBusiness(token, 'c1', 42, '25 роз на завтра'));
  await taken(2);
  expect(await chatOf('Привет боту')).toMatchObject({ externalId: '42' });
  expect(await chatOf('25 роз на завтра')).toMatchObject({ externalId: 'c1:42', title: 'Клиент 42', isReachable: true });
  expect((await saying('Привет боту')).sender).toEqual((await saying('25 роз на завтра')).sender);
});

test('what the owner writes is of the staff, and goes out, also when they were a client before', async () => {
  at.telegram.say(token, owner.id, 'Пробую бота');
  await taken(1);
  expect((await saying('Пробую бота')).sender).toMatchObject({ role: 'client' });
  at.telegram.sayInBusiness(token, 'c1', 42, 'Есть розы?');
  at.telegram.sayInBusiness(token, 'c1', 42, 'Есть', { from: owner });
  await taken(3);
  expect(await saying('Есть')).toMatchObject({ direction: 'out', sender: { role: 'manager', isStaff: true } });
  expect(await saying('Есть розы?')).toMatchObject({ direction: 'in', sender: { role: 'client' } });
  expect((await at.told('inbox.message_received')).map(({ isStaff }) => isStaff)).toEqual([false, false, true]);
  expect(await chatOf('Есть')).toMatchObject({ owner: 'human', title: 'Клиент 42', lastInboundAt: (await saying('Есть розы?')).sentAt });
});

test('an answer goes out through the connection of its chat', async () => {
  at.telegram.connect(token, owner.id, 'c1');
  at.telegram.sayInBusiness(token, 'c1', 42, 'Есть розы?');
  await taken(1);
  const { externalId: to, chatId } = await chatOf('Есть розы?');
  const http = createHttp({ allowPrivate: [at.telegram.url] });
  const settings = telegramSendSettings.parse({ TELEGRAM_BOT_TOKENS: token, TELEGRAM_API_ROOT: at.telegram.url });
  const { deliver } = telegramSend(settings, { http });
  const input = draftOf({ channel: 'telegram', chatId, botId, to, text: 'Есть' });
  const attempt = { ref: 'r1', signal: AbortSignal.timeout(10_000) } as Parameters<typeof deliver.attempt>[1];
  expect(await deliver.attempt(input, attempt)).toMatchObject({ to: 'c1:42', text: 'Есть' });
  expect(at.telegram.sent.at(-1)).toMatchObject({ chatId: 42, payload: { business_connection_id: 'c1' } });
  at.telegram.connect(token, owner.id, 'c1', { isEnabled: false });
  await expect(deliver.attempt(input, attempt)).rejects.toMatchObject({ reason: 'connection_closed' });
  await http.close();
});

test('a chat cannot be reached while its connection is closed or may not answer', async () => {
  at.telegram.connect(token, owner.id, 'c1');
  at.telegram.sayInBusiness(token, 'c1', 42, 'Есть розы?');
  await taken(1);
  const becomes = (is: boolean) => until(async () => (await chatOf('Есть розы?')).isReachable === is || null);
  at.telegram.connect(token, owner.id, 'c1', { isEnabled: false });
  await becomes(false);
  at.telegram.connect(token, owner.id, 'c1');
  await becomes(true);
  at.telegram.connect(token, owner.id, 'c1', { canReply: false });
  await becomes(false);
  const span = { since: '2000-01-01T00:00:00Z', until: '2100-01-01T00:00:00Z' };
  await here.bus.call(inbox.replay_updates, { channel: 'telegram', ...span });
  expect((await chatOf('Есть розы?')).isReachable).toBe(false);
});

test('chats of an account go on under its next connection', async () => {
  at.telegram.connect(token, owner.id, 'c1');
  at.telegram.sayInBusiness(token, 'c1', 42, 'До');
  await taken(1);
  at.telegram.connect(token, owner.id, 'c2');
  at.telegram.sayInBusiness(token, 'c2', 42, 'После');
  await taken(2);
  expect((await saying('До')).chatId).toBe((await saying('После')).chatId);
  expect(await chatOf('До')).toMatchObject({ externalId: 'c2:42' });
  expect(await at.told('inbox.number_changed')).toEqual([expect.objectContaining({ chatId: (await saying('До')).chatId })]);
});

test('who is erased leaves no name and no content in the chats of a business account', async () => {
  at.telegram.sayInBusiness(token, 'c1', 42, 'Мой адрес', { location: { latitude: 55.75, longitude: 37.61 } });
  await taken(1);
  const { chatId, sender } = await saying('Мой адрес');
  await here.bus.call(inbox.erase_person, { customerId: sender?.customerId ?? '' });
  const { chat, messages } = await here.bus.call(inbox.chat_context, { chatId });
  expect([chat.title, messages.map(({ text, content }) => [text, content])]).toEqual([null, [['', []]]]);
  expect(await here.store.query('select 1 from collector.raw_updates')).toEqual([]);
});
