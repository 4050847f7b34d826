import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openStore, type PostgresStore } from '../adapters/store/index.ts';
import { quiet } from '../runtime/noop-log.ts';
import { testDatabase } from '../test/kit/database.ts';
import { csvRows } from './csv.ts';
import { fromCsv, fromPostgres, importOld } from './migrate-from-old.ts';

const botId = '7001';
const open: { close(): Promise<unknown> }[] = [];
let old: PostgresStore;

beforeAll(async () => {
  old = await database();
  await old.session((session) =>
    session.run(`
      create table public.chats (id serial primary key, telegram_chat_id bigint, title text, chat_type text);
      create table public.users (id serial primary key, telegram_id bigint, first_name text, last_name text, username text, phone text, role text, created_at timestamp);
      create table public.messages (id serial primary key, telegram_message_id bigint, chat_id int, user_id int, text text, message_type text, created_at timestamp);
      insert into public.chats (telegram_chat_id, title, chat_type) values (501, 'Анна', 'private'), (-1009, 'Склад', 'supergroup'), (null, 'без номера', 'group');
      insert into public.users (telegram_id, first_name, last_name, username, phone, role, created_at) values
        (501, 'Анна', 'Ким', 'anna', '999 555-33-22', 'client', '2023-01-01'), (502, 'Пётр', null, null, null, 'manager', '2023-01-01'),
        (7001, 'Бот', null, 'bot', null, 'assistant_bot', '2023-01-01');
      insert into public.messages (telegram_message_id, chat_id, user_id, text, message_type, created_at) values
        (11, 1, 1, 'Есть пионы?', 'text', '2023-05-01 10:00:00'), (12, 1, 3, 'Есть, белые', 'text', '2023-05-01 10:01:00'),
        (13, 2, 2, 'Привезли коробки', 'text', '2023-05-01 11:00:00'), (14, 99, 1, 'сирота', 'text', '2023-05-01 12:00:00'),
        (15, 1, 1, 'когда-то', 'text', null);
      insert into public.messages (telegram_message_id, chat_id, user_id, text, message_type, created_at)
        select 1000 + n, 1, 1, 'строка ' || n, 'text', timestamp '2023-06-01' + n * interval '1 minute' from generate_series(1, 1500) n;
      analyze`),
  );
});
afterAll(async () => {
  for (const one of open.toReversed()) await one.close();
});

async function database(): Promise<PostgresStore> {
  const made = await testDatabase();
  const store = openStore({ url: made.url, name: 'test', log: quiet, connections: 3 });
  open.push({ close: made.drop }, store);
  return store;
}

test('takes chats, people and messages with their times, and says what was skipped and why', async () => {
  const store = await database();
  const shares: number[] = [];
  const taken = await importOld(store, fromPostgres(old), { botId, progress: (_, done) => shares.push(done) });
  expect(taken).toEqual({
    chats: { read: 3, taken: 2, skipped: { 'has no id of Telegram': 1 } },
    users: { read: 3, taken: 3, skipped: {} },
    messages: { read: 1505, taken: 1503, skipped: { 'its chat is not among the chats': 1, 'has no time': 1 } },
  });
  expect(shares.at(-1)).toBe(1);
  const messages = await store.query(
    `select message.external_id, chat_external_id, direction, text, sent_at, person.name, person.role, person.phone_number
     from collector.messages message join collector.users person on user_id = sender_id where message.external_id in ('11', '12', '13') order by message.external_id`,
  );
  const first = { chat_external_id: '501', direction: 'in', name: 'Анна Ким', role: 'client', phone_number: '+79995553322' };
  expect(messages).toMatchObject([
    { ...first, external_id: '11', text: 'Есть пионы?', sent_at: new Date('2023-05-01T10:00:00Z') },
    { external_id: '12', direction: 'out', role: 'assistant_bot' },
    { external_id: '13', chat_external_id: '-1009', name: 'Пётр', role: 'manager' },
  ]);
  const [chat] = await store.query(
    `select kind, last_inbound_at, last_message_at, person.messages::int, first_seen_at from collector.chats chat
     join collector.users person using (external_id) where external_id = '501'`,
  );
  const last = new Date('2023-06-02T01:00:00Z');
  expect(chat).toEqual({
    kind: 'private',
    last_inbound_at: last,
    last_message_at: last,
    messages: 1501,
    first_seen_at: new Date('2023-01-01T00:00:00Z'),
  });
  expect(await store.query('select from journal.events')).toEqual([]);
});

test('goes on after a run that ended early, and takes nothing twice', async () => {
  const store = await database();
  const breaks = (table: string, _: number, read: number) => {
    if (table === 'messages' && read === 1_000) throw new Error('cut');
  };
  await expect(importOld(store, fromPostgres(old), { botId, progress: breaks })).rejects.toThrow('cut');
  const { messages } = await importOld(store, fromPostgres(old), { botId });
  expect(messages.taken + (messages.skipped['is there already'] ?? 0)).toBe(1503);
  expect(messages.skipped['is there already']).toBeGreaterThan(900);
  const again = await importOld(store, fromPostgres(old), { botId });
  expect([again.chats.taken, again.users.taken, again.messages.taken]).toEqual([0, 0, 0]);
  const [counted] = await store.query(`select messages::int from collector.users where external_id = '501'`);
  expect(counted).toEqual({ messages: 1501 });
});

test('reads the same tables from CSV files', async () => {
  const store = await database();
  const dir = mkdtempSync(join(tmpdir(), 'polyb-old-'));
  writeFileSync(join(dir, 'chats.csv'), '\uFEFFchat_id,title,type\n501,"Анна, ""Аня""",private\n');
  writeFileSync(join(dir, 'users.csv'), 'user_id,first_name,role\r\n501,Анна,client\r\n');
  writeFileSync(
    join(dir, 'messages.csv'),
    'message_id,chat_id,user_id,text,timestamp\n1,501,501,"Две\nстроки, да",2023-05-01 10:00:00+03\n2,501,,,\n',
  );
  const { messages } = await importOld(store, fromCsv(dir), { botId });
  expect(messages).toEqual({ read: 2, taken: 1, skipped: { 'has no time': 1 } });
  expect(await store.query('select text, sent_at, title from collector.messages join collector.chats using (chat_id)')).toEqual([
    { text: 'Две\nстроки, да', sent_at: new Date('2023-05-01T07:00:00Z'), title: 'Анна, "Аня"' },
  ]);
  await expect(importOld(store, fromCsv(join(dir, 'nowhere')), { botId })).rejects.toThrow('There is no');
});

test('a source that is no PostgreSQL is refused before anything is asked, and what was expected is said', () => {
  const script = join(import.meta.dirname, 'migrate-from-old.ts');
  const { status, stderr } = spawnSync(process.execPath, [script, '--from', 'http://canary', '--bot', botId], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringMatching(/^--from: expected a URL that begins with postgres(?!.*canary)/),
  });
});

test('a CSV row is the same however the file is cut into parts', async () => {
  const text = 'a,b\n"x ""y""\nz",1\n,2\n';
  const rows = async (size: number) => {
    const parts = async function* () {
      for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
    };
    const all = [];
    for await (const row of csvRows(parts())) all.push(row);
    return all;
  };
  for (const size of [1, 2, 3, 100])
    expect(await rows(size)).toEqual([
      { a: 'x "y"\nz', b: '1' },
      { a: null, b: '2' },
    ]);
});
