import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Update } from '../../adapters/channel/port.ts';
import { openStore } from '../../adapters/store/index.ts';
import { inbox } from '../../contracts/inbox.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { testDatabase } from '../../test/kit/database.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { emptied } from './fixture.ts';
import { put } from './rows/put.ts';
import collector from './service.ts';

let here: World;
let hosted: Awaited<ReturnType<World['start']>>;
beforeAll(async () => {
  here = await world();
  hosted = await here.start('collector', collector);
});
beforeEach(() => emptied(here.store, 'collector.chats, collector.users, collector.raw_updates, collector.feed, collector.feed_pending'));
afterAll(() => here.stop());

let nextId = 1;
const updateOf = (text: string, from: string, sentAt = Date.now()): Update => {
  const id = String(nextId++);
  const chat = { externalId: from, kind: 'private', title: null } as const;
  const sender = { externalId: from, name: `Клиент ${from}`, username: null, phoneNumber: null, firstRole: 'client' } as const;
  const rest = {
    threadId: null,
    albumId: null,
    replyTo: null,
    isForwarded: false,
    sentAt,
    editedAt: null,
    direction: 'in',
    content: [],
    files: [],
  } as const;
  const message = { chat, sender, externalId: id, kind: 'text', text, ...rest } as const;
  return { externalId: id, raw: `{"update_id":${id}}`, parts: [{ is: 'message', message }] };
};
/** Stores a message in a new chat. `before` delays the commit. */
const write = (text: string, { before, sentAt }: { readonly before?: Promise<void>; readonly sentAt?: number } = {}) =>
  hosted.bus.commit(async (tx) => {
    await put(tx, 'telegram', { botId: '7001', updates: [updateOf(text, String(nextId), sentAt)] });
    await before;
  });
const page = (asked: object = {}) => here.bus.call(inbox.list_messages, { order: 'stored', limit: 200, ...asked });
/** Follows until this many messages have arrived. */
async function followed(count: number, cursor?: string) {
  const texts: string[] = [];
  let next = cursor;
  await until(async () => {
    const { items, nextCursor } = await page({ limit: 3, ...(next !== undefined && { cursor: next }) });
    texts.push(...items.map(({ text }) => text));
    next = nextCursor ?? undefined;
    return texts.length >= count || null;
  });
  return { texts, cursor: next };
}

test('a message whose transaction commits after that of a younger one comes after it, and is not missed', async () => {
  const { promise: before, resolve: commit } = Promise.withResolvers<void>();
  const slow = write('медленное', { before });
  await until(async () => (await here.store.query(`select from pg_locks where relation = 'collector.messages'::regclass`))[0]);
  await write('быстрое');
  const first = await followed(1);
  expect(first.texts).toEqual(['быстрое']);
  commit();
  await slow;
  expect((await followed(1, first.cursor)).texts).toEqual(['медленное']);
});

test('a message that its channel delivers late comes last, however old it is', async () => {
  await write('сегодня');
  const first = await followed(1);
  await write('вчера', { sentAt: Date.now() - 86_400_000 });
  expect((await followed(1, first.cursor)).texts).toEqual(['вчера']);
});

test('each of many messages comes once, while they are written by many transactions and numbered by two processes', async () => {
  const other = await here.start('collector', collector);
  const texts = Array.from({ length: 40 }, (_, n) => `сообщение ${n}`);
  const written = Promise.all(texts.map((text) => write(text)));
  const seen = await followed(texts.length);
  await written;
  expect(seen.texts.toSorted()).toEqual(texts.toSorted());
  expect((await page({ cursor: seen.cursor })).items).toEqual([]);
  await other.stop(2_000);
});

test('the cursor of a message leads on after it, and that of an empty page to what comes next', async () => {
  for (const text of ['раз', 'два', 'три']) await write(text);
  await followed(3);
  const { items, nextCursor } = await page();
  expect((await page({ cursor: items[0]?.cursor })).items.map(({ text }) => text)).toEqual(['два', 'три']);
  expect(nextCursor).toBe(items[2]?.cursor);
  const empty = await page({ cursor: nextCursor });
  expect(empty).toEqual({ items: [], nextCursor });
});

test('a filter leaves out messages and still leads past them', async () => {
  await write('один');
  await write('другой');
  await followed(2);
  const chatId = (await page()).items[1]?.chatId;
  const only = await page({ chatId });
  expect(only.items.map(({ text }) => text)).toEqual(['другой']);
  await write('третий');
  await followed(3);
  const next = await page({ chatId, cursor: only.nextCursor });
  expect(next.items).toEqual([]);
  expect(next.nextCursor).not.toBe(only.nextCursor);
  await expect(page({ cursor: only.nextCursor })).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('a time says where to begin; a future one begins with the next message', async () => {
  await write('раньше');
  await followed(1);
  const { nextCursor } = await page({ storedSince: '2100-01-01T00:00:00Z' });
  const at = new Date().toISOString();
  await write('позже');
  await followed(2);
  expect((await page({ cursor: nextCursor })).items.map(({ text }) => text)).toEqual(['позже']);
  expect((await page({ storedSince: at })).items.map(({ text }) => text)).toEqual(['позже']);
});

test('a cursor from before a restore of an older copy misses nothing that is stored after it', async () => {
  await write('в копии');
  const copied = await followed(1);
  const [head] = await here.store.query<{ position: string }>('select position from collector.feed_head');
  await write('после копии');
  await write('и это');
  const before = await followed(2, copied.cursor);
  // The older copy: later messages are gone, and their positions are assigned again, to other messages.
  await here.store.query(`delete from collector.messages where text <> 'в копии'`);
  await here.store.query('delete from collector.feed where position > $1', [head?.position]);
  await here.store.query(`update collector.feed_head set position = $1, origin = 'the cluster of the copy'`, [head?.position]);
  for (const text of ['первое', 'второе', 'третье']) await write(text);
  const after = await followed(4, before.cursor);
  expect(after.texts).toEqual(['в копии', 'первое', 'второе', 'третье']);
});

test('every copy of the data has another origin', async () => {
  const originIn = async (url: string) => {
    const store = openStore({ url, name: 'test', log: quiet });
    const [row] = await store.query<{ origin: string }>('select collector.feed_origin() as origin');
    await store.close();
    return row?.origin;
  };
  const copy = await testDatabase();
  expect(await originIn(copy.url)).not.toBe(await originIn(here.databaseUrl));
  expect(await originIn(copy.url)).toBe(await originIn(copy.url));
  await copy.drop();
});

test.each([
  { q: 'розы' },
  { since: '2026-01-01T00:00:00Z' },
  { until: '2026-01-01T00:00:00Z' },
  { cursor: 's00000000.1.1.AAAAAAAA' },
  { cursor: 'p1.1.AAAAAAAA' },
  { order: 'sent', storedSince: '2026-01-01T00:00:00Z' },
])('%j does not go with the order of storing', async (asked) => {
  await expect(page(asked)).rejects.toMatchObject({ code: 'invalid_argument' });
});
