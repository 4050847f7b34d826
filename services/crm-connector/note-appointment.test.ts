import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type MemoryBooking, memoryBooking } from '../../adapters/booking/memory.ts';
import type { FreeSlot } from '../../adapters/booking/port.ts';
import { type AmoFake, amoFake, amoIntegration } from '../../adapters/vendors/amocrm/fake.ts';
import type { Service } from '../../bus/service.ts';
import { booking } from '../../contracts/booking.ts';
import { Company } from '../../contracts/company.ts';
import { connections } from '../../contracts/connections.ts';
import { crm } from '../../contracts/crm.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import salon from './salon.json' with { type: 'json' };
import connector from './service.ts';

let it: World;
let amo: AmoFake;
let vendor: MemoryBooking;
const { signal } = new AbortController();
/** Appointments that the salon does not have any more. */
const deleted = new Set<string>();
/** amoCRM is the primary CRM, a salon takes the appointments. */
beforeAll(async () => {
  it = await world();
  amo = await amoFake({ limit: 1_000 });
  const { company: _, ...system } = memoryBooking({ now: Date.now }, Company.parse({ ...salon, noticeMinutes: 0, holidays: [] }));
  vendor = system;
  const service: Service = {
    ...connector,
    make: (parts) => connector.make({ ...parts, vendors: { ...parts.vendors, booking: new Map([['main', forgetful(vendor)]]) } } as never),
  };
  await it.start('crm-connector', service, {
    CRM_KIND: 'amocrm',
    AMOCRM_SUBDOMAIN: 'fake',
    AMOCRM_URL: amo.url,
    AMOCRM_TOKEN: amoIntegration.token,
    BOOKING_RECONCILE_MS: '1000',
    HTTP_ALLOW_PRIVATE: amo.url,
  });
  await until(async () => (await it.store.query('select 1 from crm_connector.baselines')).length > 0);
});
afterAll(async () => {
  await it.stop();
  await amo.close();
});

/** A salon without what it deleted. */
function forgetful(salonBooking: MemoryBooking): MemoryBooking {
  return {
    ...salonBooking,
    getAppointment: async (id, at) => (deleted.has(id) ? null : salonBooking.getAppointment(id, at)),
    listAppointments: async (query, at) =>
      (await salonBooking.listAppointments(query, at)).filter(({ appointmentId }) => !deleted.has(appointmentId)),
  };
}

const notes = () =>
  amo.records
    .all('notes')
    .map(({ entity_id: contact, params }) => [contact, (params as { readonly text: string }).text.split('\n')[0]] as const);

test('an appointment that was made in the salon is noted at the contact with its phone, and so is its cancellation', async () => {
  const phoneNumber = '+79995553344';
  const { contactId } = await it.bus.call(crm.create_contact, { firstName: 'Анна', lastName: 'Петрова', phoneNumber }, { key: 'known' });
  const clientId = vendor.addClient({ name: 'Анна Иванова', phones: [phoneNumber], email: null, isMasked: false });
  const from = new Date().toISOString().slice(0, 10);
  const [slot] = await vendor.getFreeSlots({ from, days: 20, serviceIds: ['haircut'], employeeId: 'anna' }, signal);
  const { appointmentId, start } = await vendor.bookSlot.attempt(
    { slot: slot as FreeSlot, clientId, client: null, comment: undefined },
    { ref: 'in the salon', signal },
  );
  await until(() => notes().length > 0);
  await vendor.releaseSlot.attempt({ appointmentId, reason: undefined }, { ref: 'cancelled there', signal });
  await until(() => notes().length > 1);
  const [day = '', time = ''] = start.split('T');
  const visit = `Стрижка, ${day.split('-').reverse().join('.')} ${time.slice(0, 5)}, Анна`;
  expect(notes()).toEqual([
    [Number(contactId), `Запись: ${visit}`],
    [Number(contactId), `Запись отменена: ${visit}`],
  ]);
  const { items } = await until(async () => {
    const page = await it.bus.call(connections.differences, {});
    return page.items.length > 0 ? page : null;
  });
  expect(items).toMatchObject([
    { connection: 'main', clientId, contactId, differs: [{ field: 'name', crm: 'Анна Петрова', booking: 'Анна Иванова' }] },
  ]);
  expect(amo.records.all('contacts')).toHaveLength(1);
});

test('a client whom the CRM does not know becomes a contact there, once, with one note', async () => {
  const before = notes().length;
  const { slots } = await it.bus.call(booking.get_free_slots, { serviceIds: ['haircut'], days: 20 });
  const client = { name: 'Новый', phoneNumber: '+79995553345' };
  await it.bus.call(booking.create_appointment, { slotId: slots.at(-1)?.slotId ?? '', client }, { key: 'new' });
  await until(() => notes().length > before);
  await until(async () => (await it.store.query("select 1 from journal.rows where state not in ('done', 'cancelled')")).length === 0);
  expect(notes()).toHaveLength(before + 1);
  const { contacts } = await it.bus.call(crm.find_contact, { phoneNumber: client.phoneNumber });
  expect(contacts).toMatchObject([{ firstName: 'Новый' }]);
});

test('an appointment that the salon deletes instead of cancelling is noted as cancelled, at its time in the salon', async () => {
  const { slots } = await it.bus.call(booking.get_free_slots, { serviceIds: ['haircut'], days: 20 });
  const slot = slots.at(-3);
  const client = { name: 'Олег', phoneNumber: '+79995553346' };
  const before = notes().length;
  const { appointment } = await it.bus.call(booking.create_appointment, { slotId: slot?.slotId ?? '', client }, { key: 'deleted' });
  await until(() => notes().length > before);
  deleted.add(appointment.appointmentId);
  await until(() => notes().length > before + 1);
  const [day = '', time = ''] = appointment.start.split('T');
  const [, text] = notes().at(-1) ?? [];
  expect(text).toBe(`Запись отменена: Стрижка, ${day.split('-').reverse().join('.')} ${time.slice(0, 5)}`);
});
