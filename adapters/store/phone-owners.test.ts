import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { isHidden, phoneOwners } from './phone-owners.ts';

const tables = [
  'call_orchestrator.phone_owners',
  'campaigns.phone_owners',
  'crm_connector.phone_owners',
  'gateway.phone_owners',
  'journal.phone_owners',
];
const day = (n: number): string => `2026-11-0${n}T09:00:00.000Z`;
const [phone, other] = ['+79990000001', '+79990000002'];
let it: TestStore;
beforeAll(async () => {
  it = await testStore();
});
beforeEach(async () => {
  for (const table of tables) await it.db.query(`delete from ${table}`);
});
afterAll(() => it.close());

test('these are all tables that copy who is in charge of the chats of a phone', async () => {
  const found = await it.db.query<{ name: string }>(
    `select table_schema || '.' || table_name as name from information_schema.columns where column_name = 'person_ids' order by 1`,
  );
  expect(found.map(({ name }) => name)).toEqual(tables);
});

test.each(tables)(
  '%s: a change that is handled after a later one has no effect, also when that one left nobody in charge',
  async (table) => {
    const owners = phoneOwners(table);
    const set = (personIds: string[], at: number) =>
      owners.set(it.db, { customerId: 'c1', phoneNumber: personIds.length > 0 ? phone : null, personIds, at: day(at) });
    const of = async () => (await owners.of(it.db, [phone])).get(phone);
    expect(await set(['anna'], 2)).toEqual([phone]);
    expect(await set(['boris'], 1)).toEqual([]);
    expect(await of()).toEqual(['anna']);
    expect(await set([], 4)).toEqual([phone]);
    expect(await set(['boris'], 3)).toEqual([]);
    expect(await of()).toBeUndefined();
    await set(['boris'], 5);
    expect(await of()).toEqual(['boris']);
  },
);

test('the people of all customers with one phone are in charge of it, and a customer without people leaves no phone', async () => {
  const owners = phoneOwners(tables[0] ?? '');
  const set = (customerId: string, phoneNumber: string | null, personIds: string[], at: number) =>
    owners.set(it.db, { customerId, phoneNumber, personIds, at: day(at) });
  await set('c1', '8 999 000-00-01', ['boris'], 1);
  await set('c2', phone, ['anna', 'boris'], 1);
  expect(await owners.of(it.db, [phone, other])).toEqual(new Map([[phone, ['anna', 'boris']]]));
  expect(await set('c2', other, ['anna'], 2)).toEqual([phone, other]);
  expect(await owners.of(it.db, [phone, other])).toEqual(
    new Map([
      [phone, ['boris']],
      [other, ['anna']],
    ]),
  );
  await set('c1', null, [], 3);
  await set('c2', null, [], 3);
  expect(await it.db.query('select from call_orchestrator.phone_owners where phone_number is not null')).toEqual([]);
});

test.each([
  [[], false],
  [['anna'], false],
  [['boris', 'anna'], false],
  [['boris'], true],
] as const)('with %j in charge, a phone is hidden from anna: %s', (people, hidden) => {
  expect(isHidden(people, 'anna')).toBe(hidden);
});
