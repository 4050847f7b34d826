import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { type World, world } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import journalService from '../journal/service.ts';
import { type Fixture, fixture } from './fixture.ts';

let here: World;
let it: Fixture;
beforeAll(async () => {
  here = await world();
  it = await fixture(here, { collector, journal: journalService }, { settings: { SENDER_APPROVAL_WHATSAPP: 'none' } });
});
afterAll(async () => {
  await here.stop();
  await it.close();
});
const sentTo = (chat: number) => it.telegram.sent.filter(({ chatId }) => chatId === chat).map(({ text }) => text);

test('a message waits for its approval, then reaches the customer once and is told with its words', async () => {
  const anna = it.somebody();
  const { chatId, messageId } = await it.says(anna);
  const { id, state } = await it.send(chatId, 'Курьер будет до 10:30');
  expect(state).toBe('pending');
  expect((await here.bus.call(journal.list, { view: 'approvals' })).items).toMatchObject([{ id }]);
  expect(sentTo(anna)).toEqual([]);
  await it.approve(id);
  expect(await it.comes(id, 'sent')).toMatchObject({ externalId: '2', answers: messageId, reason: null, channel: 'telegram' });
  expect(sentTo(anna)).toEqual(['Курьер будет до 10:30']);
  expect(await it.told('messages.message_sent', id)).toMatchObject([
    {
      chatId,
      botId: '7001',
      externalId: '2',
      text: 'Курьер будет до 10:30',
      key: 'Курьер будет до 10:30',
      knows: expect.stringMatching(/^msg_/),
    },
  ]);
});

test('an answer goes to the topic of the message that it answers, and is stored there', async () => {
  const chat = { id: -1007, type: 'supergroup', title: 'Форум', is_forum: true };
  const from = { id: it.somebody(), is_bot: false, first_name: 'К' };
  const date = Math.floor(Date.now() / 1000);
  const topic = { message_thread_id: 5, is_topic_message: true };
  it.telegram.update('7001:AAAA-test', { message: { message_id: 11, date, chat, from, text: 'В теме', ...topic } });
  const [asked] = await it.when(async () => {
    const { items } = await here.bus.call(inbox.list_messages, { q: 'в теме' });
    return items.length > 0 && items;
  });
  const { id } = await it.send(asked?.chatId ?? '', 'Ответ в теме', 'topic', { answers: asked?.messageId });
  await it.approve(id);
  await it.comes(id, 'sent');
  expect(it.telegram.sent.at(-1)).toMatchObject({ chatId: -1007, payload: { message_thread_id: 5 } });
  expect(await it.told('messages.message_sent', id)).toMatchObject([{ threadId: '5', replyToExternalId: null }]);
  const own = await it.when(async () =>
    (await here.bus.call(inbox.list_messages, { chatId: asked?.chatId ?? '' })).items.find((one) => one.direction === 'out'),
  );
  expect(own).toMatchObject({ text: 'Ответ в теме', threadId: '5' });
});

test('the same request twice is one draft, and one message', async () => {
  const boris = it.somebody();
  const { chatId } = await it.says(boris);
  const [one, two] = await Promise.all([it.send(chatId, 'раз'), it.send(chatId, 'раз')]);
  expect(one).toEqual(two);
  await it.approve(one.id);
  await it.comes(one.id, 'sent');
  expect(sentTo(boris)).toEqual(['раз']);
});

test('what was rejected never goes out, and its delivery says why', async () => {
  const vera = it.somebody();
  const { id } = await it.send((await it.says(vera)).chatId, 'нет');
  await here.bus.call(journal.reject, { id, why: 'wrong fact' });
  expect(await it.comes(id, 'failed')).toMatchObject({ reason: 'rejected' });
  expect(sentTo(vera)).toEqual([]);
});

test('once the customer has written, a draft that does not know of it is 409 stale', async () => {
  const gleb = it.somebody();
  const { id } = await it.send((await it.says(gleb)).chatId, 'устарел');
  await it.says(gleb, 'Уже не надо');
  expect(await it.comes(id, 'failed')).toMatchObject({ reason: 'stale' });
  const message = expect.stringContaining('has written since');
  await expect(it.approve(id)).rejects.toMatchObject({ code: 'conflict', reason: 'stale', message });
  expect(sentTo(gleb)).toEqual([]);
});

/** A message of the customer, edited; in Telegram its id in the chat is that which it had. */
const edits = (from: number, id: number, text: string, rest: object = {}) =>
  it.telegram.update('7001:AAAA-test', {
    edited_message: {
      ...{ message_id: id, date: 1_790_000_000, edit_date: Math.floor(Date.now() / 1000) + 60, text },
      ...{ chat: { id: from, type: 'private', first_name: 'К' }, from: { id: from, is_bot: false, first_name: 'К' }, ...rest },
    },
  });
const lastAct = async (chatId: string) => (await here.bus.call(inbox.chat_context, { chatId })).chat.lastActId;

test('once the customer has edited a message, a draft that knows its former words is 409 stale, and a new one is taken', async () => {
  const zoya = it.somebody();
  const { chatId, messageId } = await it.says(zoya, 'Закажу 5 роз');
  await it.says(zoya, 'Спасибо');
  const { id } = await it.send(chatId, 'Приняли 5 роз');
  const { externalId } = await here.bus.call(inbox.get_message, { messageId });
  edits(zoya, Number(externalId), 'Отмените заказ');
  expect(await it.comes(id, 'failed')).toMatchObject({ reason: 'stale' });
  const message = expect.stringContaining('edited or withdrawn');
  await expect(it.approve(id)).rejects.toMatchObject({ code: 'conflict', reason: 'stale', message });
  expect(await it.send(chatId, 'Отменили')).toMatchObject({ state: 'pending' });
});

test('a draft that is begun with the words before an edit is refused, and is taken with the act that it knows', async () => {
  const yana = it.somebody();
  const { chatId, messageId } = await it.says(yana, 'Закажу 5 роз');
  const before = await lastAct(chatId);
  const { externalId } = await here.bus.call(inbox.get_message, { messageId });
  edits(yana, Number(externalId), 'Закажу 7 роз');
  const knows = await it.when(async () => {
    const act = await lastAct(chatId);
    return act !== before && act;
  });
  await expect(it.send(chatId, 'Приняли 5', 'k1', { answers: messageId })).rejects.toMatchObject({ reason: 'stale' });
  await expect(it.send(chatId, 'Приняли 5', 'k2', { knows: before })).rejects.toMatchObject({ reason: 'stale' });
  const { id } = await it.send(chatId, 'Приняли 7', 'k3', { answers: messageId, knows });
  await it.approve(id);
  expect(await it.comes(id, 'sent')).toMatchObject({ answers: messageId });
});

test('an edit that changes no words outdates nothing', async () => {
  const zhenya = it.somebody();
  const { chatId, messageId } = await it.says(zhenya, 'Закажу 5 роз');
  const { id } = await it.send(chatId, 'Приняли');
  const { externalId } = await here.bus.call(inbox.get_message, { messageId });
  edits(zhenya, Number(externalId), 'Закажу 5 роз', { reply_markup: { inline_keyboard: [] } });
  await it.when(async () => it.telegram.unconfirmed('7001:AAAA-test').length === 0);
  await it.approve(id);
  await it.comes(id, 'sent');
});

test('once somebody of the staff has written in the chat, a draft that does not know it is 409 stale', async () => {
  const [boss, group] = [it.somebody(), -5_000];
  const says = (from: number, text: string) => {
    const chat = { id: group, type: 'group', title: 'Заказы' };
    const of = { message_id: it.somebody(), date: 1_790_000_000, chat, from: { id: from, is_bot: false, first_name: 'К' }, text };
    it.telegram.update('7001:AAAA-test', { message: of });
    return it.when(async () => (await here.bus.call(inbox.list_messages, { limit: 200 })).items.find((one) => one.text === text));
  };
  const { sender } = await says(boss, 'Добавили бота');
  await here.bus.call(inbox.set_role, { customerId: sender?.customerId ?? '', role: 'manager' });
  const { chatId, messageId } = await says(it.somebody(), 'Когда привезут?');
  const { id } = await it.send(chatId, 'Привезут завтра');
  await says(boss, 'Уже едет, через 10 минут');
  expect(await it.comes(id, 'failed')).toMatchObject({ reason: 'stale' });
  const message = expect.stringContaining('Staff has written');
  await expect(it.approve(id)).rejects.toMatchObject({ code: 'conflict', reason: 'stale', message });
  await expect(it.send(chatId, 'Привезут завтра', 'after', { answers: messageId })).rejects.toMatchObject({ reason: 'stale' });
});

test('a message of which we hear only after the approval still stops the draft', async () => {
  const dina = it.somebody();
  const { chatId } = await it.says(dina);
  const { id } = await it.send(chatId, 'поздно');
  await here.store.query(`update sender.chats set last_act_id = 'msg_zz' where chat_id = $1`, [chatId]);
  await it.approve(id);
  expect(await it.comes(id, 'failed')).toMatchObject({ reason: 'stale' });
  expect(await it.row(id)).toMatchObject({ state: 'stale', error: expect.stringContaining('has written since') });
  expect(sentTo(dina)).toEqual([]);
});

test('a draft that answers an older message is refused, one that answers the last is taken', async () => {
  const egor = it.somebody();
  const { chatId, messageId: first } = await it.says(egor);
  const { messageId: last } = await it.says(egor, 'И ещё');
  await expect(it.send(chatId, 'старое', 'e1', { answers: first })).rejects.toMatchObject({ code: 'conflict', reason: 'stale' });
  expect(await it.send(chatId, 'новое', 'e2', { answers: last })).toMatchObject({ state: 'pending' });
});

test.each([
  ['to', '8811'],
  ['botId', '7002'],
  ['channel', 'site'],
  ['chatId', 'chat_0000000000other'],
  ['isGroup', true],
  ['answers', null],
  ['knows', 'msg_zzzzzzzz'],
  ['threadId', '5'],
  ['customer', null],
])('an edit of a draft may not change %s', async (field, value) => {
  const { chatId } = await it.says(it.somebody());
  const { id } = await it.send(chatId, 'безобидный ответ', `edit ${field}`);
  const { hash, input } = await it.row(id);
  await expect(
    here.bus.call(journal.edit, { id, hash, input: { ...(input as object), [field]: value, text: 'реклама' } }),
  ).rejects.toMatchObject({ code: 'invalid_argument', reason: 'not_editable' });
  expect((await it.row(id)).input).toEqual(input);
});

test('a message goes where its chat is, whatever its draft says', async () => {
  const [lida, other] = [it.somebody(), it.somebody()];
  const { chatId } = await it.says(lida);
  await it.says(other);
  const { id } = await it.send(chatId, 'по адресу');
  await here.store.query(`update journal.rows set input = input || $2::jsonb where id = $1`, [id, JSON.stringify({ to: String(other) })]);
  await it.approve(id);
  await it.comes(id, 'sent');
  expect([sentTo(lida), sentTo(other)]).toEqual([['по адресу'], []]);
});

test.each(['\u200b', ' \u2060\ufeff ', '\u3164', '\u00ad\u200d'])(
  'a text that shows nothing is refused, proposed or edited: %j',
  async (text) => {
    const { chatId } = await it.says(it.somebody());
    const refused = { code: 'invalid_argument', message: expect.stringContaining('text') };
    await expect(it.send(chatId, text, `unseen ${JSON.stringify(text)}`)).rejects.toMatchObject(refused);
    const { id } = await it.send(chatId, 'видно', `seen ${JSON.stringify(text)}`);
    const { hash } = await it.row(id);
    await expect(here.bus.call(journal.edit, { id, hash, input: { text } })).rejects.toMatchObject(refused);
  },
);

test('a draft says who reads it and what they said last', async () => {
  const { chatId } = await it.says(it.somebody(), 'Когда привезут?');
  const { input } = await it.row((await it.send(chatId, 'Завтра')).id);
  expect(input).toMatchObject({ customer: { name: expect.stringMatching(/\S/), channel: 'telegram', said: 'Когда привезут?' } });
});

test('a customer who blocked the bot is a final state until they write again', async () => {
  const fedor = it.somebody();
  const { chatId } = await it.says(fedor);
  const { id } = await it.send(chatId, 'закрыто');
  it.telegram.block('7001:AAAA-test', fedor);
  await it.approve(id);
  expect(await it.comes(id, 'failed')).toMatchObject({ reason: 'blocked' });
  expect((await it.row(id)).attempts).toBe(1);
  await expect(it.send(chatId, 'ещё')).rejects.toMatchObject({ code: 'failed_precondition', reason: 'blocked' });
  await it.says(fedor, 'Я передумал');
  expect(await it.send(chatId, 'снова')).toMatchObject({ state: 'pending' });
});

test('429 is waited out as long as Telegram asks, then the message goes out once', async () => {
  const galya = it.somebody();
  const { id } = await it.send((await it.says(galya)).chatId, 'подождём');
  it.telegram.order({ do: 'refuse', on: 'sendMessage', to: galya, status: 429, retryAfterS: 1 });
  const began = Date.now();
  await it.approve(id);
  await it.comes(id, 'sent');
  expect(Date.now() - began).toBeGreaterThanOrEqual(1_000);
  expect(sentTo(galya)).toEqual(['подождём']);
  expect((await it.row(id)).log).toMatchObject([{ code: 'resource_exhausted' }]);
});

test('a 429 for one message holds up the whole bot, and all go out once its time is over', async () => {
  const [first, ...others] = await Promise.all((await it.allSay(4)).map(({ chatId }) => it.send(chatId, `всем ${chatId}`)));
  it.telegram.flood('7001:AAAA-test', 2);
  await it.approve(first?.id ?? '');
  await it.when(async () => (await it.row(first?.id ?? '')).log.some(({ code }) => code === 'resource_exhausted'));
  for (const { id } of others) await it.approve(id);
  for (const { id } of [first, ...others].filter((each) => each !== undefined)) await it.comes(id, 'sent');
  expect(it.telegram.sent.filter(({ text }) => text.startsWith('всем'))).toHaveLength(4);
  expect(it.telegram.tooEarly()).toBe(0);
});

test('a connection cut after the message went out is left to a person, and nothing is sent twice', async () => {
  const igor = it.somebody();
  const { id } = await it.send((await it.says(igor)).chatId, 'дошло?');
  it.telegram.order({ do: 'cut', on: 'sendMessage', to: igor, after: true });
  await it.approve(id);
  await it.when(async () => (await it.row(id)).state === 'review');
  expect(await it.delivery(id)).toMatchObject({ status: 'queued' });
  await here.bus.call(journal.resolve, { id, answer: 'happened', output: {} });
  expect(await it.comes(id, 'sent')).toMatchObject({ externalId: null });
  expect(sentTo(igor)).toEqual(['дошло?']);
});

test('what was approved after a message in doubt waits until a person has decided, and says so', async () => {
  const dima = it.somebody();
  const { chatId } = await it.says(dima);
  const { id: doubted } = await it.send(chatId, 'первое');
  it.telegram.order({ do: 'cut', on: 'sendMessage', to: dima, after: true });
  await it.approve(doubted);
  await it.when(async () => (await it.row(doubted)).state === 'review');
  const { id: approved } = await it.send(chatId, 'второе');
  const { id: proposed } = await it.send(chatId, 'третье');
  await it.approve(approved);
  expect(await it.row(approved)).toMatchObject({ state: 'queued', waitsFor: doubted });
  const heads = async (view: 'reviews' | 'approvals') => (await here.bus.call(journal.list, { view })).items;
  expect((await heads('reviews')).find(({ id }) => id === doubted)).toMatchObject({ behind: 1, waitsFor: null });
  expect((await heads('approvals')).find(({ id }) => id === proposed)).toMatchObject({ behind: 0, waitsFor: doubted });
  expect(sentTo(dima)).toEqual(['первое']);
  await here.bus.call(journal.resolve, { id: doubted, answer: 'happened', output: {} });
  await it.comes(approved, 'sent');
  expect(sentTo(dima)).toEqual(['первое', 'второе']);
  expect(await it.row(proposed)).toMatchObject({ waitsFor: null });
});

test('an edited draft goes out as it was edited, and an approval of the words before is refused', async () => {
  const katya = it.somebody();
  const { id } = await it.send((await it.says(katya)).chatId, 'до правки');
  const { hash, input } = await it.row(id);
  await here.bus.call(journal.edit, { id, hash, input: { ...(input as object), text: 'после правки' } });
  await expect(it.approve(id, hash)).rejects.toMatchObject({ code: 'failed_precondition', reason: 'hash_mismatch' });
  await it.approve(id, (await it.row(id)).hash);
  await it.comes(id, 'sent');
  expect(sentTo(katya)).toEqual(['после правки']);
  expect(await it.told('messages.message_sent', id)).toMatchObject([{ text: 'после правки' }]);
});

test('a draft that nobody approved in time expires and never goes out', async () => {
  const lev = it.somebody();
  const { id } = await it.send((await it.says(lev)).chatId, 'истёк');
  await here.store.query(`update journal.rows set not_after = now() - interval '1 s' where id = $1`, [id]);
  await expect(it.approve(id)).rejects.toMatchObject({ code: expect.stringMatching(/conflict|failed_precondition/) });
  expect(await it.comes(id, 'failed')).toMatchObject({ reason: 'expired' });
  expect(sentTo(lev)).toEqual([]);
});

test('a reply names the message, and one of another chat is refused', async () => {
  const [masha, nina] = [it.somebody(), it.somebody()];
  const [one, other] = [await it.says(masha), await it.says(nina)];
  await expect(it.send(one.chatId, 'ответ', 'r1', { replyTo: other.messageId })).rejects.toMatchObject({ reason: 'other_chat' });
  const { id } = await it.send(one.chatId, 'ответ', 'r2', { replyTo: one.messageId });
  await it.approve(id);
  await it.comes(id, 'sent');
  expect(it.telegram.sent.at(-1)?.payload).toMatchObject({ reply_parameters: { message_id: 1 } });
});

test('a chat that is not there, a wrong channel, a text too long or empty are refused', async () => {
  const oleg = it.somebody();
  const { chatId } = await it.says(oleg);
  await expect(it.send('chat_none', 'кому?')).rejects.toMatchObject({ code: 'not_found' });
  await expect(it.send(chatId, 'куда?', 'w1', { channel: 'whatsapp' })).rejects.toMatchObject({ reason: 'wrong_channel' });
  const template = { name: 'hello', language: 'ru' };
  await expect(it.send(chatId, 'как?', 'w2', { template })).rejects.toMatchObject({ reason: 'wrong_channel' });
  await expect(it.send(chatId, 'я'.repeat(4097), 'w3')).rejects.toMatchObject({ code: 'invalid_argument' });
  await expect(it.send(chatId, ' \n', 'w4')).rejects.toMatchObject({ code: 'invalid_argument' });
  expect(await it.send(chatId, '🌷'.repeat(2048), 'w5')).toMatchObject({ state: 'pending' });
});

test('where the policy asks for nobody a message goes out at once, and its status only climbs, however early it is told', async () => {
  const { chatId } = await it.writes({ phone: '79990000001' });
  const wamid = 'wamid.early';
  await it.status(wamid, 'delivered');
  await it.when(async () => (await here.store.query('select from sender.early_statuses')).length > 0);
  it.whatsapp.order({ do: 'answer', status: 200, body: JSON.stringify({ messages: [{ id: wamid }] }) });
  const { id, state } = await it.send(chatId, 'Добрый день');
  expect(state).toBe('queued');
  await it.comes(id, 'delivered');
  await it.status(wamid, 'sent');
  await it.status(wamid, 'read');
  await it.status(wamid, 'delivered');
  await it.status(wamid, 'played');
  await it.comes(id, 'played');
  expect((await it.told('messages.delivery_changed', id)).map(({ status }) => status)).toEqual(['sent', 'delivered', 'read', 'played']);
});

test('after 24 hours of silence WhatsApp gets a template only', async () => {
  const { chatId } = await it.writes({ phone: '79990000002' }, Date.now() - 25 * 3_600_000);
  await expect(it.send(chatId, 'молчали сутки')).rejects.toMatchObject({ code: 'failed_precondition', reason: 'window_closed' });
  const template = { name: 'order_ready', language: 'ru', parameters: ['881'] };
  const { id } = await it.send(chatId, 'Заказ 881 готов', 'шаблон', { template });
  await it.comes(id, 'sent');
  expect(it.whatsapp.sent.at(-1)).toMatchObject({ to: '79990000002', body: { type: 'template' } });
});

test('a window that closes between the approval and the attempt is noticed', async () => {
  const { chatId } = await it.writes({ phone: '79990000003' });
  await here.bus.call(journal.pause, { method: 'messages.deliver' });
  const { id } = await it.send(chatId, 'ещё можно');
  await here.store.query(`update sender.chats set last_inbound_at = now() - interval '25 h' where chat_id = $1`, [chatId]);
  await here.bus.call(journal.resume, { method: 'messages.deliver' });
  expect(await it.comes(id, 'failed')).toMatchObject({ reason: 'window_closed' });
});

test('somebody who hides the phone behind a user name is answered under the user id', async () => {
  const userId = 'RU.13491208655302741918';
  const { chatId } = await it.writes({ userId, username: 'maria', name: 'Мария' });
  const { id } = await it.send(chatId, 'Мария, букет готов');
  await it.comes(id, 'sent');
  expect(it.whatsapp.sent.at(-1)).toMatchObject({ to: userId, body: { text: { body: 'Мария, букет готов' } } });
});

test('statuses that WhatsApp delivers late, twice or out of order, or skips, only ever lift a message', async () => {
  const { chatId } = await it.writes({ phone: '79990000004' });
  const { id } = await it.send(chatId, 'Курьер выехал');
  const { externalId } = await it.comes(id, 'sent');
  for (const status of ['read', 'delivered', 'sent', 'read']) it.whatsapp.status(externalId ?? '', status);
  await it.comes(id, 'read');
  await it.when(async () => it.whatsapp.untaken() === 0);
  expect((await it.told('messages.delivery_changed', id)).map(({ status }) => status)).toEqual(['sent', 'read']);
});

test('a message that WhatsApp took and could not deliver ends as failed with the code, and is not sent again', async () => {
  const { chatId } = await it.writes({ phone: '79990000005' });
  const { id } = await it.send(chatId, 'Заходите');
  const { externalId } = await it.comes(id, 'sent');
  it.whatsapp.status(externalId ?? '', 'failed', { errors: [{ code: 131047, title: 'Re-engagement message' }] });
  expect(await it.comes(id, 'failed')).toMatchObject({ reason: '131047' });
  expect(it.whatsapp.sent.filter(({ to }) => to === '79990000005')).toHaveLength(1);
});

test.each([
  ['somebody whom WhatsApp does not reach', 131026, 'undeliverable', '79990000006'],
  ['a window that WhatsApp holds for closed', 131047, 'window_closed', '79990000007'],
])('%s is a final state after one attempt', async (_, code, reason, phone) => {
  const { chatId } = await it.writes({ phone });
  it.whatsapp.order({ do: 'refuse', code });
  const { id } = await it.send(chatId, 'Здравствуйте', phone);
  expect(await it.comes(id, 'failed')).toMatchObject({ reason });
  expect((await it.row(id)).attempts).toBe(1);
  expect(it.whatsapp.sent.filter(({ to }) => to === phone)).toEqual([]);
});
