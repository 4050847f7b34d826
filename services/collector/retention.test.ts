import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { memoryBlobs } from '../../adapters/blob/memory.ts';
import { inbox } from '../../contracts/inbox.ts';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { fetchFiles } from './fetch-files.loop.ts';
import { phoneOwners } from './phone-owners.loop.ts';
import { retention } from './retention.loop.ts';
import { eraseFiles } from './rows/files.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

/** More rows of each kind than one statement deletes. */
const many = 5_001;
const days = { raw: 3, messages: 30, voices: 3, files: 30 };
/** Global state or counters, without data of a person. */
const timeless = ['feed', 'feed_head', 'feed_pending', 'irregular_words', 'reindexing', 'user_roles'];
const turn = async (limits: typeof days) => {
  const { db, commit } = store;
  for (const { turn: sweep } of retention({ db, commit, now: Date.now }, limits)) await sweep(AbortSignal.timeout(120_000));
  const { turn: report } = phoneOwners(commit);
  while ((await report(AbortSignal.timeout(120_000))) === 'more');
};

const blobs = memoryBlobs();
const signal = AbortSignal.timeout(600_000);
const log = { debug() {}, info() {}, warn() {}, error() {} };
/** Deletes the blobs of all doomed files. */
async function removeBlobs(): Promise<void> {
  const { turn: next } = fetchFiles({ db: store.db, blobs, log, intakes: new Map(), maxBytes: 1_000 });
  while ((await next(signal)) === 'more');
}

/** Rows of every table and state that hold the mark: so many, dated so many days ago by a clock of the channel and by ours. */
async function put(mark: string, count: number, sentDays: number, storedDays = sentDays) {
  const rows = (text: string) =>
    store.db.query<{ blob: string | null }>(
      `with dated as (
         select $1 || n as id, now() - $3 * interval '1 day' as sent, now() - $4 * interval '1 day' as stored, n
         from generate_series(1, $2::int) n where $1 <> ''
       ) ${text}`,
      [mark, count, sentDays, storedDays],
    );
  const voiceStates = `(array['wanted', 'kept', 'heard', 'gone'])[1 + n % 4]`;
  await rows(`insert into collector.users (user_id, channel, external_id, name, phone_number, first_seen_at, last_seen_at)
    select id, 'telegram', id, id, left(id, 20), sent, sent from dated`);
  await rows(`insert into collector.user_aliases (channel, external_id, known_as, told_at)
    select 'telegram', 'alias of ' || id, id, stored from dated
    union all select 'telegram', 'nobody ' || id, case when n % 2 = 0 then 'no ' || id end, stored from dated`);
  await rows(`insert into collector.chats (chat_id, channel, bot_id, external_id, kind, title, last_message_at, created_at, is_reachable, owner, assigned_to)
    select id, 'telegram', '1', case when n % 2 = 0 then id || ':' || id else id end, (array['private', 'group'])[1 + n % 2], id,
      case when n % 3 > 0 then sent end, stored, n % 5 > 0, (array['bot', 'human', 'off', null])[1 + n % 4], 'anna' from dated`);
  await rows(`insert into collector.chats (chat_id, channel, bot_id, external_id, kind, merged_into, created_at)
    select 'merged ' || id, 'telegram', '1', 'merged ' || id, 'private', id, stored from dated`);
  await rows(
    `insert into collector.chat_aliases (channel, bot_id, external_id, chat_id) select 'telegram', '1', 'former ' || id, id from dated`,
  );
  // The customer waits since the oldest message, also where it will be gone.
  await rows(`update collector.chats set waiting_since = sent, unanswered = 2 from dated where chat_id = id`);
  await rows(`insert into collector.notes (note_id, chat_id, text, who, at) select id, id, $1, 'operator', stored from dated`);
  await rows(
    `insert into collector.client_merges (merge_id, customer_id, merged_into, who, at) select id, id, id, 'operator', stored from dated`,
  );
  await rows('insert into collector.chat_members (user_id, chat_id) select id, id from dated');
  await rows('insert into collector.reported_customers (customer_id) select id from dated');
  await rows(`insert into collector.connections (channel, bot_id, connection_id, owner_external_id, is_usable, established_at, change, changed_at)
    select 'telegram', '1', id, id, false, stored, 1, stored from dated`);
  await rows(`insert into collector.messages (message_id, channel, bot_id, chat_external_id, external_id, chat_id, sender_id, direction, kind, text,
      is_forwarded, sent_at, received_at, reactions)
    select id, 'telegram', '1', id, id, id, id, (array['in', 'out'])[1 + n % 2], 'voice', $1, false, sent, stored, jsonb_build_array(id) from dated`);
  await rows(`insert into collector.lexicon (word) select $1 from dated where n = 1
    union select $1 || translate(n::text, '0123456789', 'abcdefghij') from dated where n > 1 and sent < now() - interval '30 days'`);
  await rows(`insert into collector.message_versions (message_id, at, digest, text) select id, sent, 'd', $1 from dated`);
  await rows(`insert into collector.voices (message_id, channel, bot_id, file_id, content_type, state, body)
    select id, 'telegram', '1', id, 'audio/ogg', ${voiceStates}, convert_to(id, 'UTF8') from dated`);
  const files =
    await rows(`insert into collector.files (message_id, n, channel, bot_id, file_id, kind, name, content_type, state, blob_id, created_at, next_at)
    select id, 0, 'telegram', '1', id, (array['photo', 'document', 'voice'])[1 + n % 3], id, 'image/png', (array['wanted', 'kept', 'gone'])[1 + n % 3],
      case when n % 3 > 0 then id end, stored, now() + interval '1 day' from dated where n <= 1001 returning blob_id as blob`);
  for (const { blob } of files) if (blob !== null) await blobs.put(blob, one(blob), signal);
  await rows(`insert into collector.raw_updates (channel, bot_id, external_id, digest, body, received_at)
    select (array['telegram', 'whatsapp', 'site'])[1 + n % 3], '1', id, 'd', '{}', stored from dated`);
  await rows(`insert into collector.message_statuses (channel, bot_id, external_id, status, rank, at)
    select 'whatsapp', '1', id, (array['sent', 'read', 'failed'])[1 + n % 3], 1, sent from dated`);
  await rows(`insert into collector.feed (position, seq, stored_at)
    select (select coalesce(max(position), 0) from collector.feed) + n, seq, stored from dated join collector.messages on message_id = id order by n`);
}
async function* one(text: string) {
  yield Buffer.from(text);
}
/** The tables that contain the mark. */
async function tablesWith(mark: string): Promise<readonly string[]> {
  const tables = await store.db.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'collector' order by 1`,
  );
  const found = await Promise.all(
    tables.map(({ name }) => store.db.query(`select from collector.${name} t where t::text like $1 limit 1`, [`%${mark}%`])),
  );
  return tables.filter((_, at) => found[at]?.length === 1).map(({ name }) => name);
}

test('one turn leaves nothing of any table, kind and state that is older by the clock of the channel or by ours, and all that is younger', async () => {
  await put('ancient', many, 40);
  await put('belated', 7, 40, 1);
  await put('futuristic', 7, -400, 40);
  await put('young', 7, 2);
  const all = await tablesWith('young');
  const every = await store.db.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'collector' and not (tablename = any ($1)) order by 1`,
    [timeless],
  );
  expect(all).toEqual(every.map(({ name }) => name));
  expect(await tablesWith('ancient')).toEqual(all);
  await turn(days);
  await removeBlobs();
  expect(await tablesWith('ancient')).toEqual([]);
  const hasBlob = async (id: string) => (await blobs.read(id, { offset: 0, length: 1 }, signal)) !== null;
  for (const mark of ['ancient', 'belated', 'futuristic', 'young'])
    expect([mark, await hasBlob(`${mark}1`), await hasBlob(`${mark}5`)]).toEqual([mark, mark === 'young', mark === 'young']);
  const kept = all.filter((table) => table !== 'changed_customers');
  expect(await tablesWith('young')).toEqual(kept);
  expect(await store.db.query(`select from collector.feed where stored_at < now() - interval '30 days'`)).toEqual([]);
  expect(await store.db.query(`select from collector.chats where waiting_since < now() - interval '30 days'`)).toEqual([]);
  const left = async (table: string) => (await store.db.query(`select from collector.${table} t where t::text like '%young%'`)).length;
  expect(await Promise.all(kept.map(async (table) => [table, await left(table)]))).toEqual(
    kept.map((table) => [table, table === 'lexicon' ? 1 : ['chats', 'user_aliases'].includes(table) ? 14 : 7]),
  );
  // Late messages, and those dated in the future, are gone too.
  for (const mark of ['belated', 'futuristic'])
    for (const table of ['messages', 'message_versions', 'voices', 'files', 'lexicon']) expect(await tablesWith(mark)).not.toContain(table);
}, 240_000);

test('other services hear how far back the inbox remembers, and which chats are gone', async () => {
  const told = store.emitted.filter(({ event }) => event === inbox.history_forgotten.address);
  const payloads = told.map(({ payload }) => inbox.history_forgotten.payload.parse(payload));
  expect(new Set(payloads.flatMap(({ chatIds }) => chatIds.filter((id) => id.startsWith('ancient')))).size).toBe(many);
  expect(payloads.flatMap(({ chatIds }) => chatIds.filter((id) => id.startsWith('young')))).toEqual([]);
  for (const { before } of payloads) expect(Date.now() - Date.parse(before)).toBeGreaterThanOrEqual(days.messages * 86_400_000);
});

test('recordings go before their messages, and raw updates with them at the latest', async () => {
  await put('middling', 7, 5);
  const bodies = () => store.db.query(`select body from collector.voices where message_id like 'middling%' and body is not null`);
  expect(await bodies()).toHaveLength(7);
  await turn({ ...days, raw: 3_650 });
  expect(await bodies()).toEqual([]);
  expect(await tablesWith('middling')).toContain('raw_updates');
  await turn({ raw: 3_650, voices: 3_650, files: 3_650, messages: 4 });
  await removeBlobs();
  expect(await tablesWith('middling')).toEqual([]);
});

test('of a file that is erased while its bytes are being stored none stay', async () => {
  await put('hasty', 1, 1);
  await store.db.query(
    `update collector.files set state = 'wanted', kind = 'photo', blob_id = null, next_at = now() where message_id = 'hasty1'`,
  );
  let blobId = '';
  const slow = {
    ...blobs,
    async put(id: string, bytes: AsyncIterable<Uint8Array>) {
      blobId = id;
      await eraseFiles(store.db, ['hasty1']);
      await removeBlobs();
      return blobs.put(id, bytes, signal);
    },
  };
  const intakes = new Map([['telegram', { fetchFile: async () => Buffer.from('hasty') }]]);
  await fetchFiles({ db: store.db, blobs: slow, log, intakes, maxBytes: 1_000 }).turn(signal);
  expect(blobId).not.toBe('');
  expect(await blobs.read(blobId, { offset: 0, length: 9 }, signal)).toBeNull();
  expect(await store.db.query(`select from collector.files where message_id = 'hasty1'`)).toEqual([]);
});

test('who decides things here, and a connection that is in use, stay however old they are', async () => {
  await store.db.query(
    `insert into collector.users (user_id, channel, external_id, name, role, first_seen_at, last_seen_at)
     select role, 'telegram', role, role, role, now() - interval '9 years', now() - interval '9 years' from collector.user_roles where role <> 'client'`,
  );
  await store.db.query(
    `insert into collector.connections (channel, bot_id, connection_id, owner_external_id, is_usable, established_at, change, changed_at)
     values ('telegram', '1', 'in use', '1', true, now() - interval '9 years', 1, now() - interval '9 years')`,
  );
  await turn(days);
  expect(await store.db.query(`select from collector.users where role <> 'client'`)).toHaveLength(5);
  expect(await tablesWith('in use')).toEqual(['connections']);
});
