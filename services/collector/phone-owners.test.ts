import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import type { PayloadOf } from '../../contracts/kit/define.ts';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { emptied, start, type Written, writeTo } from './fixture.ts';
import { setAssigned } from './rows/assigned.ts';
import { moveChats } from './rows/chats.ts';
import { setRole } from './rows/customers.ts';
import { erase } from './rows/erase.ts';
import { importMessages, importPeople } from './rows/import.ts';
import { movePerson } from './rows/people.ts';
import { reportPhoneOwners } from './rows/phone-owners.ts';
import { forgetEmptyChats, oldMessages, oldPeople } from './rows/retention.ts';

const [phone, other] = ['+79990000001', '+79990000002'];
let it: TestStore;
beforeAll(async () => {
  it = await testStore();
});
beforeEach(() =>
  emptied(
    it.db,
    'journal.events, collector.chats, collector.users, collector.user_aliases, collector.changed_customers, collector.reported_customers',
  ),
);
afterAll(() => it.close());

const write = (...written: readonly Written[]) => writeTo(it, ...written);
const idOf = async (what: 'chat' | 'user', externalId: string) =>
  (await it.db.query<{ id: string }>(`select ${what}_id as id from collector.${what}s where external_id = $1`, [externalId]))[0]?.id ?? '';
const assign = async (chat: string, personId: string | null) => {
  const chatId = await idOf('chat', chat);
  await it.commit((tx) => setAssigned(tx, [chatId], personId, null));
};
/** The reports of what has changed since the last call: phone and people of each customer. */
async function reported(): Promise<readonly (readonly [string | null, readonly string[]])[]> {
  it.emitted.length = 0;
  while ((await it.commit((tx) => reportPhoneOwners(tx, 100))) > 0);
  return it.emitted
    .filter(({ event }) => event === inbox.phone_owners_changed.address)
    .map(({ payload }) => payload as PayloadOf<typeof inbox.phone_owners_changed>)
    .map(({ phoneNumber, personIds }) => [phoneNumber, personIds]);
}

test('a customer of whose chats nobody is in charge is reported neither when they write nor when they go', async () => {
  await write({ text: 'раз', phone }, { text: 'два', phone: other }, { text: 'три', chat: '7', from: '7' });
  expect(await reported()).toEqual([]);
  await it.db.query('delete from collector.messages');
  await it.db.query('delete from collector.users');
  expect(await reported()).toEqual([]);
});

test('an assignment is reported with the phone, once however often it is made, and so is its end', async () => {
  await write({ text: 'вопрос', phone });
  await assign('42', 'anna');
  await assign('42', 'anna');
  expect(await reported()).toEqual([[phone, ['anna']]]);
  expect(await reported()).toEqual([]);
  await assign('42', 'boris');
  expect(await reported()).toEqual([[phone, ['boris']]]);
  await assign('42', null);
  expect(await reported()).toEqual([[null, []]]);
});

test('everybody in charge of one of the chats in which the customer wrote is reported', async () => {
  await write({ text: 'в одном', chat: '1', phone }, { text: 'в другом', chat: '2', phone });
  await assign('1', 'anna');
  await assign('2', 'boris');
  expect(await reported()).toEqual([[phone, ['anna', 'boris']]]);
});

/** Each makes one change of a chat of anna with the phone; the reports that follow. */
const changes: Readonly<Record<string, readonly [change: () => Promise<unknown>, expected: readonly unknown[]]>> = {
  'a phone that becomes known': [
    async () => {
      await write({ text: 'без телефона', chat: '5', from: '5' });
      await assign('5', 'vera');
      expect(await reported()).toEqual([]);
      await write({ text: 'мой телефон', chat: '5', from: '5', phone: other });
    },
    [[other, ['vera']]],
  ],
  'another phone of the customer': [() => write({ text: 'теперь этот', phone: other }), [[other, ['anna']]]],
  'a message of the customer in another chat with somebody in charge': [
    async () => {
      await write({ text: 'привет', chat: '5', from: '5' });
      await assign('5', 'vera');
      await write({ text: 'и я', chat: '5' });
    },
    [[phone, ['anna', 'vera']]],
  ],
  'a role of the staff': [() => idOf('user', '42').then((id) => it.commit((tx) => setRole(tx, id, 'manager'))), [[null, []]]],
  'an erasure': [() => idOf('user', '42').then((customerId) => it.commit((tx) => erase(tx, { customerId }, new Map()))), [[null, []]]],
  'a merge of their chat into that of another person': [
    async () => {
      await write({ text: 'новый номер', chat: '43', from: '43' });
      const move = { from: '42', to: { externalId: '43', phoneNumber: other }, isFormer: true } as const;
      await it.commit(async (tx) => {
        await moveChats(tx, 'telegram', move);
        await movePerson(tx, 'telegram', move);
      });
      await write({ text: 'мой телефон', chat: '43', from: '43', phone: other });
    },
    [
      [null, []],
      [other, ['anna']],
    ],
  ],
  'a change of the id under which a channel knows the customer': [
    () => it.commit((tx) => movePerson(tx, 'telegram', { from: '42', to: { externalId: '44', phoneNumber: other }, isFormer: true })),
    [[other, ['anna']]],
  ],
  'an imported history': [
    async () => {
      const at = new Date(start);
      const bot = { channel: 'telegram', botId: '7001' } as const;
      const { ids } = await it.commit((tx) =>
        importPeople(tx, 'telegram', [{ externalId: '9', name: 'Пётр', username: null, phone: other, role: 'client', at }]),
      );
      const chatId = await idOf('chat', '42');
      const past = { externalId: 'old', chatId, sender: ids.get('9') ?? '', kind: 'text', text: 'раньше', transcript: null, replyTo: null };
      await it.commit((tx) => importMessages(tx, bot, [{ ...past, at } as Parameters<typeof importMessages>[2][number]]));
    },
    [[other, ['anna']]],
  ],
  'a forgotten history': [
    async () => {
      const before = new Date(Date.now() + 86_400_000);
      for (const sql of [oldMessages, oldPeople]) await it.db.query(sql, [before, 100]);
      await forgetEmptyChats(it.commit, before);
    },
    [[null, []]],
  ],
};
test.each(Object.keys(changes))('%s is reported', async (name) => {
  await write({ text: 'вопрос', phone });
  await assign('42', 'anna');
  expect(await reported()).toEqual([[phone, ['anna']]]);
  const [change, expected] = changes[name] ?? [];
  await change?.();
  const found = await reported();
  expect(found).toHaveLength(expected?.length ?? 0);
  expect(found).toEqual(expect.arrayContaining([...(expected ?? [])]));
});

test('what was assigned before the reports began is reported after the upgrade', async () => {
  await write({ text: 'раз', phone }, { text: 'два', chat: '7', from: '7', phone: other });
  await assign('42', 'anna');
  await it.db.query('delete from collector.changed_customers');
  const sql = await readFile(new URL('./migrations/0027_phone_owners.sql', import.meta.url), 'utf8');
  await it.db.query(sql.slice(sql.lastIndexOf('insert into')));
  expect(await reported()).toEqual([[phone, ['anna']]]);
});

test('after an erasure, neither the reports nor what is noted for them has the phone', async () => {
  await write({ text: 'вопрос', phone });
  await assign('42', 'anna');
  await reported();
  const customerId = await idOf('user', '42');
  await it.commit((tx) => erase(tx, { customerId }, new Map()));
  await reported();
  const kept = await it.db.query(
    `select payload::text as text from journal.events union all select customer_id from collector.reported_customers
     union all select customer_id from collector.changed_customers`,
  );
  expect(JSON.stringify(kept)).not.toContain(phone.slice(1));
});

test('a repeated erasure is reported again, since it deletes the report of the first', async () => {
  await write({ text: 'вопрос', phone });
  await assign('42', 'anna');
  const customerId = await idOf('user', '42');
  for (const _ of [1, 2]) {
    await it.commit((tx) => erase(tx, { customerId }, new Map()));
    expect(await reported()).toEqual([[null, []]]);
    expect(await it.db.query(`select from journal.events where event = $1`, [inbox.phone_owners_changed.address])).toHaveLength(1);
  }
});

test('of two changes that are made at the same time, the last report has both', async () => {
  await write({ text: 'в одном', chat: '1', phone }, { text: 'в другом', chat: '2', phone });
  const [first, second] = [await idOf('chat', '1'), await idOf('chat', '2')];
  const gate = Promise.withResolvers<void>();
  const slow = it.commit(async (tx) => {
    await setAssigned(tx, [first], 'anna', null);
    await gate.promise;
  });
  await it.commit((tx) => setAssigned(tx, [second], 'boris', null));
  const during = await reported();
  gate.resolve();
  await slow;
  expect([during, await reported()]).toEqual([[[phone, ['boris']]], [[phone, ['anna', 'boris']]]]);
});

test('two processes take turns', async () => {
  await write({ text: 'вопрос', phone });
  await assign('42', 'anna');
  const counts = await it.commit(async (tx) => [
    await reportPhoneOwners(tx, 100),
    await it.commit((meanwhile) => reportPhoneOwners(meanwhile, 100)),
  ]);
  expect(counts).toEqual([2, 0]);
});
