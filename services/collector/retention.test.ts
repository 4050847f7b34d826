import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestStore, testStore } from '../../scripts/testing/store.ts';
import { retention } from './retention.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore('collector', '0001_collector.sql');
});
afterAll(() => store.close());

test('each table forgets what is older than its days, and keeps the rest', async () => {
  const { db } = store;
  await db.query(`insert into collector.chats (chat_id, channel, bot_id, external_id, kind) values ('c', 'telegram', '1', '1', 'private')`);
  await db.query(
    `insert into collector.messages (message_id, channel, bot_id, chat_external_id, external_id, chat_id, direction, kind, text, is_forwarded, sent_at)
     select 'm' || days, 'telegram', '1', '1', days::text, 'c', 'in', 'voice', '', false, now() - days * interval '1 day' from unnest(array[1, 5, 50]) days`,
  );
  await db.query(`insert into collector.message_versions (message_id, at, digest, text) values ('m50', now(), 'd', 'x')`);
  await db.query(
    `insert into collector.voices (message_id, channel, bot_id, file_id, content_type, state, body) select message_id, 'telegram', '1', 'f', 'audio/ogg', 'kept', 'x' from collector.messages`,
  );
  await db.query(
    `insert into collector.raw_updates (channel, bot_id, external_id, digest, body, received_at)
     select 'telegram', '1', days::text, 'd', '{}', now() - days * interval '1 day' from unnest(array[1, 5]) days`,
  );
  await db.query(
    `insert into collector.message_statuses (channel, bot_id, external_id, status, rank, at) select 'whatsapp', '1', days::text, 'sent', 1, now() - days * interval '1 day' from unnest(array[1, 5]) days`,
  );
  for (const { turn } of retention(db, { raw: 3, messages: 30, voices: 3, files: 30 })) await turn(AbortSignal.timeout(10_000));
  const count = async (table: string) => (await db.query(`select from collector.${table}`)).length;
  expect(await Promise.all(['messages', 'message_versions', 'raw_updates', 'message_statuses'].map(count))).toEqual([2, 0, 1, 1]);
  expect(await db.query('select message_id, body is not null as kept from collector.voices order by 1')).toEqual([
    { message_id: 'm1', kept: true },
    { message_id: 'm5', kept: false },
  ]);
});
