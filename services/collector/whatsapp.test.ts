import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type WhatsAppFake, whatsappFake } from '../../adapters/vendors/whatsapp/fake.ts';
import { inbox } from '../../contracts/inbox.ts';
import { type GatewayWorld, gatewayWorld } from '../../test/kit/gateway.ts';
import { until } from '../../test/kit/world.ts';
import { type Fixture, fixture } from './fixture.ts';

const graph = { token: 'token-of-the-test', appSecret: 'app-secret-of-the-test' };
const anna = { phone: '79995553322', userId: 'RU.13491208655302741918', name: 'Анна' };
let gate: GatewayWorld;
let webhook: string;
let whatsapp: WhatsAppFake;
let settings: Record<string, string>;
let at: Fixture;
beforeAll(async () => {
  gate = await gatewayWorld([]);
  webhook = `${gate.origin}/api/v1/whatsapp/webhook`;
});
beforeEach(async () => {
  whatsapp = await whatsappFake(graph);
  settings = {
    ...{ WHATSAPP_TOKEN: graph.token, WHATSAPP_APP_SECRET: graph.appSecret, WHATSAPP_VERIFY_TOKEN: 'verify-token' },
    ...{ WHATSAPP_API_ROOT: whatsapp.url, HTTP_ALLOW_PRIVATE: whatsapp.url },
  };
  at = await fixture(gate.world, settings);
  await whatsapp.subscribe(webhook);
});
afterEach(async () => {
  await whatsapp.close();
  await at.close();
});
afterAll(() => gate?.stop());

const taken = () => until(() => whatsapp.untaken() === 0 || null);
/** The messages of these ids, in their order. */
async function stored<const Ids extends readonly string[]>(...ids: Ids) {
  const all = new Map((await at.messages()).map((one) => [one.externalId, one]));
  const found = ids.map((id) => {
    const one = all.get(id);
    if (one === undefined) throw new Error(`${id} is not stored`);
    return one;
  });
  return found as { [K in keyof Ids]: (typeof found)[number] }; // one for each id
}
const speak = (id: string) =>
  whatsapp.say(anna, { type: 'audio', audio: { id, mime_type: 'audio/ogg; codecs=opus', sha256: 'x', voice: true } });
const voice = async () =>
  (await gate.world.store.query<{ state: string; attempts: number }>('select state, attempts from collector.voices'))[0];
const voiceIs = (state: string) => until(async () => (await voice())?.state === state || null);
const asked = () => whatsapp.asked.map(({ what }) => what);

test('a webhook that proves itself with another verify token is not the one that Meta was told', async () => {
  const other = await whatsappFake({ ...graph, verifyToken: 'another' });
  await expect(other.subscribe(webhook)).rejects.toThrow('HTTP 403');
  await other.close();
});

test('a voice note is fetched with our token, kept and played', async () => {
  whatsapp.media('m1', Buffer.from('OggS…'), 'audio/ogg; codecs=opus');
  const id = speak('m1');
  await voiceIs('kept');
  const [{ messageId }] = await stored(id);
  expect(await gate.world.bus.call(inbox.get_message, { messageId })).toMatchObject({
    ...{ kind: 'voice', file: { contentType: 'audio/ogg', isKept: true } },
  });
  const { body, contentType } = await gate.world.bus.call(inbox.get_voice, { messageId });
  expect([Buffer.from(body).toString(), contentType]).toEqual(['OggS…', 'audio/ogg']);
  expect(asked()).toEqual(['media', 'download']);
});

test.each([
  ['a link that is dead', { do: 'answer', on: 'download', status: 404, body: '' }],
  ['a download that breaks', { do: 'answer', on: 'download', status: 500, body: '' }],
  ['a limit', { do: 'refuse', on: 'media', code: 80007, status: 429 }],
  ['a token that is out of date', { do: 'refuse', on: 'media', code: 190, status: 401 }],
] as const)('after %s the recording is asked for again, under a new link', async (_, fault) => {
  whatsapp.media('m1', Buffer.from('OggS'), 'audio/ogg');
  whatsapp.order(fault);
  speak('m1');
  await until(async () => (await voice())?.attempts === 1 || null);
  await gate.world.store.query('update collector.voices set next_at = now()');
  whatsapp.say(anna, 'Слышно?'); // Wakes the fetcher.
  await voiceIs('kept');
  expect(asked().slice(-2)).toEqual(['media', 'download']);
  expect(asked().filter((what) => what === 'media')).toHaveLength(2);
});

test('a recording that WhatsApp has no more is given up, and the message stays', async () => {
  const id = speak('of-last-month');
  await voiceIs('gone');
  expect(await stored(id)).toMatchObject([{ kind: 'voice', file: { isKept: false } }]);
  expect(asked()).toEqual(['media']);
});

test('somebody who hides the phone is one person in one chat, told by the user id', async () => {
  const maria = { userId: 'RU.99991208655302741918', name: 'Мария', username: 'maria' };
  const ids = [whatsapp.say(maria, 'Здравствуйте'), whatsapp.say(maria, 'Есть пионы?')] as const;
  await taken();
  const [first, second] = await stored(...ids);
  expect(second).toMatchObject({ chatId: first.chatId, sender: { customerId: first.sender?.customerId, name: 'Мария' } });
  const { chat } = await gate.world.bus.call(inbox.chat_context, { chatId: first.chatId });
  expect(chat).toMatchObject({ channel: 'whatsapp', externalId: maria.userId });
  expect((await gate.world.bus.call(inbox.list_clients, { channel: 'whatsapp' })).items).toMatchObject([
    { name: 'Мария', username: 'maria', phoneNumber: null, messages: 2 },
  ]);
});

test('where the phone is told, it is the phone that names a person', async () => {
  const id = whatsapp.say(anna, 'Добрый день');
  await taken();
  const [{ chatId }] = await stored(id);
  expect((await gate.world.bus.call(inbox.chat_context, { chatId })).chat.externalId).toBe(anna.phone);
  expect((await gate.world.bus.call(inbox.list_clients, { q: 'анна' })).items).toMatchObject([{ phoneNumber: `+${anna.phone}` }]);
});

const clients = async () => (await gate.world.bus.call(inbox.list_clients, { channel: 'whatsapp' })).items;
const chatOf = async (chatId: string) => (await gate.world.bus.call(inbox.chat_context, { chatId })).chat;
const { phone, userId } = anna;
const [byPhone, byUserId] = [
  { phone, name: 'Анна' },
  { userId, name: 'Анна', username: 'anna' },
];
/** The chats and senders of these messages: one each, or more. */
async function sidesOf(...ids: readonly string[]) {
  const all = await stored(...ids);
  return [...new Set(all.map(({ chatId, sender }) => `${chatId} ${sender?.customerId}`))];
}
async function replayed(): Promise<number> {
  const [since, until] = [-60_000, 60_000].map((ms) => new Date(Date.now() + ms).toISOString());
  const { messages } = await gate.world.bus.call(inbox.replay_updates, { channel: 'whatsapp', since: since ?? '', until: until ?? '' });
  return messages;
}

test('whose phone and user id were told together once is one person in one chat, whichever of the two comes alone', async () => {
  const ids = [whatsapp.say(anna, 'Добрый день'), whatsapp.say(byUserId, 'Это снова я'), whatsapp.say(byPhone, 'И с номером')];
  await taken();
  expect(await sidesOf(...ids)).toHaveLength(1);
  expect(await clients()).toMatchObject([{ phoneNumber: `+${phone}`, messages: 3 }]);
});

test('who wrote under the user id first keeps chat and person when the phone is told, and is reached by phone from then on', async () => {
  const first = whatsapp.say(byUserId, 'Здравствуйте');
  await taken();
  const [{ chatId, sender }] = await stored(first);
  const ids = [whatsapp.say(anna, 'Мой номер виден'), whatsapp.say(byUserId, 'А теперь нет'), whatsapp.say(byPhone, 'И снова')];
  await taken();
  expect(await sidesOf(first, ...ids)).toEqual([`${chatId} ${sender?.customerId}`]);
  expect(await chatOf(chatId)).toMatchObject({ externalId: phone });
  expect(await clients()).toMatchObject([{ phoneNumber: `+${phone}`, messages: 4 }]);
});

test('two chats that turn out to be of one person become one, under both their ids, and nothing in them is stored twice', async () => {
  const before = [whatsapp.say(byPhone, 'Три года назад'), whatsapp.say(byUserId, 'Вчера')] as const;
  await taken();
  expect(await sidesOf(...before)).toHaveLength(2);
  const [{ chatId: stays }, { chatId: goes }] = await stored(...before);
  const ids = [whatsapp.say(anna, 'Сегодня'), whatsapp.say(byUserId, 'Завтра')];
  await taken();
  expect(await sidesOf(...before, ...ids)).toHaveLength(1);
  expect(await chatOf(goes)).toEqual(await chatOf(stays));
  expect(await chatOf(stays)).toMatchObject({ chatId: stays, externalId: phone });
  expect(await clients()).toMatchObject([{ phoneNumber: `+${phone}`, username: 'anna', messages: 4 }]);
  expect(await at.told('inbox.chats_merged')).toMatchObject([{ chatId: goes, into: stays }]);
  expect([await replayed(), (await at.messages()).length]).toEqual([0, 4]);
});

test('the status of a message that we sent to a phone tells whose user id it is', async () => {
  const before = whatsapp.say(byPhone, 'Напишите мне');
  await taken();
  const status = { id: 'wamid.OUT', status: 'sent', timestamp: '1790000000', recipient_id: phone, recipient_user_id: userId };
  whatsapp.deliver({ contacts: [{ wa_id: phone, user_id: userId }], statuses: [status] });
  const after = whatsapp.say(byUserId, 'Спасибо');
  await taken();
  expect(await sidesOf(before, after)).toHaveLength(1);
});

test('a user id whose phone nobody told is somebody else, whatever the name', async () => {
  const status = { id: 'wamid.OUT', status: 'sent', timestamp: '1790000000', recipient_id: 'a-group', recipient_user_id: userId };
  whatsapp.deliver({ statuses: [status] });
  const message = { from: '79990000002', id: 'wamid.o', timestamp: '1790000000', type: 'text', text: { body: 'Да' } };
  // The contact belongs to another person than the message.
  whatsapp.deliver({ contacts: [{ wa_id: '79990000001', user_id: userId, profile: { name: 'Анна' } }], messages: [message] });
  const ids = [whatsapp.say(byPhone, 'Я'), whatsapp.say(byUserId, 'И я')] as const;
  await taken();
  expect(await sidesOf('wamid.o', ...ids)).toHaveLength(3);
  const [{ chatId }] = await stored(ids[1]);
  expect(await chatOf(chatId)).toMatchObject({ externalId: userId });
});

test('a person who is erased leaves neither id behind, and is somebody new under the user id', async () => {
  const id = whatsapp.say(anna, 'Добрый день');
  whatsapp.say(byUserId, 'Забудьте меня');
  await taken();
  const [{ sender }] = await stored(id);
  expect(await gate.world.bus.call(inbox.erase_person, { customerId: sender?.customerId ?? '' })).toMatchObject({ messages: 2 });
  for (const table of ['raw_updates', 'user_aliases'])
    expect(await gate.world.store.query(`select from collector.${table}`)).toHaveLength(0);
  const again = whatsapp.say(byUserId, 'Это не я');
  await taken();
  expect((await stored(again))[0].sender?.customerId).not.toBe(sender?.customerId);
});

const [annaNow, hiddenNow] = [
  { phone: '79995550000', userId: 'RU.20000000000000000002', name: 'Анна' },
  { userId: 'RU.20000000000000000002', name: 'Анна' },
];
const [minute, now] = [60_000, Math.floor(Date.now() / 1000) * 1000];
/** WhatsApp reports a new number, or only a new user id; returns a function that repeats the report. */
function moves(
  from: { readonly phone?: string; readonly userId?: string },
  to: { readonly phone?: string; readonly userId: string },
  at = now,
) {
  const type = to.phone === undefined ? 'user_changed_user_id' : 'user_changed_number';
  const body = `User Анна changed from ${from.phone} to ${to.phone}`;
  const system = { type, body, wa_id: to.phone, user_id: to.userId, previous_user_id: from.userId };
  const message = { from: from.phone, id: `wamid.${type}${at}`, timestamp: String(at / 1000), type: 'system', system };
  const tell = () => whatsapp.deliver({ messages: [message] });
  tell();
  return tell;
}
const rows = (table: string) => gate.world.store.query(`select * from collector.${table} each order by each::text`);

test('who changes the number goes on as the same person in the same chat, under the new number', async () => {
  const before = whatsapp.say({ ...anna, username: 'anna' }, 'Добрый день', now - minute);
  await taken();
  const [{ chatId, sender }] = await stored(before);
  moves(anna, annaNow);
  await taken();
  expect(await chatOf(chatId)).toMatchObject({ externalId: annaNow.phone });
  expect(await clients()).toMatchObject([{ phoneNumber: `+${annaNow.phone}`, name: 'Анна', username: 'anna', messages: 1 }]);
  const ids = [whatsapp.say(annaNow, 'Это я', now + minute), whatsapp.say(hiddenNow, 'И это', now + minute)];
  await taken();
  expect(await sidesOf(before, ...ids)).toEqual([`${chatId} ${sender?.customerId}`]);
  expect(await at.told('inbox.number_changed')).toMatchObject([{ chatId }]);
});

test.each([
  ['the number is told as well', annaNow],
  ['no number is told', hiddenNow],
])('who is known by a user id goes on under the new one, when %s', async (_, to) => {
  const ids = [whatsapp.say(anna, 'Добрый день', now - minute), whatsapp.say(byUserId, 'Без номера', now - minute)];
  await taken();
  // The former number is not given.
  moves({ userId }, to);
  ids.push(whatsapp.say(to, 'Это я', now + minute), whatsapp.say(hiddenNow, 'И это', now + minute));
  await taken();
  expect(await sidesOf(...ids)).toHaveLength(1);
  const [{ chatId }] = await stored(ids[0] ?? '');
  expect(await chatOf(chatId)).toMatchObject({ externalId: 'phone' in to ? to.phone : to.userId });
  // The former number no longer belongs to them.
  expect(await clients()).toMatchObject([{ phoneNumber: 'phone' in to ? `+${to.phone}` : null }]);
});

test('who wrote from the new number before the change was told turns out to be the same person', async () => {
  const ids = [whatsapp.say(anna, 'Добрый день', now - minute), whatsapp.say(annaNow, 'Номер новый', now + minute)] as const;
  await taken();
  expect(await sidesOf(...ids)).toHaveLength(2);
  moves(anna, annaNow);
  await taken();
  expect(await sidesOf(...ids)).toHaveLength(1);
  const [{ chatId: stays }] = await stored(ids[1]);
  const [{ chatId: goes }] = (await at.told('inbox.chats_merged')) as [{ chatId: string }];
  expect(goes).not.toBe(stays);
  expect(await chatOf(goes)).toMatchObject({ chatId: stays, externalId: annaNow.phone });
});

test.each([
  ['with the user id', anna],
  ['without a user id', byPhone],
])(
  'who is given a former number, told %s, is somebody new, and what was written under it before is not theirs however late it comes',
  async (_, from) => {
    const before = whatsapp.say(anna, 'Добрый день', now - 2 * minute);
    moves(from, annaNow);
    const heir = { phone, userId: 'RU.30000000000000000003', name: 'Пётр' };
    const ids = [whatsapp.say(heir, 'Я здесь впервые', now + minute), whatsapp.say({ phone, name: 'Пётр' }, 'Алло', now + minute)];
    const late = [
      whatsapp.say(anna, 'Пришло позже', now - minute),
      whatsapp.say(byUserId, 'И это', now - minute),
      whatsapp.say(byPhone, 'И то', now - minute),
    ];
    const status = {
      id: 'wamid.OUT',
      status: 'read',
      timestamp: String((now + minute) / 1000),
      recipient_id: phone,
      recipient_user_id: userId,
    };
    whatsapp.deliver({ statuses: [status] });
    await taken();
    expect(await sidesOf(before, ...late)).toHaveLength(1);
    expect(await sidesOf(...ids)).toHaveLength(1);
    expect(await sidesOf(before, ...ids)).toHaveLength(2);
    const people = [...(await clients())].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(people).toMatchObject([
      { name: 'Анна', phoneNumber: `+${annaNow.phone}` },
      { name: 'Пётр', phoneNumber: `+${phone}` },
    ]);
  },
);

test('changes of the number that come twice, late, in any order or back to the first one are followed once', async () => {
  const last = { phone: '79995551111', userId: 'RU.40000000000000000004', name: 'Анна' };
  const ids = [whatsapp.say(anna, 'Первый', now - minute)];
  await taken();
  const second = moves(annaNow, last, now + 2 * minute);
  const first = moves(anna, annaNow, now);
  ids.push(whatsapp.say(annaNow, 'Второй', now + minute), whatsapp.say(last, 'Третий', now + 3 * minute));
  await taken();
  expect(await sidesOf(...ids)).toHaveLength(1);
  const back = moves(last, anna, now + 4 * minute);
  ids.push(whatsapp.say(byPhone, 'Снова первый', now + 5 * minute));
  await taken();
  expect(await sidesOf(...ids)).toHaveLength(1);
  expect(await clients()).toMatchObject([{ phoneNumber: `+${phone}` }]);
  const kept = [await rows('user_aliases'), await rows('users'), await rows('chats'), await rows('messages')];
  const told = await rows('message_versions');
  for (const again of [first, second, back]) again();
  await taken();
  expect(await replayed()).toBe(0);
  expect([await rows('user_aliases'), await rows('users'), await rows('chats'), await rows('messages')]).toEqual(kept);
  expect(await rows('message_versions')).toEqual(told);
});

test('who was erased stays erased when the change of the number is told, and neither number leaves a trace once they are erased by it', async () => {
  const id = whatsapp.say(anna, 'Забудьте меня', now - minute);
  await taken();
  const [{ sender }] = await stored(id);
  const erased = () => gate.world.bus.call(inbox.erase_person, { customerId: sender?.customerId ?? '' });
  await erased();
  moves(anna, annaNow);
  await taken();
  expect(await clients()).toMatchObject([{ customerId: sender?.customerId, name: '', username: null, phoneNumber: null }]);
  expect((await at.messages()).map(({ text }) => text)).toEqual(['']);
  for (const externalId of [phone, annaNow.phone]) await gate.world.bus.call(inbox.erase_external_id, { channel: 'whatsapp', externalId });
  for (const table of ['raw_updates', 'user_aliases']) expect(await rows(table)).toHaveLength(0);
});

test('of several people in one delivery each keeps the own name, and nobody gets that of another', async () => {
  const message = (from: string, id: string) => ({ from, id, timestamp: '1790000000', type: 'text', text: { body: 'Да' } });
  whatsapp.deliver({
    contacts: [
      { wa_id: '79990000001', profile: { name: 'Пётр' } },
      { wa_id: '79990000002', profile: { name: 'Ольга' } },
    ],
    messages: [message('79990000002', 'wamid.o'), message('79990000001', 'wamid.p'), message('79990000003', 'wamid.x')],
  });
  await taken();
  const names = await stored('wamid.o', 'wamid.p', 'wamid.x');
  expect(names.map(({ sender }) => sender?.name)).toEqual(['Ольга', 'Пётр', '']);
});

test('what is no plain text is kept as its kind with its words', async () => {
  const given: [object, string][] = [
    [{ type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 'y', title: 'Да' } } }, 'text Да'],
    [
      { type: 'interactive', interactive: { type: 'list_reply', list_reply: { id: '1', title: '12:00', description: 'среда' } } },
      'text 12:00',
    ],
    [{ type: 'button', button: { payload: 'ok', text: 'Подтверждаю' } }, 'text Подтверждаю'],
    [{ type: 'image', image: { id: 'i', mime_type: 'image/jpeg', sha256: 'x', caption: 'вот такой' } }, 'photo вот такой'],
    [{ type: 'document', document: { id: 'd', mime_type: 'application/pdf', filename: 'счёт.pdf' } }, 'document '],
    [{ type: 'sticker', sticker: { id: 's', mime_type: 'image/webp' } }, 'other '],
    [{ type: 'location', location: { latitude: 55.7, longitude: 37.6 } }, 'location '],
    [{ type: 'contacts', contacts: [{ name: { formatted_name: 'Олег' }, phones: [{ phone: '+7 999 000-11-22' }] }] }, 'contact '],
    [{ type: 'system', system: { type: 'user_changed_number', body: 'Номер сменился' } }, 'service Номер сменился'],
    [{ type: 'unsupported', errors: [{ code: 131051, title: 'Message type unknown' }] }, 'service '],
    [{ type: 'hologram', hologram: { depth: 3 } }, 'other '],
  ];
  const ids = given.map(([message]) => whatsapp.say(anna, { ...message }));
  await taken();
  const kept = await stored(...ids);
  expect(kept.map(({ kind, text }) => `${kind} ${text}`)).toEqual(given.map(([, expected]) => expected));
});

test('a basket of the catalog and a place are readable over HTTP', async () => {
  const items = [{ product_retailer_id: 'rose-red', quantity: 25, item_price: 120, currency: 'RUB' }];
  whatsapp.say(anna, { type: 'order', order: { catalog_id: 'cat1', text: 'Доставьте к 18:00', product_items: items } });
  whatsapp.say(anna, { type: 'location', location: { latitude: 55.75, longitude: 37.61, name: 'Кафе', address: 'Тверская, 1' } });
  await taken();
  const reader = await gate.client('read');
  const { body } = await reader('GET', '/api/v1/messages');
  expect((body as { items: object[] }).items).toMatchObject([
    {
      kind: 'location',
      text: '',
      content: [{ type: 'location', line: 'Геопозиция: Кафе, Тверская, 1 (55.75, 37.61)', address: 'Тверская, 1' }],
    },
    {
      text: 'Доставьте к 18:00',
      content: [
        {
          type: 'order',
          line: 'Заказ из каталога: rose-red × 25 по 120 ₽; итого 3 000 ₽',
          total: { amountMinor: 300_000, currency: 'RUB' },
        },
      ],
    },
  ]);
});

test('content is found by what it says', async () => {
  whatsapp.say(anna, { type: 'contacts', contacts: [{ name: { formatted_name: 'Олег' }, phones: [{ phone: '89990001122' }] }] });
  whatsapp.say(anna, { type: 'document', document: { id: 'd', mime_type: 'application/pdf', filename: 'накладная.pdf' } });
  await taken();
  const found = async (q: string) => (await at.messages({ q })).map(({ kind }) => kind);
  expect([await found('олегу'), await found('89990001122'), await found('Тверская')]).toEqual([['contact'], ['contact'], []]);
});

test('a reaction makes no message and stands at the one that it is to, until it is taken back', async () => {
  const id = whatsapp.say(anna, 'Подтверждаете?');
  const react = (emoji: string | undefined, at: number) =>
    whatsapp.say(anna, { type: 'reaction', reaction: { message_id: id, emoji } }, at);
  const later = Date.now() + 60_000;
  react('👍', later);
  await taken();
  expect(await at.messages()).toMatchObject([{ text: 'Подтверждаете?', reactions: [{ emojis: ['👍'] }] }]);
  react(undefined, later + 5_000);
  react('❤️', later + 2_000);
  await taken();
  expect(await at.messages()).toMatchObject([{ reactions: [] }]);
  expect(await at.told('inbox.message_received')).toHaveLength(1);
});

test('what is written to a group is of the group, whoever writes it, and not of their private chats', async () => {
  const group = { group_id: 'Y2FwaV9ncm91cDox', type: 'text' };
  const ids = [
    whatsapp.say(anna, 'лично'),
    whatsapp.say(anna, { ...group, text: { body: 'в группе' } }),
    whatsapp.say({ phone: '79990000002', name: 'Олег' }, { ...group, text: { body: 'тоже в группе' } }),
  ] as const;
  await taken();
  const [own, first, second] = await stored(...ids);
  expect([first.chatId === own.chatId, first.chatId === second.chatId]).toEqual([false, true]);
  expect(await chatOf(first.chatId)).toMatchObject({ kind: 'group', externalId: group.group_id });
});

test('an answer from the phone stands in the chat as of the staff', async () => {
  const id = whatsapp.say(anna, 'Где курьер?');
  const echo = {
    from: '74950000001',
    to: anna.phone,
    id: 'wamid.PHONE1',
    timestamp: '1790000000',
    type: 'text',
    text: { body: 'Уже едет' },
  };
  whatsapp.deliver({ message_echoes: [echo] });
  await taken();
  const [question, answer] = await stored(id, 'wamid.PHONE1');
  expect(answer).toMatchObject({ chatId: question.chatId, direction: 'out', text: 'Уже едет', sender: { isStaff: true } });
});

test('hostile texts are stored as text, and shown as text to whoever reads them over HTTP', async () => {
  const texts = [
    'ж'.repeat(50_000), // 100 KB
    '🌹'.repeat(3_000),
    'нуль \0 байт',
    '\u202Eобратно',
    '<img src=x onerror=alert(1)>',
    'половина \uD83D',
  ];
  const ids = texts.map((text) => whatsapp.say(anna, text));
  whatsapp.deliver({ pigeons: [{ id: 'p1' }] });
  await taken();
  const reader = await gate.client('read');
  for (const [nth, { messageId }] of (await stored(...ids)).entries()) {
    const { headers, body } = await reader('GET', `/api/v1/messages/${messageId}`);
    expect(body).toMatchObject({ kind: 'text', text: texts[nth]?.replace('\0', '\uFFFD').toWellFormed() });
    expect([headers.get('content-type'), headers.get('x-content-type-options')]).toEqual(['application/json; charset=utf-8', 'nosniff']);
  }
  expect(await gate.world.store.query('select from collector.raw_updates')).toHaveLength(texts.length + 1);
});

test('what comes while the collector is away comes again, and is stored once', async () => {
  await at.hosted.stop(2_000);
  const id = whatsapp.say(anna, 'Вы здесь?');
  await until(() => whatsapp.untaken() === 1 || null);
  const { default: collector } = await import('./service.ts');
  const again = await gate.world.start('collector', collector, settings);
  await taken();
  expect(await stored(id)).toMatchObject([{ text: 'Вы здесь?' }]);
  expect(await at.told('inbox.message_received')).toHaveLength(1);
  await again.stop(2_000);
});
