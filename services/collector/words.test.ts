import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type World, world } from '../../test/kit/world.ts';
import { searchMessages } from './rows/messages.ts';
import { reindex, stateOfWords } from './rows/words.ts';

let here: World;
let isHunspellThere: boolean;
beforeAll(async () => {
  here = await world();
  ({ isHunspellThere } = await stateOfWords(here.store));
});
afterAll(() => here.stop());
beforeEach(async () => {
  await here.store.query('truncate collector.chats, collector.reindexing cascade');
  await here.store.query(
    `insert into collector.chats (chat_id, channel, bot_id, external_id, kind) values ('chat', 'telegram', '1', '1', 'private')`,
  );
});

async function write(from: number, to: number, text: string): Promise<void> {
  await here.store.query(
    `insert into collector.messages
       (message_id, channel, bot_id, chat_external_id, external_id, chat_id, direction, kind, text, is_forwarded, sent_at)
     select 'msg_' || n, 'telegram', '1', '1', n::text, 'chat', 'in', 'text', $3, false, timestamptz '2026-05-05' + n * interval '1 second'
     from generate_series($1::int, $2::int) n`,
    [from, to, text],
  );
}
/** By words alone: quotes want no likeness. */
const found = async (word: string) =>
  (await here.store.transaction((tx) => searchMessages(tx, `"${word}"`, {}, { limit: 5 }))).items.map(({ messageId }) => messageId);
const vectors = () => here.store.query<{ fts: string }>(`select fts::text from collector.messages order by seq`);

test('words go over to stems and back, and messages of before are found by those of now', async () => {
  await write(1, 1_200, 'Красивые розочки');
  const before = await vectors();
  const all: number[] = [];
  expect(await reindex(here.store, 'stems', { progress: (done) => all.push(done) })).toBe(isHunspellThere ? 1_200 : 0);
  if (isHunspellThere) expect(all).toEqual([1_000, 1_200, 1_200]);
  expect(await stateOfWords(here.store)).toEqual({ inUse: 'stems', isHunspellThere, behind: 0 });
  expect(new Set((await vectors()).map(({ fts }) => fts))).toEqual(new Set(["'красив':1 'розочк':2"]));
  expect(await found('розочка')).toHaveLength(5);
  if (!isHunspellThere) return;
  await reindex(here.store, 'hunspell');
  expect([await stateOfWords(here.store), await vectors()]).toEqual([{ inUse: 'hunspell', isHunspellThere, behind: 0 }, before]);
  expect(await reindex(here.store, 'hunspell')).toBe(0);
});

test('one that was ended half-way goes on where it stood, the youngest first, and what comes meanwhile is found', async () => {
  const other = isHunspellThere ? 'stems' : 'hunspell';
  if (other === 'hunspell') return; // nothing to change to
  await write(1, 1_200, 'розы');
  const ended = new AbortController();
  await expect(reindex(here.store, other, { signal: ended.signal, progress: () => ended.abort(new Error('ended')) })).rejects.toThrow(
    'ended',
  );
  expect(await stateOfWords(here.store)).toMatchObject({ inUse: other, behind: 200 });
  await write(1_201, 1_201, 'розы');
  expect((await found('роза'))[0]).toBe('msg_1201');
  expect(await reindex(here.store, other)).toBe(200);
  expect(await stateOfWords(here.store)).toMatchObject({ behind: 0 });
  await reindex(here.store, 'hunspell');
});

test('a typing error is likened to words as they are searched now', async () => {
  await write(1, 1, 'белая орхидея');
  await reindex(here.store, 'stems');
  const items = async () => (await here.store.transaction((tx) => searchMessages(tx, 'орхедея', {}, { limit: 5 }))).items;
  expect(await items()).toHaveLength(isHunspellThere ? 1 : 0);
  if (isHunspellThere) await reindex(here.store, 'hunspell');
});

const migration = (file: string) => readFile(new URL(`./migrations/${file}`, import.meta.url), 'utf8');
/** The statement of the migration after which messages that are there have to follow. */
async function askForReindexing(): Promise<string> {
  const sql = await migration('0005_spellings.sql');
  return sql.slice(sql.indexOf('insert into collector.reindexing'));
}

test('messages of a database of before are found by parts of numbers once they were reindexed', async () => {
  const functions = await migration('functions.sql');
  await here.store.query(
    `create or replace function collector.words(given text) returns tsvector language sql immutable strict parallel safe
       as $$ select collector.plain_words(given) $$`,
  );
  await write(1, 3, 'мой номер 8 (921) 555-01-23');
  await here.store.session(async (session) => session.run(`${await askForReindexing()}; ${functions}`));
  const items = async () => (await here.store.transaction((tx) => searchMessages(tx, '5550123', {}, { limit: 5 }))).items;
  const { inUse, behind } = await stateOfWords(here.store);
  expect([behind, await items()]).toEqual([3, []]);
  expect(await reindex(here.store, inUse)).toBe(3);
  expect(await items()).toHaveLength(3);
});

test('a database without messages has none to reindex', async () => {
  await here.store.query(await askForReindexing());
  expect(await here.store.query('select * from collector.reindexing')).toEqual([]);
});
