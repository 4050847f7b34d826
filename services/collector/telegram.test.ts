import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
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
});
afterEach(() => at.close());
afterAll(() => here.stop());

const group = { id: -500, type: 'group', title: 'Цветочный отдел' };
const supergroup = { id: -1001234567890123, type: 'supergroup', title: 'Цветочный отдел', is_forum: true };
const anna = { id: 42, is_bot: false, first_name: 'Анна', last_name: 'Петрова', username: 'anna' };
const date = 1_790_000_000;
let nextId = 1;
const message = (chat: object, fields: object, from: object | undefined = anna) => ({
  message: { message_id: nextId++, date, chat, ...(from ? { from } : {}), ...fields },
});
/** Resolves when the bot has nothing left to fetch. */
const taken = (count: number) =>
  until(async () => ((await at.messages()).length >= count && at.telegram.unconfirmed(token).length === 0 ? true : null));

test('a message is stored once, told once, and confirmed after that', async () => {
  at.telegram.say(token, 42, 'Сколько стоят розы?');
  await taken(1);
  const [stored] = await at.messages();
  expect(stored).toMatchObject({
    text: 'Сколько стоят розы?',
    channel: 'telegram',
    botId,
    externalId: '1',
    kind: 'text',
    direction: 'in',
    sender: { name: 'Клиент 42', role: 'client', isStaff: false, isBot: false },
    editedAt: null,
  });
  expect(await at.told('inbox.message_received')).toEqual([
    {
      messageId: stored?.messageId,
      channel: 'telegram',
      chatId: stored?.chatId,
      senderId: stored?.sender?.customerId,
      isStaff: false,
      isBot: false,
      kind: 'text',
      isReadable: true,
      command: null,
      at: stored?.sentAt,
    },
  ]);
});

test('ids sort by the order in which messages came, also of those that came together', async () => {
  for (let n = 0; n < 30; n += 1) at.telegram.say(token, 42, String(n).padStart(2, '0'));
  await taken(30);
  const byId = (await at.messages()).toSorted((a, b) => (a.messageId < b.messageId ? -1 : 1));
  expect(byId.map(({ text }) => text)).toEqual(byId.map(({ text }) => text).toSorted());
});

test('private chats, groups, topics, channels and albums each keep their place', async () => {
  at.telegram.update(token, message({ ...anna, type: 'private' }, { text: 'лично' }));
  at.telegram.update(token, message(group, { text: 'в группе' }));
  at.telegram.update(token, message(supergroup, { text: 'в теме', is_topic_message: true, message_thread_id: 77 }));
  at.telegram.update(token, {
    channel_post: { message_id: 9, date, chat: { id: -1009, type: 'channel', title: 'Новости' }, text: 'Акция' },
  });
  for (const caption of ['фото 1', undefined])
    at.telegram.update(
      token,
      message(group, { photo: [{ file_id: 'p', file_unique_id: 'p', width: 1, height: 1 }], media_group_id: 'alb', caption }),
    );
  await taken(6);
  const stored = await at.messages();
  const of = (text: string) => stored.find((one) => one.text === text);
  const chatOf = async (text: string) => (await here.bus.call(inbox.chat_context, { chatId: of(text)?.chatId ?? '' })).chat;
  expect(await chatOf('лично')).toMatchObject({ kind: 'private', title: 'Анна Петрова', externalId: '42' });
  expect(await chatOf('в группе')).toMatchObject({ kind: 'group', title: 'Цветочный отдел' });
  expect(await chatOf('в теме')).toMatchObject({ kind: 'supergroup', externalId: '-1001234567890123' });
  expect(of('в теме')).toMatchObject({ threadId: '77' });
  expect(of('Акция')).toMatchObject({ sender: { name: 'Новости', role: 'broadcast_bot', isBot: true } });
  expect(stored.filter(({ albumId }) => albumId === 'alb').map(({ kind }) => kind)).toEqual(['photo', 'photo']);
});

test('an edit replaces the text, keeps every wording once, and never goes back to an older one', async () => {
  const first = message(group, { text: 'Хочу 5 роз' });
  const edit = (text: string, later: number) => ({ edited_message: { ...first.message, text, edit_date: date + later } });
  at.telegram.update(token, first);
  at.telegram.update(token, edit('Хочу 7 роз', 20));
  at.telegram.update(token, edit('Хочу 6 роз', 10));
  at.telegram.update(token, edit('Хочу 7 роз', 20));
  await until(async () => at.telegram.unconfirmed(token).length === 0 || null);
  const [one, ...others] = await at.messages();
  expect(others).toEqual([]);
  const whole = await here.bus.call(inbox.get_message, { messageId: one?.messageId ?? '' });
  expect(whole).toMatchObject({ text: 'Хочу 7 роз', editedAt: new Date((date + 20) * 1000).toISOString() });
  expect(whole.versions.map(({ text }) => text)).toEqual(['Хочу 5 роз', 'Хочу 6 роз', 'Хочу 7 роз']);
  expect(await at.told('inbox.message_received')).toHaveLength(1);
});

test('each change of the words is an event, once, and asks for another judgement; a change of anything else is none', async () => {
  const first = message({ ...anna, type: 'private' }, { text: 'Хочу 5 роз' });
  const edit = (text: string, later: number, rest: object = {}) => ({
    edited_message: { ...first.message, text, edit_date: date + later, ...rest },
  });
  at.telegram.update(token, first);
  await taken(1);
  await here.store.query(`update collector.messages set intent = 'order', is_certain = true, confidence = 0.9`);
  at.telegram.update(token, edit('Хочу 5 роз', 5, { reply_markup: { inline_keyboard: [] } }));
  await until(async () => at.telegram.unconfirmed(token).length === 0 || null);
  const [before] = await at.messages();
  expect([await at.told('inbox.message_changed'), before?.intent]).toEqual([[], 'order']);
  at.telegram.update(token, edit('Отмените', 20));
  at.telegram.update(token, edit('Отмените', 20));
  at.telegram.update(token, edit('Хочу 6 роз', 10));
  await until(async () => at.telegram.unconfirmed(token).length === 0 || null);
  const [stored] = await at.messages();
  const { chat } = await here.bus.call(inbox.chat_context, { chatId: stored?.chatId ?? '' });
  expect(await at.told('inbox.message_changed')).toEqual([
    {
      ...{ changeId: chat.lastActId, messageId: stored?.messageId, channel: 'telegram', chatId: stored?.chatId },
      ...{ senderId: stored?.sender?.customerId, isStaff: false, isBot: false, kind: 'text', change: 'edited' },
      at: new Date((date + 20) * 1000).toISOString(),
    },
  ]);
  expect([stored?.intent, stored?.isCertain, (chat.lastActId ?? '') > (stored?.messageId ?? '')]).toEqual([null, null, true]);
  expect(await here.store.query('select from collector.message_versions')).toHaveLength(3);
});

test('an edit that comes before its message is kept as the later wording', async () => {
  const first = message(group, { text: 'до' });
  at.telegram.update(token, { edited_message: { ...first.message, text: 'после', edit_date: date + 5 } });
  at.telegram.update(token, first);
  await until(async () => at.telegram.unconfirmed(token).length === 0 || null);
  const [one] = await at.messages();
  const whole = await here.bus.call(inbox.get_message, { messageId: one?.messageId ?? '' });
  expect([whole.text, whole.versions.map(({ text }) => text)]).toEqual(['после', ['до', 'после']]);
});

test.each([
  ['before', 0],
  ['after', 1],
] as const)('a group that becomes a supergroup stays one chat, told of %s its first message there', async (_, order) => {
  at.telegram.update(token, message(group, { text: 'старая группа' }));
  const notice = message(group, { migrate_to_chat_id: supergroup.id });
  const firstThere = message(supergroup, { text: 'новая группа' });
  for (const update of order === 0 ? [notice, firstThere] : [firstThere, notice]) at.telegram.update(token, update);
  at.telegram.update(token, message(supergroup, { migrate_from_chat_id: group.id }));
  await taken(4);
  const stored = await at.messages();
  expect(new Set(stored.map(({ chatId }) => chatId)).size).toBe(1);
  const { chat } = await here.bus.call(inbox.chat_context, { chatId: stored[0]?.chatId ?? '' });
  expect(chat).toMatchObject({ kind: 'supergroup', externalId: String(supergroup.id) });
});

test('roles are per person: clients, groups that speak as themselves, channels, other bots', async () => {
  at.telegram.update(token, message(group, { text: 'клиент' }));
  at.telegram.update(
    token,
    message(supergroup, { text: 'админ', sender_chat: supergroup }, { id: 1087968824, is_bot: true, first_name: 'Group' }),
  );
  at.telegram.update(
    token,
    message(
      supergroup,
      { text: 'пост', sender_chat: { id: -1009, type: 'channel', title: 'Новости' }, is_automatic_forward: true },
      { id: 777000, is_bot: false, first_name: 'Telegram' },
    ),
  );
  at.telegram.update(token, message(group, { text: 'робот' }, { id: 555, is_bot: true, first_name: 'Робот' }));
  await taken(4);
  const roles = Object.fromEntries((await at.messages()).map(({ text, sender }) => [text, sender?.role]));
  expect(roles).toEqual({ клиент: 'client', админ: 'client', пост: 'broadcast_bot', робот: 'broadcast_bot' });
  const client = (await at.messages({ role: 'client' })).find(({ text }) => text === 'клиент');
  await here.bus.call(inbox.set_role, { customerId: client?.sender?.customerId ?? '', role: 'manager' });
  at.telegram.update(token, message(group, { text: 'уже менеджер' }));
  await taken(5);
  expect((await at.told('inbox.message_received')).at(-1)).toMatchObject({ isStaff: true });
  expect((await at.messages({ role: 'manager' })).map(({ text }) => text)).toEqual(['уже менеджер', 'клиент']);
});

test('an anonymous administrator is staff only in a group that staff named', async () => {
  const anonymous = { id: 1087968824, is_bot: true, first_name: 'Group' };
  const says = (chat: object, text: string) => at.telegram.update(token, message(chat, { text, sender_chat: chat }, anonymous));
  says(supergroup, 'отменяйте');
  says({ ...supergroup, id: -1002 }, 'верните деньги');
  await taken(2);
  const [first] = await at.messages({ q: 'отменяйте' });
  await here.bus.call(inbox.set_role, { customerId: first?.sender?.customerId ?? '', role: 'manager' });
  says(supergroup, 'ещё раз');
  says({ ...supergroup, id: -1002 }, 'и ещё раз');
  await taken(4);
  expect((await at.told('inbox.message_received')).map(({ isStaff }) => isStaff)).toEqual([false, false, true, false]);
});

test('an older change of membership, an older name and an older title change nothing', async () => {
  const chat = { ...anna, type: 'private' };
  const member = (at: number, status: string) => ({
    my_chat_member: { chat, from: anna, date: date + at, old_chat_member: { status: 'member' }, new_chat_member: { status } },
  });
  const said = (later: number, name: string) => {
    const person = { ...anna, first_name: name };
    return { message: { ...message({ ...person, type: 'private' }, { text: name }, person).message, date: date + later } };
  };
  for (const update of [said(100, 'Анна'), member(200, 'member'), member(150, 'kicked'), said(50, 'Аня')])
    at.telegram.update(token, update);
  await taken(2);
  const chatOf = async () => (await here.bus.call(inbox.chat_context, { chatId: (await at.messages())[0]?.chatId ?? '' })).chat;
  await until(() => at.telegram.unconfirmed(token).length === 0 || null);
  expect(await chatOf()).toMatchObject({ isReachable: true, title: 'Анна Петрова' });
  expect((await at.messages()).map(({ sender }) => sender?.name)).toEqual(['Анна Петрова', 'Анна Петрова']);
  at.telegram.update(token, member(300, 'kicked'));
  at.telegram.update(token, said(250, 'Анна'));
  await taken(3);
  expect(await chatOf()).toMatchObject({ isReachable: false });
  at.telegram.update(token, said(400, 'Анна'));
  await taken(4);
  expect(await chatOf()).toMatchObject({ isReachable: true });
});

test('the contact that somebody shares of themselves is their phone', async () => {
  at.telegram.update(token, message(group, { contact: { phone_number: '79990001122', first_name: 'Анна', user_id: anna.id } }));
  at.telegram.update(token, message(group, { text: 'это мой номер' }));
  await taken(2);
  const [one] = await at.messages();
  expect(await here.bus.call(inbox.get_client, { customerId: one?.sender?.customerId ?? '' })).toMatchObject({
    phoneNumber: '+79990001122',
  });
});

test('a live location moves in place: one message, its latest place, no versions', async () => {
  const place = (latitude: number) => ({ location: { latitude, longitude: 37, live_period: 900 } });
  const first = message(group, place(55)).message;
  at.telegram.update(token, { message: first });
  for (const [later, latitude] of [
    [20, 55.2],
    [30, 55.3],
    [10, 55.1],
  ] as const)
    at.telegram.update(token, { edited_message: { ...first, ...place(latitude), edit_date: date + later } });
  await until(() => at.telegram.unconfirmed(token).length === 0 || null);
  await until(async () => JSON.stringify((await at.messages())[0]?.content).includes('55.3') || null);
  const [one, ...others] = await at.messages();
  expect([others, one?.content]).toEqual([[], [expect.objectContaining({ type: 'location', latitude: 55.3 })]]);
  expect(await here.store.query('select 1 from collector.message_versions')).toEqual([]);
  expect(await at.told('inbox.message_changed')).toEqual([]);
});

test('reactions stand at their message: the latest of each person, and none that were taken back', async () => {
  at.telegram.update(token, message(group, { text: 'Подтверждаете?' }));
  await taken(1);
  const messageId = nextId - 1;
  const react = (later: number, emoji?: string, user: object = anna) =>
    at.telegram.update(token, {
      message_reaction: {
        ...{ chat: group, message_id: messageId, date: date + later, user, old_reaction: [] },
        new_reaction: emoji === undefined ? [] : [{ type: 'emoji', emoji }],
      },
    });
  react(10, '👍');
  react(5, '👎');
  react(10, '❤', { id: 43, is_bot: false, first_name: 'Игорь' });
  const emojis = async () => (await at.messages())[0]?.reactions.flatMap((each) => each.emojis).sort();
  await until(async () => (await emojis())?.length === 2 || null);
  expect(await emojis()).toEqual(['❤', '👍']);
  react(20);
  react(15, '👎');
  await until(() => at.telegram.unconfirmed(token).length === 0 || null);
  expect([await emojis(), await at.told('inbox.message_received')]).toEqual([['❤'], [expect.anything()]]);
});

test('what cannot be read is logged once by its kind and never taken for small talk', async () => {
  const before = here.logged.length;
  for (const id of [1, 2]) at.telegram.update(token, { odd_thing: { id } });
  at.telegram.update(token, message(group, { hologram: { depth: 3 } }));
  await taken(1);
  expect(await at.messages()).toEqual([
    expect.objectContaining({ text: '', content: [expect.objectContaining({ type: 'unknown', of: 'hologram' })] }),
  ]);
  expect(await at.told('inbox.message_received')).toEqual([expect.objectContaining({ isReadable: false })]);
  const noted = here.logged.slice(before).filter(({ message: said }) => said.includes('not supported'));
  expect(noted.map(({ facts }) => (facts as { type: string }).type).sort()).toEqual(['message.hologram', 'odd_thing']);
});

test('hostile texts are stored as text', async () => {
  const texts = [
    'нуль \0 байт',
    '\u202Eобратно',
    '<img src=x onerror=alert(1)>',
    '🌹'.repeat(3000),
    "'; drop table messages; --",
    'половина \uD83D',
    'ж'.repeat(50_000),
  ];
  for (const text of texts) at.telegram.update(token, message(group, { text }));
  await taken(texts.length);
  const whole = await Promise.all(
    (await at.messages()).toReversed().map(({ messageId }) => here.bus.call(inbox.get_message, { messageId })),
  );
  expect(whole.map(({ text }) => text)).toEqual(texts.map((text) => text.replace('\0', '\uFFFD').toWellFormed()));
  expect((await at.messages()).map(({ isCut }) => isCut)).toEqual([true, false, false, true, false, false, false]);
});

test('an update of an unknown type, and a message of an unknown shape, are kept raw and stop nothing', async () => {
  at.telegram.update(token, { shiny_new_thing: { id: 1 } });
  at.telegram.update(token, { message: { message_id: 'seven', date, chat: group, text: 'странное' } });
  at.telegram.update(token, { message: { message_id: nextId++, date: 8e15, chat: group, text: 'из будущего' } });
  at.telegram.update(token, message(group, { text: 'обычное' }));
  await taken(1);
  expect((await at.messages()).map(({ text }) => text)).toEqual(['обычное']);
  expect(await here.store.query('select external_id from collector.raw_updates order by id')).toHaveLength(4);
});

test('a service message is one of its own kind', async () => {
  at.telegram.update(token, message(group, { new_chat_members: [anna] }));
  at.telegram.update(token, message(group, { sticker: { file_id: 's' } }));
  await taken(2);
  expect((await at.messages()).map(({ kind }) => kind)).toEqual(['other', 'service']);
});

test('numbers that begin anew from lower ones lose nothing', async () => {
  at.telegram.say(token, 42, 'до тишины');
  await taken(1);
  const asked = at.telegram.asked.length;
  at.telegram.renumber(token, 5);
  await until(() => at.telegram.asked.length > asked || null);
  at.telegram.say(token, 42, 'после тишины');
  await taken(2);
  expect((await at.messages()).map(({ text }) => text).sort()).toEqual(['до тишины', 'после тишины']);
});

test.each([
  ['429 with retry_after', { do: 'refuse', retryAfterS: 0, status: 429 }],
  ['502', { do: 'refuse', status: 502 }],
  ['a page of HTML', { do: 'garbage' }],
  ['a cut connection', { do: 'cut' }],
  ['409 of another poller', { do: 'refuse', status: 409, description: 'Conflict' }],
] as const)('nothing is lost when getUpdates answers %s', async (_, fault) => {
  at.telegram.order({ ...fault, on: 'getUpdates' });
  at.telegram.say(token, 42, 'дойдёт');
  await taken(1);
  expect(await at.messages()).toHaveLength(1);
});

test('a voice message is fetched and kept', async () => {
  at.telegram.file('v1', Buffer.from('OggS-voice'));
  at.telegram.update(token, message(group, { voice: { file_id: 'v1', file_unique_id: 'u', duration: 3, mime_type: 'audio/ogg' } }));
  await taken(1);
  const [kept] = await until(async () => {
    const found = await at.messages();
    return found[0]?.file?.isKept ? found : null;
  });
  expect(kept).toMatchObject({ kind: 'voice', file: { contentType: 'audio/ogg', durationMs: 3000, bytes: 10 } });
  const { body } = await here.bus.call(inbox.get_voice, { messageId: kept?.messageId ?? '' });
  expect(Buffer.from(body).toString()).toBe('OggS-voice');
});

test('a button that is pressed is told with who pressed it and where', async () => {
  const query = { id: 'q1', from: anna, message: { message_id: 3, date, chat: group }, data: 'approve:row_1', chat_instance: 'x' };
  at.telegram.update(token, message(group, { text: 'чат' }));
  at.telegram.update(token, { callback_query: query });
  const told = await until(async () => {
    const found = await at.told('inbox.button_pressed');
    return found.length > 0 ? found : null;
  });
  expect(told).toEqual([
    expect.objectContaining({
      data: 'approve:row_1',
      queryId: 'q1',
      role: 'client',
      isStaff: false,
      messageExternalId: '3',
      chatId: expect.any(String),
      chatExternalId: '-500',
    }),
  ]);
});

test('a bot that was blocked knows that the chat cannot be reached, until the customer writes again', async () => {
  const reach = async () =>
    (await here.store.query<{ is_reachable: boolean }>('select is_reachable from collector.chats'))[0]?.is_reachable;
  const now = Math.floor(Date.now() / 1000);
  at.telegram.say(token, 42, 'привет', { date: now });
  await taken(1);
  const member = (status: string) => ({ user: { id: 7001, is_bot: true, first_name: 'Bot' }, status });
  at.telegram.update(token, {
    my_chat_member: {
      chat: { ...anna, type: 'private' },
      from: anna,
      date: now + 1,
      old_chat_member: member('member'),
      new_chat_member: member('kicked'),
    },
  });
  await until(async () => (await reach()) === false || null);
  at.telegram.say(token, 42, 'снова я', { date: now + 2 });
  await until(async () => (await reach()) === true || null);
});
