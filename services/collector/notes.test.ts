import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import { type World, world } from '../../test/kit/world.ts';
import { writeTo } from './fixture.ts';
import { moveAddress } from './rows/chats.ts';
import collector from './service.ts';

let here: World;
let hosted: Awaited<ReturnType<World['start']>>;
beforeAll(async () => {
  here = await world();
  hosted = await here.start('collector', collector);
});
afterAll(() => here.stop());
const latest = async () => (await here.bus.call(inbox.list_messages, { limit: 1 })).items[0];
const add = (chatId: string, text: string, key = text) =>
  here.bus.call(inbox.add_note, { chatId, text, onBehalfOf: 'staff/s_1/anna' }, { key });
const notes = async (chatId: string, more: object = {}) => here.bus.call(inbox.list_notes, { chatId, ...more });

test('a note is stored once with its author, listed newest first in pages, and is no message', async () => {
  await writeTo(hosted.bus, { text: 'вопрос', chat: '1', from: '1' });
  const { chatId = '' } = (await latest()) ?? {};
  await add(chatId, 'первая заметка');
  await add(chatId, 'первая заметка');
  await add(chatId, 'вторая заметка');
  const first = await notes(chatId, { limit: 1 });
  expect(first.items).toMatchObject([{ text: 'вторая заметка', who: 'operator:staff/s_1/anna', chatId }]);
  expect((await notes(chatId, { limit: 1, cursor: first.nextCursor })).items).toMatchObject([{ text: 'первая заметка' }]);
  expect((await here.bus.call(inbox.chat_context, { chatId })).messages.map(({ text }) => text)).toEqual(['вопрос']);
  expect((await here.bus.call(inbox.list_messages, { q: 'заметка' })).items).toEqual([]);
  const told = await here.store.query<{ payload: object }>(
    `select payload from journal.events where event = 'inbox.note_added' order by id`,
  );
  expect(told.map(({ payload }) => payload)).toMatchObject([{ chatId }, { chatId }]);
  expect(JSON.stringify(told)).not.toContain('заметка');
  await expect(add('chat_0', 'никуда')).rejects.toMatchObject({ code: 'not_found' });
  await expect(add(chatId, '  ')).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('notes follow a merged chat, and an erasure leaves none, also not in the journal', async () => {
  await writeTo(hosted.bus, { text: 'а', chat: '2', from: '2' });
  const stays = (await latest())?.chatId ?? '';
  await writeTo(hosted.bus, { text: 'б', chat: '3', from: '2' });
  const message = await latest();
  const goes = message?.chatId ?? '';
  await add(goes, 'секретная заметка');
  await hosted.bus.commit((tx) => moveAddress(tx, { channel: 'telegram', botId: '7001' }, '2', '3'));
  expect((await notes(stays)).items).toMatchObject([{ text: 'секретная заметка', chatId: stays }]);
  expect((await notes(goes)).items).toHaveLength(1);
  await here.bus.call(inbox.erase_person, { customerId: message?.sender?.customerId ?? '' });
  for (const table of ['collector.notes', 'journal.rows', 'journal.events'])
    expect([table, await here.store.query(`select * from ${table} t where t::text like '%секретная%'`)]).toEqual([table, []]);
  await expect(notes(stays)).rejects.toMatchObject({ code: 'not_found' });
});
