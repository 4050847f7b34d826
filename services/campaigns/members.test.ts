import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { campaigns } from '../../contracts/campaigns.ts';
import { inbox } from '../../contracts/inbox.ts';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { fixture } from './fixture.ts';
import { forgetCampaigns } from './rows.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());
const consent = 'договор 17';
const phone = '+74951234567';

test('bad members are named by line and field, never by value, and the others are added', async () => {
  const on = await fixture(store);
  const campaignId = await on.create();
  const added = await on.ask(campaigns.add_members, {
    campaignId,
    members: [
      { line: 2, phoneNumber: '8 (495) 123-45-67', name: '  Иван ', consent },
      { line: 3, phoneNumber: 'дом 5', consent },
      { line: 4, phoneNumber: '+74951234568', timeZone: 'Мордор', consent },
      { line: 7, phoneNumber: '+74951234569', name: 'я'.repeat(101), consent },
      { line: 8, phoneNumber: phone, consent },
      { line: 9, phoneNumber: '+74951234560', name: '', timeZone: ' ', consent },
      { line: 10, phoneNumber: '+74951234561' },
    ],
  });
  expect(added).toEqual({
    added: 3,
    updated: 0,
    repeated: 1,
    held: 1,
    errors: [
      { line: 3, field: 'phoneNumber', expected: 'a phone in E.164, e.g. +79995553322' },
      { line: 4, field: 'timeZone', expected: 'an IANA time zone, e.g. Europe/Moscow' },
      { line: 7, field: 'name', expected: '1 to 100 characters' },
    ],
  });
  expect(await on.member(campaignId, phone)).toMatchObject({ name: 'Иван', state: 'waiting', timeZone: null });
});

test('the same members twice are added once, and what a member has stays', async () => {
  const on = await fixture(store);
  const campaignId = await on.create();
  const members = [{ phoneNumber: phone, name: 'Иван', consent }];
  expect(await on.ask(campaigns.add_members, { campaignId, members })).toMatchObject({ added: 1, repeated: 0 });
  expect(await on.ask(campaigns.add_members, { campaignId, members })).toMatchObject({ added: 0, repeated: 1 });
  const other = [{ phoneNumber: phone, name: 'Пётр', leadId: 'lead_1', consent: 'иное' }];
  expect(await on.ask(campaigns.add_members, { campaignId, members: other })).toMatchObject({ updated: 1 });
  expect(await on.member(campaignId, phone)).toMatchObject({ name: 'Иван', consent, leadId: 'lead_1' });
});

test('a campaign without a member that may be called does not begin', async () => {
  const on = await fixture(store);
  const campaignId = await on.create({}, [{ phoneNumber: phone }]);
  await expect(on.ask(campaigns.start_campaign, { campaignId })).rejects.toMatchObject({ reason: 'no_members' });
  await expect(on.ask(campaigns.start_campaign, { campaignId: 'cmp_0' })).rejects.toMatchObject({ code: 'not_found' });
});

test('members and campaigns are read page by page', async () => {
  const on = await fixture(store);
  const phones = Array.from({ length: 5 }, (_, n) => `+7495123450${n}`);
  const ids = [
    await on.create(),
    await on.create(),
    await on.create(
      {},
      phones.map((phoneNumber) => ({ phoneNumber, consent })),
    ),
  ];
  const pages = async <T>(read: (cursor: { cursor?: string }) => Promise<{ items: readonly T[]; nextCursor: string | null }>) => {
    const seen: T[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await read(cursor ? { cursor } : {});
      seen.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return seen;
  };
  const members = await pages((more) => on.ask(campaigns.list_members, { campaignId: ids[2] ?? '', limit: 2, ...more }));
  expect(members.map(({ phoneNumber }) => phoneNumber)).toEqual(phones);
  const found = await pages((more) => on.ask(campaigns.list_campaigns, { limit: 2, ...more }));
  expect(found.map(({ campaignId }) => campaignId)).toEqual(ids.toReversed());
  expect((await on.ask(campaigns.list_campaigns, { state: 'running' })).items).toEqual([]);
  await expect(on.ask(campaigns.list_campaigns, { cursor: '1 or true' })).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('a manager sees the members of their own clients and of nobody, a director all', async () => {
  const on = await fixture(store);
  const [own, other, nobody] = ['+74951234561', '+74951234562', '+74951234563'];
  const campaignId = await on.create(
    {},
    [own, other, nobody].map((phoneNumber = '') => ({ phoneNumber, consent })),
  );
  await on.inCharge('c1', own ?? null, ['anna']);
  await on.inCharge('c2', other ?? null, ['boris']);
  const seen = async (role: 'manager' | 'director') =>
    (await on.ask(campaigns.list_members, { campaignId, viewer: { personId: 'anna', role } })).items.map(({ phoneNumber }) => phoneNumber);
  expect(await seen('manager')).toEqual([own, nobody]);
  expect(await seen('director')).toEqual([own, other, nobody]);
});

test('an erased customer leaves every campaign, and a call that has not begun is not made', async () => {
  const on = await fixture(store);
  await on.inCharge('c1', phone, ['anna']);
  await on.inCharge('c1', null, []);
  const campaignId = await on.started({ inFlight: 1 }, [
    { phoneNumber: phone, name: 'Канарейка', consent },
    { phoneNumber: '+74951234568', consent },
  ]);
  const key = on.sent[0]?.key ?? '';
  const at = '2026-05-05T09:00:00.000Z';
  await on.consume(inbox.person_erased.address, { customerId: 'c1', userId: 'c1', chatIds: [], messageIds: [], at });
  expect(await on.member(campaignId, phone)).toBeUndefined();
  expect((await on.rows(key)).map(({ state }) => state)).not.toContain('queued');
  for (const table of ['campaigns.members', 'campaigns.attempts', 'campaigns.phone_owners', 'journal.rows'])
    expect([table, JSON.stringify(await store.db.query(`select * from ${table}`)).includes(phone.slice(1))]).toEqual([table, false]);
  await on.dispatch();
  expect(on.dialled()).toEqual([phone, '+74951234568']);
});

test('a phone that another customer has too is erased only by its own method', async () => {
  const on = await fixture(store);
  await on.inCharge('c1', phone, ['anna']);
  await on.inCharge('c2', phone, ['boris']);
  const campaignId = await on.create({}, [{ phoneNumber: phone, consent }]);
  const at = '2026-05-05T09:00:00.000Z';
  await on.consume(inbox.person_erased.address, { customerId: 'c1', userId: 'c1', chatIds: [], messageIds: [], at });
  expect(await on.member(campaignId, phone)).toBeDefined();
  expect(await on.ask(campaigns.erase_members, { phoneNumber: phone })).toEqual({ erased: 1 });
  expect(await on.ask(campaigns.erase_members, { phoneNumber: phone })).toEqual({ erased: 0 });
});

test('a campaign and its members are deleted some time after its end, and no other', async () => {
  const on = await fixture(store);
  const ids = [await on.create({}, [{ phoneNumber: phone, consent }]), await on.create({}, [{ phoneNumber: phone, consent }])];
  await on.ask(campaigns.stop_campaign, { campaignId: ids[0] ?? '' });
  await on.dispatch();
  const signal = AbortSignal.timeout(60_000);
  await forgetCampaigns(store.db, new Date(on.clock.ms), signal);
  expect((await on.ask(campaigns.list_campaigns, {})).items).toHaveLength(2);
  await forgetCampaigns(store.db, new Date(on.clock.ms + 1), signal);
  expect((await on.ask(campaigns.list_campaigns, {})).items.map(({ campaignId }) => campaignId)).toEqual([ids[1]]);
  expect(await store.db.query('select from campaigns.members')).toHaveLength(1);
});
