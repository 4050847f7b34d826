/** Customers as the staff looks for them, and what was said with one of them in every channel. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import type { InputOf, OutputOf } from '../../contracts/kit/define.ts';
import { type World, world } from '../../test/kit/world.ts';
import { answerTo, botId, emptied, start, type Written, writeTo } from './fixture.ts';
import { peopleLike } from './rows/customers.ts';
import { prepare } from './rows/search.ts';
import { parameters } from './rows/seen.ts';
import { putStatuses } from './rows/statuses.ts';
import collector from './service.ts';

let here: World;
let hosted: Awaited<ReturnType<World['start']>>;
beforeAll(async () => {
  here = await world();
  hosted = await here.start('collector', collector);
});
beforeEach(() =>
  emptied(here.store, 'collector.chats, collector.users, collector.raw_updates, collector.message_statuses, journal.events'),
);
afterAll(() => here.stop());

const minute = 60_000;
const write = (...told: readonly Written[]) => writeTo(hosted.bus, ...told);
const anna = { personId: 'anna', role: 'manager' } as const;
const boris = { personId: 'boris', role: 'manager' } as const;
const found = async (wanted: InputOf<typeof inbox.list_clients>) =>
  (await here.bus.call(inbox.list_clients, wanted)).items.map(({ name }) => name).sort();
const customerOf = async (name: string) => {
  const { items } = await here.bus.call(inbox.list_clients, { q: name });
  return items[0]?.customerId ?? '';
};
const chatOf = async (customerId: string) => (await here.bus.call(inbox.list_chats, { customerId })).items[0]?.chatId ?? '';
type Entry = OutputOf<typeof inbox.client_history>['items'][number];
/** All pages. */
async function history(customerId: string, more: object = {}, limit = 2): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await here.bus.call(inbox.client_history, { customerId, limit, ...more, ...(cursor === undefined ? {} : { cursor }) });
    entries.push(...page.items);
    cursor = page.nextCursor;
  }
  return entries;
}
const textsOf = (entries: readonly Entry[]) => entries.map(({ message, note }) => message?.text ?? `заметка: ${note?.text}`);

test('a customer is found by a part of the name, by the phone in any spelling, by the words they wrote, and by nothing else', async () => {
  await write(
    { text: 'Сколько стоят пионы?', chat: '1', from: '1', name: 'Фёдор Ёлкин', phone: '+79165550101' },
    { text: 'Привет', chat: '2', from: '2', name: 'Анна', phone: '+79165550202' },
  );
  expect(await found({ q: 'федор ел' })).toEqual(['Фёдор Ёлкин']);
  for (const q of ['+7 (916) 555-01-01', '8 916 555 01 01', '5550101']) expect([q, await found({ q })]).toEqual([q, ['Фёдор Ёлкин']]);
  expect(await found({ q: 'пион' })).toEqual(['Фёдор Ёлкин']);
  expect(await found({ q: 'user2' })).toEqual(['Анна']);
  expect(await found({ q: '%' })).toEqual([]);
  expect(await found({ phoneNumber: '8 916 555-02-02' })).toEqual(['Анна']);
});

test('words that a customer wrote in the chat of another manager do not find them, even if they also write in a chat of one’s own', async () => {
  await write({ text: 'обычное', chat: '1', from: '1', name: 'Вера' }, { text: 'тайное', chat: '1', from: '2', name: 'Глеб' });
  const shared = await chatOf(await customerOf('Вера'));
  await here.bus.call(inbox.assign_chat, { chatId: shared, personId: 'boris' });
  await write({ text: 'открытое', chat: '9', from: '2', name: 'Глеб' });
  expect(await found({ q: 'тайное', viewer: boris })).toEqual(['Глеб']);
  expect(await found({ q: 'тайное', viewer: anna })).toEqual([]);
  expect(await found({ q: 'открытое', viewer: anna })).toEqual(['Глеб']);
});

test('the history has both sides of private chats, own words in groups, notes, and the same phone in another channel, newest first over all pages', async () => {
  const phone = '+79165550303';
  await write(
    { text: 'первое', chat: '1', from: '1', name: 'Дина', phone, at: start },
    { text: 'с другого имени', chat: '2', from: '2', name: 'Дина 2', phone, at: start + 2 * minute },
    { text: 'чужое', chat: '3', from: '3', name: 'Егор', at: start + 3 * minute },
    // One moment for two messages.
    { text: 'третье', chat: '1', from: '1', name: 'Дина', phone, at: start + 4 * minute },
    { text: 'четвёртое', chat: '1', from: '1', name: 'Дина', phone, at: start + 4 * minute },
  );
  await answerTo(hosted.bus, { text: 'ответ', chat: '1', at: start + minute });
  const customerId = await customerOf('Дина');
  await here.store.query(`update collector.chats set kind = 'group' where external_id = '3'`);
  await write({ text: 'в группе', chat: '3', from: '1', name: 'Дина', phone, at: start + 5 * minute });
  await here.store.query(`update collector.chats set kind = 'group' where external_id = '3'`);
  const chatId = (await history(customerId, {}, 200)).find(({ message }) => message?.text === 'первое')?.message?.chatId ?? '';
  await here.bus.call(inbox.add_note, { chatId, text: 'перезвонить' }, { key: 'note' });
  const told = ['заметка: перезвонить', 'в группе', 'четвёртое', 'третье', 'с другого имени', 'ответ', 'первое'];
  for (const limit of [1, 2, 3, 200]) expect(textsOf(await history(customerId, {}, limit))).toEqual(told);
});

test('the history leaves out a chat of another manager, also with the same phone', async () => {
  const phone = '+79165550404';
  await write({ text: 'своё', chat: '1', from: '1', name: 'Жанна', phone }, { text: 'чужое', chat: '2', from: '2', name: 'Зоя', phone });
  const [mine, other] = [await customerOf('Жанна'), await customerOf('Зоя')];
  await here.bus.call(inbox.assign_chat, { chatId: await chatOf(mine), personId: 'anna' });
  await here.bus.call(inbox.assign_chat, { chatId: await chatOf(other), personId: 'boris' });
  expect(textsOf(await history(mine)).sort()).toEqual(['своё', 'чужое']);
  expect(textsOf(await history(mine, { viewer: anna }))).toEqual(['своё']);
  await expect(history(other, { viewer: anna })).rejects.toMatchObject({ code: 'not_found' });
  expect(await found({ phoneNumber: phone, viewer: anna })).toEqual(['Жанна']);
});

test('an outbound message has the delivery status that the channel reported last, an inbound one and an unreported one none', async () => {
  await write({ text: 'вопрос', at: start });
  await answerTo(hosted.bus, { text: 'ответ', at: start + minute });
  const deliveries = async () =>
    (await here.bus.call(inbox.list_messages, {})).items.map(({ text, delivery }) => [
      text,
      delivery?.status ?? null,
      delivery?.errorCode ?? null,
    ]);
  expect(await deliveries()).toEqual([
    ['ответ', null, null],
    ['вопрос', null, null],
  ]);
  const [sent] = (await here.bus.call(inbox.list_messages, { limit: 1 })).items;
  const report = (status: 'delivered' | 'failed', errorCode: string | null) =>
    hosted.bus.commit((tx) =>
      putStatuses(tx, { channel: 'telegram', botId }, [{ externalId: sent?.externalId ?? '', status, errorCode, at: start }]),
    );
  await report('delivered', null);
  expect((await deliveries())[0]).toEqual(['ответ', 'delivered', null]);
  await report('failed', '131047');
  expect((await deliveries())[0]).toEqual(['ответ', 'failed', '131047']);
});

test('delivery statuses are listed by the time of their report, over pages, and those of another manager’s chats to nobody else', async () => {
  for (const chat of ['1', '2', '3']) {
    await write({ text: 'вопрос', chat, from: chat });
    await answerTo(hosted.bus, { text: `ответ ${chat}`, chat });
  }
  const sent = (await here.bus.call(inbox.list_messages, {})).items.filter(({ direction }) => direction === 'out');
  const report = (text: string, status: 'sent' | 'read', at: number) =>
    hosted.bus.commit((tx) =>
      putStatuses(tx, { channel: 'telegram', botId }, [
        { externalId: sent.find((each) => each.text === text)?.externalId ?? '', status, errorCode: null, at },
      ]),
    );
  await report('ответ 1', 'sent', start);
  await report('ответ 2', 'sent', start + minute);
  // The channel reports late what happened before.
  await report('ответ 1', 'read', start + 1);
  await report('ответ 3', 'sent', start - minute);
  const textOf = (id: string) => sent.find(({ messageId }) => messageId === id)?.text;
  const listed = async (more: object = {}) => {
    const { items, nextCursor } = await here.bus.call(inbox.list_deliveries, more);
    return { items: items.map(({ messageId, status }) => `${textOf(messageId)} ${status}`), nextCursor };
  };
  expect((await listed()).items).toEqual(['ответ 3 sent', 'ответ 1 read', 'ответ 2 sent']);
  const first = await listed({ limit: 2 });
  expect((await listed({ limit: 2, cursor: first.nextCursor })).items).toEqual(['ответ 2 sent']);
  const chatId = sent.find(({ text }) => text === 'ответ 1')?.chatId ?? '';
  expect((await listed({ chatId })).items).toEqual(['ответ 1 read']);
  await here.bus.call(inbox.assign_chat, { chatId, personId: 'boris' });
  expect((await listed({ viewer: anna })).items).toEqual(['ответ 3 sent', 'ответ 2 sent']);
});

test('among many customers one is found by a name and by a phone through an index', async () => {
  await here.store.query(
    `insert into collector.users (user_id, channel, external_id, name, username, phone_number, role, first_seen_at, last_seen_at)
     select 'usr_' || n, 'telegram', 'x' || n, 'Имя ' || md5(n::text), 'u' || md5(n::text), '+7900' || lpad(n::text, 7, '0'), 'client', now(), now()
     from generate_series(1, 3000) n`,
  );
  await here.store.query(
    `insert into collector.users (user_id, channel, external_id, name, phone_number, role, first_seen_at, last_seen_at)
     values ('usr_z', 'telegram', 'z', 'Зинаида', '+79167771212', 'client', now(), '2020-01-01')`,
  );
  await here.store.query('analyze collector.users');
  for (const q of ['зинаид', '8 916 777 12 12']) {
    expect(await found({ q })).toEqual(['Зинаида']);
    const plan = await hosted.bus.commit(async (tx) => {
      await prepare(tx, q);
      const { values, value } = parameters();
      return tx.query<{ 'QUERY PLAN': string }>(
        `explain select user_id from collector.users person where role = 'client' and ${peopleLike(q, value)} order by last_seen_at desc limit 51`,
        values,
      );
    });
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('users_found_by');
  }
});
