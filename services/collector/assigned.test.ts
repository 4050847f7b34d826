import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import { type World, world } from '../../test/kit/world.ts';
import { emptied, type Written, writeTo } from './fixture.ts';
import { migrate } from './rows/chats.ts';
import collector from './service.ts';

let here: World;
let hosted: Awaited<ReturnType<World['start']>>;
beforeAll(async () => {
  here = await world();
  hosted = await here.start('collector', collector);
});
beforeEach(() => emptied(here.store, 'collector.chats, collector.users, collector.raw_updates, journal.events'));
afterAll(() => here.stop());

const write = (...told: readonly Written[]) => writeTo(hosted.bus, ...told);
/** The chat of the latest message. */
const latest = async () => (await here.bus.call(inbox.list_messages, { limit: 1 })).items[0]?.chatId ?? '';
const assign = (chatId: string, personId: string | null, viewer?: { personId: string; role: 'manager' | 'director' }) =>
  here.bus.call(inbox.assign_chat, { chatId, personId, onBehalfOf: 'staff/s_1/anna', ...(viewer === undefined ? {} : { viewer }) });
const assignedTo = async (chatId: string) => (await here.bus.call(inbox.chat_context, { chatId })).chat.assignedTo;
const told = async () =>
  (
    await here.store.query<{ payload: { chatId: string; personId: string | null; who: string | null } }>(
      `select payload from journal.events where event = 'inbox.chat_assigned' order by id`,
    )
  ).map(({ payload: { chatId, personId, who } }) => [chatId, personId, who]);

test('a chat is assigned and freed, and each change is told once with the person who made it', async () => {
  await write({ text: 'вопрос' });
  const chatId = await latest();
  expect(await assignedTo(chatId)).toBeNull();
  expect(await assign(chatId, 'anna')).toMatchObject({ chatId, assignedTo: 'anna' });
  await assign(chatId, 'anna');
  expect(await assignedTo(chatId)).toBe('anna');
  expect(await assign(chatId, null)).toMatchObject({ assignedTo: null });
  const who = 'operator:staff/s_1/anna';
  expect(await told()).toEqual([
    [chatId, 'anna', who],
    [chatId, null, who],
  ]);
});

test('a manager takes a free chat and hands over their own, and does not know of the chat of another', async () => {
  await write({ text: 'вопрос' });
  const chatId = await latest();
  const [anna, boris] = (['anna', 'boris'] as const).map((personId) => ({ personId, role: 'manager' as const }));
  await assign(chatId, 'anna', anna);
  await expect(assign(chatId, 'boris', boris)).rejects.toMatchObject({ code: 'not_found' });
  expect(await assignedTo(chatId)).toBe('anna');
  await assign(chatId, 'boris', anna);
  await expect(assign(chatId, 'anna', anna)).rejects.toMatchObject({ code: 'not_found' });
  await assign(chatId, 'anna', { personId: 'vera', role: 'director' });
  expect(await assignedTo(chatId)).toBe('anna');
});

test.each([
  ['the one that stays', 'stays', 'anna', null, 'anna'],
  ['the one that goes', 'goes', null, 'anna', 'anna'],
  ['both', 'stays', 'anna', 'boris', 'anna'],
])('merged chats are under the person in charge of %s, under both ids', async (_, __, ofStaying, ofGoing, expected) => {
  await write({ text: 'первый', chat: '1', from: '1' });
  const stays = await latest();
  await write({ text: 'второй', chat: '2', from: '1' });
  const goes = await latest();
  if (ofStaying !== null) await assign(stays, ofStaying);
  if (ofGoing !== null) await assign(goes, ofGoing);
  await hosted.bus.commit((tx) => migrate(tx, { channel: 'telegram', botId: '7001' }, '1', '2'));
  expect([await assignedTo(stays), await assignedTo(goes)]).toEqual([expected, expected]);
  const last = new Map((await told()).map(([chatId, personId]) => [chatId, personId]));
  expect([last.get(stays), last.get(goes)]).toEqual([expected, expected]);
  await assign(goes, 'vera');
  const next = new Map((await told()).map(([chatId, personId]) => [chatId, personId]));
  expect([next.get(stays), next.get(goes), await assignedTo(stays)]).toEqual(['vera', 'vera', 'vera']);
});

test('an erased chat is nobody’s, and that is told', async () => {
  await write({ text: 'секрет' });
  const chatId = await latest();
  await assign(chatId, 'anna');
  const [message] = (await here.bus.call(inbox.list_messages, { chatId })).items;
  await here.bus.call(inbox.erase_person, { customerId: message?.sender?.customerId ?? '' });
  expect(await assignedTo(chatId)).toBeNull();
  expect((await told()).at(-1)).toEqual([chatId, null, null]);
});

test.each(['', 'Anna', 'анна', 'a b', '-a', 'a'.repeat(41)])('%j is no login of a person', async (personId) => {
  await write({ text: 'вопрос' });
  await expect(assign(await latest(), personId)).rejects.toMatchObject({ code: 'invalid_argument' });
});
