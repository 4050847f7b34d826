import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openPostgres, type Postgres } from '../../../adapters/store/postgres.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { commandEnv, ended, type Said } from '../../../test/kit/checkout.ts';
import { type TestDatabase, testDatabase } from '../../../test/kit/database.ts';

let database: TestDatabase;
let db: Postgres;
beforeAll(async () => {
  database = await testDatabase();
  db = openPostgres({ url: database.url, name: 'test', log: quiet, connections: 1 });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

function polyb(env: Record<string, string>, ...words: readonly string[]): Promise<Said> {
  const program = join(import.meta.dirname, '../../../scripts/polyb.js');
  return ended(spawn(process.execPath, [program, ...words], { env: { ...commandEnv(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] }));
}

test('messages are found by the words that are asked for, and a repeat has nothing to do', async () => {
  await db.query(
    `insert into collector.chats (chat_id, channel, bot_id, external_id, kind) values ('chat', 'telegram', '1', '1', 'private')`,
  );
  await db.query(
    `insert into collector.messages (message_id, channel, bot_id, chat_external_id, external_id, chat_id, direction, kind, text, is_forwarded, sent_at)
     values ('msg_1', 'telegram', '1', '1', '1', 'chat', 'in', 'text', 'розочки', false, now())`,
  );
  const [{ words } = { words: '' }] = await db.query<{ words: string }>('select collector.words_in_use() as words');
  const isHunspellThere = words === 'hunspell';
  const went = async (...flags: readonly string[]) =>
    JSON.parse((await polyb({ DATABASE_URL: database.url }, 'inbox', 'reindex', ...flags)).stdout);
  expect(await went('--words', 'stems')).toEqual({ words: 'stems', messages: isHunspellThere ? 1 : 0 });
  expect(await db.query('select fts::text from collector.messages')).toEqual([{ fts: `'розочк':1` }]);
  expect(await went()).toEqual({ words, messages: isHunspellThere ? 1 : 0 });
  expect(await went()).toEqual({ words, messages: 0 });
});

test('without a database it says how to get one', async () => {
  const said = await polyb({ DATABASE_URL: '' }, 'inbox', 'reindex');
  expect([said.status, said.stderr]).toEqual([1, expect.stringContaining('polyb up')]);
});
