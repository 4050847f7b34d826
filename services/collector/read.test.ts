import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import { intents } from '../../contracts/intents.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { emptied, start, type Written, writeTo } from './fixture.ts';
import collector from './service.ts';

let here: World;
let hosted: Awaited<ReturnType<World['start']>>;
beforeAll(async () => {
  here = await world();
  hosted = await here.start('collector', collector);
});
beforeEach(() => emptied(here.store, 'collector.chats, collector.users, collector.raw_updates'));
afterAll(() => here.stop());

const write = (...told: readonly Written[]) => writeTo(hosted.bus, ...told);
const list = (wanted: object) => here.bus.call(inbox.list_messages, { limit: 50, ...wanted });
const texts = async (wanted: object) => (await list(wanted)).items.map(({ text }) => text);

test('pages follow each other without gap or repeat while messages come in, youngest first', async () => {
  await write(...Array.from({ length: 7 }, (_, n) => ({ text: `${n}`, at: n < 4 ? start : start + n * 1000 })));
  const seen: string[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await list({ limit: 2, ...(cursor ? { cursor } : {}) });
    seen.push(...page.items.map(({ text }) => text));
    cursor = page.nextCursor;
    await write({ text: 'новое' });
  } while (cursor !== null);
  expect(seen).toEqual(['6', '5', '4', '3', '2', '1', '0']);
});

test.each(['1 or true', 'p1.1;drop', '', 'p1', 'x1.2', 'p1.2', 'p1.2.AAAAAAAA', `p${'9'.repeat(18)}.2.AAAAAAAA`])(
  'the cursor %j, which no page gave, is refused',
  async (cursor) => {
    await expect(list({ cursor })).rejects.toMatchObject({ code: 'invalid_argument' });
  },
);

test('the cursor of a list that was asked for something else is refused, also among clients', async () => {
  await write({ text: 'розы', from: '1', chat: '1' }, { text: 'розы', from: '2', chat: '2' }, { text: 'розы', from: '3', chat: '1' });
  const [one] = (await list({})).items;
  const lists: readonly object[] = [
    {},
    { q: 'розы' },
    { q: 'роза' },
    { chatId: one?.chatId },
    { since: '2026-01-01T00:00:00Z' },
    { q: '"розы"' },
  ];
  for (const asked of lists) {
    const { nextCursor } = await list({ ...asked, limit: 1 });
    expect(nextCursor).not.toBeNull();
    for (const other of lists) {
      const next = list({ ...other, limit: 2, cursor: nextCursor });
      if (other === asked) await next;
      else await expect(next).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('other filters') });
    }
  }
  const { nextCursor } = await here.bus.call(inbox.list_clients, { limit: 1 });
  await here.bus.call(inbox.list_clients, { limit: 2, cursor: nextCursor ?? '' });
  await expect(here.bus.call(inbox.list_clients, { q: 'Клиент', cursor: nextCursor ?? '' })).rejects.toMatchObject({
    code: 'invalid_argument',
  });
  await expect(list({ cursor: nextCursor })).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('a page whose texts are large ends early and goes on', async () => {
  await write(...Array.from({ length: 90 }, (_, n) => ({ text: `${n} ${'\u0001'.repeat(4000)}` })));
  const one = await list({ limit: 200 });
  expect(one.items.length).toBeLessThan(90);
  const rest: number[] = [];
  for (let cursor = one.nextCursor; cursor !== null; ) {
    const page = await list({ limit: 200, cursor });
    rest.push(page.items.length);
    cursor = page.nextCursor;
  }
  expect(one.items.length + rest.reduce((a, b) => a + b, 0)).toBe(90);
});

test('messages are found by chat, client, role, time and intent', async () => {
  await write(
    { text: 'а', chat: '1', from: '1' },
    { text: 'б', chat: '2', from: '2' },
    { text: 'рассылка', chat: '2', from: '3', bot: true },
  );
  const { items } = await list({});
  const [a, b] = ['а', 'б'].map((wanted) => items.find(({ text }) => text === wanted));
  expect(await texts({ chatId: b?.chatId })).toEqual(['рассылка', 'б']);
  expect(await texts({ customerId: a?.sender?.customerId })).toEqual(['а']);
  expect(await texts({ role: 'broadcast_bot' })).toEqual(['рассылка']);
  expect(await texts({ since: b?.sentAt })).toEqual(['рассылка', 'б']);
  expect(await texts({ until: b?.sentAt })).toEqual(['а']);
  await here.store.query(`update collector.messages set intent = 'order', is_urgent = true where message_id = $1`, [b?.messageId]);
  expect((await list({ intent: 'order' })).items).toMatchObject([{ text: 'б', intent: 'order', isUrgent: true }]);
  expect((await here.bus.call(inbox.client_messages, { customerId: a?.sender?.customerId ?? '' })).items.map(({ text }) => text)).toEqual([
    'а',
  ]);
});

test.each([true, false])('an intent that is told of a message is shown beside it, certain or not: %s', async (isCertain) => {
  await write({ text: 'Хочу заказать' });
  const [one] = (await list({})).items;
  expect(one).toMatchObject({ intent: null, isCertain: null, confidence: null });
  const judged = { intent: 'order', isCertain, isUrgent: true, confidence: 0.62 };
  await here.store.query(`insert into journal.events (event, key, payload) values ($1, $2, $3)`, [
    intents.message_classified.address,
    one?.messageId,
    JSON.stringify({ messageId: one?.messageId, chatId: one?.chatId, ...judged, stage: 'local' }),
  ]);
  const shown = await until(async () => (await list({ intent: 'order' })).items[0] ?? null);
  expect(shown).toMatchObject(judged);
});

test.each([
  ['цветок', 'Красивые цветы на день рождения'],
  ['подарки', 'Это будет подарок'],
  ['ёлка', 'Почём елки'],
  ['елка', 'Почём ёлки'],
  ['ЦВЕТЫ', 'один цветок'],
  ['деньги', 'нет денег'],
  ['"красные розы"', 'красные розы и пионы'],
  ['достваку', 'закажите доставку'],
  ['орхедея', 'белая орхидея'],
])('%s finds «%s»', async (q, text) => {
  await write({ text }, { text: 'Здравствуйте' });
  expect(await texts({ q })).toEqual([text]);
});

test.each([
  ['розы -красные', 'красные розы'],
  ['"розы красные"', 'красные розы'],
  ['слон', 'Красивые цветы'],
  ["' or 1=1 --", 'Красивые цветы'],
  ['%', 'Красивые цветы'],
  ['!!! & | <->', 'Красивые цветы'],
])('%s does not find «%s»', async (q, text) => {
  await write({ text });
  expect(await texts({ q })).toEqual([]);
});

test('a search that finds little goes on by likeness over all its pages, one that finds enough does not', async () => {
  await write(
    ...Array.from({ length: 3 }, (_, n) => ({ text: `тюльпаны ${n}` })),
    ...Array.from({ length: 3 }, (_, n) => ({ text: `тюльпанчики ${n}` })),
  );
  const seen: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await list({ q: 'тюльпаны', limit: 2, ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.items.map(({ text }) => text));
    cursor = page.nextCursor;
  }
  expect(seen).toEqual(['тюльпанчики 2', 'тюльпанчики 1', 'тюльпанчики 0', 'тюльпаны 2', 'тюльпаны 1', 'тюльпаны 0']);
  await write(...Array.from({ length: 5 }, (_, n) => ({ text: `тюльпаны ещё ${n}` })));
  expect((await texts({ q: 'тюльпаны' })).filter((text) => text.startsWith('тюльпанчики'))).toEqual([]);
});

test('totals count by kind, role and direction', async () => {
  await write(
    { text: 'а' },
    { text: 'б', from: '43', chat: '43' },
    { text: 'бот', from: '9', bot: true },
    { text: 'свой', from: '7001', bot: true },
  );
  expect(await here.bus.call(inbox.message_totals, {})).toMatchObject({
    messages: 4,
    inbound: 3,
    outbound: 1,
    chats: 2,
    clients: 2,
    byKind: { text: 4, voice: 0 },
    byRole: { client: 2, broadcast_bot: 2, director: 0 },
  });
  expect(await here.bus.call(inbox.message_totals, { until: '2000-01-01T00:00:00Z' })).toMatchObject({ messages: 0, chats: 0 });
});

test.each(['+79165550123', '89165550123', '9165550123', '+7 916', '8916', '0123', '555-01-23', '8 (916) 555'])(
  'a client is found by the phone %s',
  async (q) => {
    await write({ text: 'раз', from: '1', chat: '1', phone: '+79165550123' }, { text: 'два', from: '2', chat: '2', phone: '+79037770456' });
    expect((await here.bus.call(inbox.list_clients, { q })).items.map(({ name }) => name)).toEqual(['Клиент 1']);
  },
);
test.each(['123', '91655501234', '+'])('%s is no phone of a client', async (q) => {
  await write({ text: 'раз', from: '11', chat: '11', phone: '+79165550123' });
  expect((await here.bus.call(inbox.list_clients, { q })).items).toEqual([]);
});

test('a message shows the one that it answers: what it replies to, else the last one that another sent, of the same chat', async () => {
  const bot = { from: '7001', bot: true };
  await write({ text: 'Вам на три?', ...bot }, { text: 'сейчас', from: '42' }, { text: '+', from: '42' });
  await write({ text: 'Другой чат?', chat: '43', ...bot }, { text: 'раз', chat: '44', from: '44' });
  const answersOf = async (text: string) => {
    const [{ messageId = '' } = {}] = (await list({})).items.filter((item) => item.text === text);
    return (await here.bus.call(inbox.get_message, { messageId })).answers;
  };
  expect(await answersOf('+')).toMatchObject({ text: 'Вам на три?', isOurs: true });
  expect(await answersOf('раз')).toBeNull();
  const quoted = (await list({})).items.find(({ text }) => text === 'Вам на три?')?.externalId ?? '';
  await write({ text: 'Ждём вас', ...bot }, { text: 'да', replyTo: quoted }, { text: 'ага' });
  expect(await answersOf('да')).toMatchObject({ text: 'Вам на три?' });
  expect(await answersOf('ага')).toMatchObject({ text: 'Ждём вас' });
  await write({ text: 'и мне', from: '45' }, { text: 'ок' });
  expect(await answersOf('ок')).toMatchObject({ text: 'и мне', isOurs: false });
});

test('clients are listed by when they wrote last, found by name, and counted by how much they write', async () => {
  const recently = Date.now() - 60_000;
  await write(
    { text: 'раз', from: '1', chat: '1', at: recently },
    { text: 'два', from: '2', chat: '2', at: recently + 1000 },
    { text: 'три', from: '1', chat: '1', at: recently + 2000 },
  );
  await write({ text: 'давно', from: '3', chat: '3', at: 0 });
  const names = async (wanted: object) => (await here.bus.call(inbox.list_clients, wanted)).items.map(({ name }) => name);
  expect(await names({})).toEqual(['Клиент 1', 'Клиент 2', 'Клиент 3']);
  expect(await names({ q: 'КЛИЕНТ 2' })).toEqual(['Клиент 2']);
  expect(await names({ q: 'user3' })).toEqual(['Клиент 3']);
  expect(await names({ q: '%' })).toEqual([]);
  const first = await here.bus.call(inbox.list_clients, { limit: 2 });
  expect((await here.bus.call(inbox.list_clients, { limit: 2, cursor: first.nextCursor ?? '' })).items.map(({ name }) => name)).toEqual([
    'Клиент 3',
  ]);
  expect(await here.bus.call(inbox.get_client, { customerId: first.items[0]?.customerId ?? '' })).toEqual(first.items[0]);
  const active = await here.bus.call(inbox.active_clients, { days: 1 });
  expect([active.total, active.items.map(({ name, recentMessages, messages }) => [name, recentMessages, messages])]).toEqual([
    2,
    [
      ['Клиент 1', 2, 2],
      ['Клиент 2', 1, 1],
    ],
  ]);
});

test('the bot yields in a chat where staff has written, and takes it back after the set time', async () => {
  await write({ text: 'вопрос' }, { text: 'ответ', from: '50', at: Date.now() });
  const [answer] = (await list({})).items;
  const owner = async () => (await here.bus.call(inbox.chat_context, { chatId: answer?.chatId ?? '' })).chat.owner;
  expect(await owner()).toBe('bot');
  await here.bus.call(inbox.set_role, { customerId: answer?.sender?.customerId ?? '', role: 'manager' });
  await write({ text: 'отвечу я', from: '50', at: Date.now() });
  expect(await owner()).toBe('human');
  await here.store.query(`update collector.chats set staff_wrote_at = now() - interval '31 minutes'`);
  expect(await owner()).toBe('bot');
  await here.bus.call(inbox.set_chat_owner, { chatId: answer?.chatId ?? '', owner: 'off' });
  expect(await owner()).toBe('off');
});

test('the context of a chat is its last messages, oldest first', async () => {
  await write(...Array.from({ length: 5 }, (_, n) => ({ text: `${n}` })));
  const [last] = (await list({})).items;
  const { chat, messages } = await here.bus.call(inbox.chat_context, { chatId: last?.chatId ?? '', limit: 3 });
  expect(messages.map(({ text }) => text)).toEqual(['2', '3', '4']);
  expect(chat).toMatchObject({ lastMessageId: last?.messageId, lastInboundAt: last?.sentAt, isReachable: true });
});

test('a person who is erased leaves no word, name or raw update, and the others stay', async () => {
  await here.store.query('truncate collector.lexicon');
  await write(
    { text: 'секрет', from: '61', chat: '61' },
    { text: 'и у нас останется', from: '61', chat: '61' },
    { text: 'останется', from: '6', chat: '6' },
  );
  // Its first version had another text.
  await here.store.query(`insert into collector.lexicon select unnest(tsvector_to_array(collector.words('тайна')))`);
  await here.store.query(
    `insert into collector.message_versions (message_id, at, digest, text) select message_id, sent_at, '', 'тайна' from collector.messages where text = 'секрет'`,
  );
  const known = async () =>
    (await here.store.query<{ word: string }>('select word from collector.lexicon order by word')).map(({ word }) => word);
  expect(await known()).toHaveLength(3);
  const secret = (await list({})).items.find(({ text }) => text === 'секрет');
  expect(await here.bus.call(inbox.erase_person, { customerId: secret?.sender?.customerId ?? '' })).toMatchObject({ messages: 2 });
  expect(await known()).toEqual([expect.stringMatching(/^оста/)]);
  expect((await here.bus.call(inbox.get_message, { messageId: secret?.messageId ?? '' })).text).toBe('');
  expect(await texts({ q: 'секрет' })).toEqual([]);
  expect(await here.store.query(`select body from collector.raw_updates`)).toEqual([{ body: expect.stringContaining('"id":6}') }]);
  expect((await here.bus.call(inbox.list_clients, {})).items.map(({ name }) => name).sort()).toEqual(['', 'Клиент 6']);
});

test('what is not there is not found', async () => {
  await expect(here.bus.call(inbox.get_message, { messageId: 'msg_0' })).rejects.toMatchObject({ code: 'not_found' });
  await expect(here.bus.call(inbox.get_client, { customerId: 'usr_0' })).rejects.toMatchObject({ code: 'not_found' });
  await expect(here.bus.call(inbox.client_messages, { customerId: 'usr_0' })).rejects.toMatchObject({ code: 'not_found' });
  await expect(here.bus.call(inbox.chat_context, { chatId: 'chat_0' })).rejects.toMatchObject({ code: 'not_found' });
});

test('the former names of customerId are read in requests and repeated in replies', async () => {
  await write({ text: 'старое имя' });
  const [message] = (await here.bus.call(inbox.list_messages, {})).items;
  const customerId = message?.sender?.customerId ?? '';
  expect(message?.sender?.userId).toBe(customerId);
  const client = await here.bus.call(inbox.get_client, { clientId: customerId });
  expect(client).toMatchObject({ customerId, clientId: customerId });
  for (const by of [{ clientId: customerId }, { customerId }])
    expect([
      (await here.bus.call(inbox.list_messages, by)).items.length,
      (await here.bus.call(inbox.list_messages, { order: 'stored', ...by })).nextCursor === null,
      (await here.bus.call(inbox.client_messages, by)).items.length,
    ]).toEqual([1, false, 1]);
  expect(await here.bus.call(inbox.set_role, { userId: customerId, role: 'manager' })).toMatchObject({ customerId, role: 'manager' });
  await expect(here.bus.call(inbox.get_client, {})).rejects.toMatchObject({ code: 'invalid_argument' });
  expect(await here.bus.call(inbox.erase_person, { userId: customerId })).toMatchObject({ customerId, userId: customerId });
});
