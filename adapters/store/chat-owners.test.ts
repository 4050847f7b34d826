import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { chatOwners } from './chat-owners.ts';
import { journalAdmin } from './journal-admin.ts';

let it: TestStore;
beforeAll(async () => {
  it = await testStore();
});
afterAll(() => it.close());

const day = (n: number): string => `2026-11-0${n}T09:00:00.000Z`;
/** Every table that copies whose a chat is, and how it is told. */
const copies: readonly (readonly [string, (...of: readonly [chatId: string, personId: string | null, at: string]) => Promise<void>])[] = [
  ...['gateway.chat_owners', 'dialog_orchestrator.assigned_chats', 'intent_classifier.assigned_chats'].map(
    (table) => [table, (...of: readonly [string, string | null, string]) => chatOwners(table).set(it.db, ...of)] as const,
  ),
  ['journal.chat_owners', (...of) => journalAdmin(it.db as never).assign(it.db, ...of)],
];

test('these are all tables that copy whose a chat is', async () => {
  const found = await it.db.query<{ name: string }>(
    `select table_schema || '.' || table_name as name from information_schema.columns
     where column_name = 'person_id' and (table_schema, table_name) in (select table_schema, table_name from information_schema.columns where column_name = 'chat_id')
       and table_schema <> 'collector' order by 1`,
  );
  expect(found.map(({ name }) => name)).toEqual(copies.map(([table]) => table).sort());
});

test.each(copies)(
  '%s: an assignment that is handled after a later one has no effect, also when that one left the chat to nobody',
  async (table, assign) => {
    const ownerOf = async (chatId: string) => (await chatOwners(table).of(it.db, [chatId])).get(chatId);
    await assign('c1', 'anna', day(2));
    await assign('c1', 'boris', day(1));
    expect(await ownerOf('c1')).toBe('anna');
    await assign('c1', null, day(4));
    await assign('c1', 'boris', day(3));
    expect(await ownerOf('c1')).toBeUndefined();
    await assign('c1', 'boris', day(5));
    expect(await ownerOf('c1')).toBe('boris');
    await chatOwners(table).forget(it.db, ['c1']);
    expect(await ownerOf('c1')).toBeUndefined();
  },
);
