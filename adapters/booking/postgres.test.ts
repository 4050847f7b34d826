import { expect, test } from '@jest/globals';
import { Company } from '../../contracts/company.ts';
import salon from '../../services/crm-connector/salon.json' with { type: 'json' };
import { testStore } from '../../test/kit/store.ts';
import { bookingConformance } from './conformance.ts';
import type { FreeSlot } from './port.ts';
import { postgresBooking } from './postgres.ts';

const now = Date.parse('2026-12-07T06:00:00Z');
const { signal } = new AbortController();

/** A salon of its own, with a way to make clients. */
async function setup() {
  const store = await testStore();
  const booking = postgresBooking({ db: store.db, now: () => now });
  await booking.company?.set(Company.parse(salon));
  let nth = 0;
  const addClient = async ({ name, phones }: { readonly name: string; readonly phones: readonly string[] }) => {
    const [row] = await store.db.query<{ contact_id: string }>(
      `with c as (insert into crm_connector.contacts (first_name) values ($1) returning contact_id),
         p as (insert into crm_connector.contact_phones (contact_id, phone) select contact_id, phone from c, unnest($2::text[]) phone)
       select contact_id from c`,
      [name, phones],
    );
    return row?.contact_id ?? '';
  };
  const book = (slot: FreeSlot, clientId: string) => {
    nth += 1;
    return booking.bookSlot.attempt({ slot, clientId, client: null, comment: undefined }, { ref: `setup-${nth}`, signal });
  };
  return { store, booking, addClient, book };
}

bookingConformance('the built-in booking calendar', async () => {
  const { store, booking, addClient, book } = await setup();
  const somebody = await addClient({ name: 'Walk-in', phones: [] });
  return {
    booking,
    from: '2026-12-08',
    serviceId: 'haircut',
    addClient,
    occupy: async (slot) => void (await book(slot, somebody)),
    stop: store.close,
  };
});

test('of fifty people who want one slot at once one gets it, and forty-nine hear that it is busy', async () => {
  const { store, booking, addClient, book } = await setup();
  try {
    const [slot] = await booking.getFreeSlots({ from: '2026-12-08', days: 1, serviceIds: ['haircut'] }, signal);
    const people = await Promise.all(Array.from({ length: 50 }, (_, nth) => addClient({ name: `Person ${nth}`, phones: [] })));
    const ends = await Promise.allSettled(people.map((clientId) => book(slot as FreeSlot, clientId)));
    const outcomes = ends.map((end) => (end.status === 'fulfilled' ? 'booked' : end.reason.reason));
    expect(outcomes.filter((each) => each === 'booked')).toHaveLength(1);
    expect(outcomes.filter((each) => each === 'slot_busy')).toHaveLength(49);
    expect(await booking.listAppointments({ from: '2026-12-08', days: 1 }, signal)).toHaveLength(1);
  } finally {
    await store.close();
  }
});

test('what an attempt booked is returned to a second attempt under its reference, also while both run', async () => {
  const { store, booking, addClient } = await setup();
  try {
    const [slot] = await booking.getFreeSlots({ from: '2026-12-08', days: 1, serviceIds: ['colouring'] }, signal);
    const clientId = await addClient({ name: 'Anna', phones: [] });
    const attempt = () =>
      booking.bookSlot.attempt({ slot: slot as FreeSlot, clientId, client: null, comment: undefined }, { ref: 'one', signal });
    const made = await Promise.all([attempt(), attempt(), attempt()]);
    expect(new Set([...made, await attempt()].map(({ appointmentId }) => appointmentId)).size).toBe(1);
  } finally {
    await store.close();
  }
});

test('the time after a service that stays free is offered to nobody', async () => {
  const { store, booking, addClient, book } = await setup();
  try {
    const day = { from: '2026-12-08', days: 1 };
    const [colouring] = await booking.getFreeSlots({ ...day, serviceIds: ['colouring'], employeeId: 'anna' }, signal);
    await book(colouring as FreeSlot, await addClient({ name: 'Anna', phones: [] }));
    // 10:00 to 12:00, and a quarter of an hour; starts are half an hour apart.
    const [next] = await booking.getFreeSlots({ ...day, serviceIds: ['haircut'], employeeId: 'anna' }, signal);
    expect(next?.start).toBe('2026-12-08T12:30:00+03:00');
  } finally {
    await store.close();
  }
});

test('a slot outside of the hours that the company has changed meanwhile is busy', async () => {
  const { store, booking, addClient, book } = await setup();
  try {
    const [slot] = await booking.getFreeSlots({ from: '2026-12-08', days: 1, serviceIds: ['haircut'] }, signal);
    await booking.company?.set(Company.parse({ ...salon, holidays: ['2026-12-08'] }));
    await expect(book(slot as FreeSlot, await addClient({ name: 'Anna', phones: [] }))).rejects.toMatchObject({ reason: 'slot_busy' });
  } finally {
    await store.close();
  }
});
