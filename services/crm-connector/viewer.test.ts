import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { memoryBooking } from '../../adapters/booking/memory.ts';
import { memoryCrm } from '../../adapters/crm/memory.ts';
import type { About } from '../../adapters/crm/port.ts';
import type { Context, Handler, Parts } from '../../bus/service.ts';
import { createHealth } from '../../bus/telemetry/dependencies.ts';
import { booking } from '../../contracts/booking.ts';
import { crm } from '../../contracts/crm.ts';
import type { Method, OutputOf } from '../../contracts/kit/define.ts';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { phonesInCrm } from './phone-owners.ts';
import service from './service.ts';

const phones = { own: '+79990000001', other: '+79990000002', nobody: '+79990000003' } as const;
const viewer = { personId: 'anna', role: 'manager' } as const;
const at = '2026-05-05T09:00:00.000Z';
let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
beforeEach(async () => {
  await store.db.query('delete from crm_connector.phone_owners');
  await phonesInCrm.set(store.db, { customerId: 'c1', phoneNumber: phones.own, personIds: ['anna', 'vera'], at });
  await phonesInCrm.set(store.db, { customerId: 'c2', phoneNumber: phones.other, personIds: ['boris'], at });
});
afterAll(() => store.close());

async function serving(picked: { readonly crm?: object; readonly booking?: object }) {
  const vendors = {
    crm: new Map([['main', picked.crm ?? memoryCrm({ now: Date.now })]]),
    booking: new Map([['main', picked.booking ?? memoryBooking({ now: Date.now })]]),
  };
  const bus = { health: createHealth(Date.now) };
  const parts = { settings: service.settings.parse({}), vendors, bus, db: store.db, now: Date.now };
  const handlers = (await service.make(parts as unknown as Parts<never, never>)) as unknown as Record<string, Record<string, Handler>>;
  const { signal } = new AbortController();
  return async <M extends Method>(method: M, input: object): Promise<OutputOf<M>> => {
    const output = await handlers[method.service]?.[method.name]?.(method.input.parse(input), { signal } as Context);
    return method.output.parse(output) as OutputOf<M>;
  };
}
/** A CRM with leads of these phones, newest first, that counts its pages. */
function crmWith(...phoneNumbers: readonly (string | null)[]) {
  const leads = phoneNumbers.map((phoneNumber, n) => ({
    ...{ leadId: `l${n}`, contactId: null, name: `Клиент ${n}`, phoneNumber, status: 'new', statusName: null },
    ...{ source: null, comment: null, createdAt: at },
  }));
  const pages: number[] = [];
  const adapter = {
    ...memoryCrm({ now: Date.now }),
    async listLeads({ limit, cursor }: { readonly limit: number; readonly cursor?: string }) {
      pages.push(limit);
      const from = Number(cursor ?? 0);
      const isMore = leads.length > from + limit;
      return { items: leads.slice(from, from + limit), nextCursor: isMore ? String(from + limit) : null };
    },
  };
  return { adapter, pages };
}
const idsIn = ({ items }: OutputOf<typeof crm.list_leads>) => items.map(({ leadId }) => leadId);

test('a list of leads shows a manager those of their clients, of nobody’s and without a phone, in any spelling', async () => {
  const ask = await serving({ crm: crmWith(phones.own, phones.other, phones.nobody, null, '8 (999) 000-00-02').adapter });
  expect(idsIn(await ask(crm.list_leads, { viewer }))).toEqual(['l0', 'l2', 'l3']);
  for (const look of [{}, { viewer: { personId: 'anna', role: 'director' } }, { viewer: { personId: 'boris', role: 'operator' } }])
    expect(idsIn(await ask(crm.list_leads, look))).toEqual(['l0', 'l1', 'l2', 'l3', 'l4']);
});

test('a lead whose contact has phones that the CRM does not give with it is shown to no manager', async () => {
  const { adapter } = crmWith(phones.own);
  const lead = { leadId: 'hidden', contactId: 'k1', name: 'Клиент', phoneNumber: null, status: 'new', statusName: null };
  const listed = {
    ...adapter,
    listLeads: async () => ({ items: [{ ...lead, source: null, comment: null, createdAt: at }], nextCursor: null }),
  };
  const ask = await serving({ crm: listed });
  expect([idsIn(await ask(crm.list_leads, { viewer })), idsIn(await ask(crm.list_leads, {}))]).toEqual([[], ['hidden']]);
});

test('deals and tasks of a phone are those of all its contacts, tasks also of its leads and deals, open ones by their due time first', async () => {
  const adapter = memoryCrm({ now: Date.now });
  const ask = await serving({ crm: adapter });
  const { signal } = new AbortController();
  const [one, two] = ['Анна', 'Ольга'].map((firstName) =>
    adapter.addContact({ firstName, lastName: null, phones: [phones.own], email: null, timeZone: null }),
  ) as [string, string];
  const made = (n: number) => ({ ref: `r${n}`, signal });
  const deal = (contactId: string, n: number) =>
    adapter.createDeal.attempt({ contactId, title: `Сделка ${n}`, amount: { amountMinor: 1, currency: 'RUB' }, closeAt: at }, made(n));
  const { dealId } = await deal(one, 1);
  await deal(two, 2);
  await deal(adapter.addContact({ firstName: 'Иван', lastName: null, phones: [phones.other], email: null, timeZone: null }), 3);
  const { leadId } = await adapter.createLead.attempt(
    { contactId: two, firstName: 'Ольга', phoneNumber: phones.own, source: 'website', reuseHours: 0 },
    made(4),
  );
  const task = (about: About, day: number) =>
    adapter.createTask.attempt({ about, subject: `Дело ${day}`, dueAt: `2026-05-0${day}T09:00:00.000Z` }, made(10 + day));
  await task({ kind: 'contact', id: one }, 3);
  await task({ kind: 'lead', id: leadId }, 1);
  await task({ kind: 'deal', id: dealId }, 2);
  const deals = await ask(crm.list_deals, { phoneNumber: phones.own });
  expect([deals.items.map(({ title }) => title).sort(), deals.isMore]).toEqual([['Сделка 1', 'Сделка 2'], false]);
  expect((await ask(crm.list_deals, { phoneNumber: phones.own, limit: 1 })).isMore).toBe(true);
  const tasks = await ask(crm.list_tasks, { phoneNumber: phones.own });
  expect(tasks.items.map(({ subject }) => subject)).toEqual(['Дело 1', 'Дело 2', 'Дело 3']);
  await expect(ask(crm.list_deals, { phoneNumber: phones.nobody })).resolves.toEqual({ items: [], isMore: false });
  const bare = await serving({ crm: { ...adapter, listDeals: undefined } });
  await expect(bare(crm.list_deals, { phoneNumber: phones.own })).rejects.toMatchObject({ code: 'unimplemented', reason: 'unsupported' });
});

test('pages of a manager are full, and leave out and repeat nothing', async () => {
  const { adapter } = crmWith(...Array.from({ length: 20 }, (_, n) => (n % 3 === 0 ? phones.own : phones.other)));
  const ask = await serving({ crm: adapter });
  const first = await ask(crm.list_leads, { viewer, limit: 4 });
  const second = await ask(crm.list_leads, { viewer, limit: 4, cursor: first.nextCursor });
  expect([idsIn(first), idsIn(second), second.nextCursor]).toEqual([['l0', 'l3', 'l6', 'l9'], ['l12', 'l15', 'l18'], null]);
});

test('a manager who sees few of many leads is shown a short page and its continuation after ten pages of the CRM', async () => {
  const { adapter, pages } = crmWith(...Array.from({ length: 25 }, () => phones.other), phones.own);
  const ask = await serving({ crm: adapter });
  const first = await ask(crm.list_leads, { viewer, limit: 2 });
  expect([first, pages.length]).toEqual([{ items: [], nextCursor: '20' }, 10]);
  expect(idsIn(await ask(crm.list_leads, { viewer, limit: 2, cursor: '20' }))).toEqual(['l25']);
});

test('a list of appointments shows a manager those of their clients and of nobody’s', async () => {
  const appointments = [phones.own, phones.other, phones.nobody, null].map((phoneNumber, n) => ({
    ...{ appointmentId: `a${n}`, clientId: `c${n}`, clientName: `Клиент ${n}`, phoneNumber, serviceIds: [], employeeId: null },
    ...{ employeeName: null, start: '2026-05-05T12:00:00+03:00', durationMinutes: 60, status: 'booked', comment: null },
  }));
  const ask = await serving({ booking: { ...memoryBooking({ now: Date.now }), listAppointments: async () => appointments } });
  const listed = async (look: object) =>
    (await ask(booking.list_appointments, { from: '2026-05-05', ...look })).appointments.map(({ appointmentId }) => appointmentId);
  expect(await listed({ viewer })).toEqual(['a0', 'a2', 'a3']);
  expect(await listed({})).toEqual(['a0', 'a1', 'a2', 'a3']);
});
