import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { calls } from '../../contracts/calls.ts';
import type { ParsedOf } from '../../contracts/kit/define.ts';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { until } from '../../test/kit/until.ts';
import { type Fixture, fixture } from './fixture.ts';

const phones = { own: '+79990000001', other: '+79990000002', nobody: '+79990000003', shared: '+79990000004' } as const;
type Whose = keyof typeof phones;
const viewer = { personId: 'anna', role: 'manager' } as const;
type Look = { readonly viewer?: { readonly personId: string; readonly role: 'manager' | 'director' | 'operator' } };

let store: TestStore;
let it: Fixture;
const ids = {} as Record<Whose, string>;
beforeAll(async () => {
  store = await testStore();
});
beforeEach(async () => {
  it = await fixture(store);
  await it.inCharge('c1', phones.own, ['anna']);
  await it.inCharge('c2', phones.other, ['boris']);
  // Two customers with one phone.
  await it.inCharge('c3', phones.shared, ['anna']);
  for (const [whose, phoneNumber] of Object.entries(phones))
    ids[whose as Whose] = (await it.start(whose, { phoneNumber, leadId: `lead_${whose}` })).callId;
  await it.inCharge('c4', phones.shared, ['boris']);
});
afterAll(() => store.close());

const whoseIs = (callId: string) => Object.entries(ids).find(([, id]) => id === callId)?.[0];
const listed = async (look: Look, wanted: Partial<ParsedOf<typeof calls.list_calls>> = {}) => {
  const { items } = await it.ask(calls.list_calls, calls.list_calls.input.parse({ ...wanted, ...look }));
  return items.map(({ callId }) => whoseIs(callId));
};

test.each(['newest', 'attention'] as const)(
  'a list by %s shows a manager the calls to their clients and to those of nobody',
  async (order) => {
    expect(await listed({ viewer }, { order })).toEqual(['shared', 'nobody', 'own']);
    expect(await listed({ viewer: { ...viewer, personId: 'boris' } }, { order })).toEqual(['shared', 'nobody', 'other']);
    expect(await listed({ viewer: { ...viewer, personId: 'vera' } }, { order })).toEqual(['nobody']);
    for (const look of [{}, { viewer: { ...viewer, role: 'director' } }, { viewer: { ...viewer, role: 'operator' } }] as const)
      expect(await listed(look, { order })).toEqual(['shared', 'nobody', 'other', 'own']);
  },
);

test('no filter shows a manager a call to another’s client', async () => {
  for (const wanted of [{ phoneNumber: phones.other }, { leadId: 'lead_other' }]) {
    expect(await listed({ viewer }, wanted)).toEqual([]);
    expect(await listed({}, wanted)).toEqual(['other']);
  }
  for (const callId of Object.values(ids)) await it.leg(callId, 'ended', { outcome: 'busy' });
  for (const wanted of [{ state: 'ended' }, { outcome: 'busy' }, { needsAttention: true }] as const)
    expect(await listed({ viewer }, wanted)).toEqual(['shared', 'nobody', 'own']);
});

test.each(['newest', 'attention'] as const)('pages by %s leave out no call and repeat none', async (order) => {
  const seen: unknown[] = [];
  let cursor: string | null | undefined;
  do {
    const input = calls.list_calls.input.parse({ order, limit: 1, viewer, ...(cursor ? { cursor } : {}) });
    const page = await it.ask(calls.list_calls, input);
    seen.push(...page.items.map(({ callId }) => whoseIs(callId)));
    cursor = page.nextCursor;
  } while (cursor !== null);
  expect(seen).toEqual(['shared', 'nobody', 'own']);
});

test('a call to another’s client is not found by its id', async () => {
  await expect(it.ask(calls.get_call, { callId: ids.other, viewer })).rejects.toMatchObject({ code: 'not_found' });
  for (const whose of ['own', 'nobody', 'shared'] as const)
    expect(await it.ask(calls.get_call, { callId: ids[whose], viewer })).toBeDefined();
  expect(await it.ask(calls.get_call, { callId: ids.other })).toBeDefined();
});

test('totals count what the list shows', async () => {
  for (const whose of ['own', 'other'] as const) await it.leg(ids[whose], 'answered');
  for (const whose of ['shared', 'nobody'] as const) await it.leg(ids[whose], 'ended', { outcome: 'busy' });
  const totals = async (look: Look) => {
    const { answered, needAttention, oldestAt } = await it.ask(calls.call_totals, look);
    return [answered, needAttention, oldestAt !== null];
  };
  expect(await totals({ viewer })).toEqual([1, 2, true]);
  expect(await totals({ viewer: { ...viewer, personId: 'vera' } })).toEqual([0, 1, true]);
  expect(await totals({})).toEqual([2, 2, true]);
});

test('calls follow the phone: to another manager, to nobody, and to the one who comes back; an older report changes nothing', async () => {
  const seen = async () => (await listed({ viewer })).includes('own');
  const steps: readonly (readonly [...Parameters<Fixture['inCharge']>, boolean])[] = [
    ['c1', phones.own, ['boris'], 3, false],
    ['c1', phones.own, ['anna'], 2, false],
    ['c1', null, [], 4, true],
    ['c1', phones.own, ['boris'], 5, false],
    ['c1', phones.nobody, ['boris'], 6, true],
  ];
  for (const [customerId, phone, people, at, isSeen] of steps) {
    await it.inCharge(customerId, phone, people, at);
    expect([at, await seen()]).toEqual([at, isSeen]);
  }
  expect(await listed({ viewer })).not.toContain('nobody');
});

test('a call that is started while the people in charge change is seen by those of afterwards', async () => {
  await it.leg(ids.own, 'ended', { outcome: 'busy' });
  const gate = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const changing = store.commit(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtextextended('polyb calls to ' || $1, 0))`, [phones.own]);
    locked.resolve();
    await gate.promise;
    await tx.query(`update call_orchestrator.phone_owners set person_ids = '{boris}' where customer_id = 'c1'`);
  });
  await locked.promise;
  const starting = it.start('again', { phoneNumber: phones.own });
  const waits = `select from pg_locks where locktype = 'advisory' and not granted`;
  await until(async () => (await store.db.query(waits)).length > 0 || null, 10_000).finally(gate.resolve);
  await changing;
  const { callId } = await starting;
  await expect(it.ask(calls.get_call, { callId, viewer })).rejects.toMatchObject({ code: 'not_found' });
});
