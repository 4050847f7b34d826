import { afterEach, expect, test } from '@jest/globals';
import { vendorWorld } from '../../../test/kit/vendor-deps.ts';
import { bookingConformance } from '../../booking/conformance.ts';
import type { FreeSlot } from '../../booking/port.ts';
import type { SalonFakeOptions } from '../yclients/fake.ts';
import { salonUser } from '../yclients/fake.ts';
import { altegioBooking } from './booking.ts';
import { altegioCrm } from './crm.ts';
import { altegioFake } from './fake.ts';
import { altegioCrmSettings } from './settings.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function setup(options: SalonFakeOptions = {}) {
  const it = await vendorWorld(Date.UTC(2030, 0, 31, 10), (now) => altegioFake({ now, isLimited: false, ...options }));
  const settings = altegioCrmSettings.parse({
    ALTEGIO_URL: `${it.fake.url}/api/v1`,
    ALTEGIO_PARTNER_TOKEN: salonUser.partnerToken,
    ALTEGIO_USER_TOKEN: salonUser.userToken,
    ALTEGIO_LOCATION_ID: salonUser.companyId,
  });
  return { ...it, crm: altegioCrm(settings, it.deps), booking: altegioBooking(settings, it.deps) };
}
async function started(options?: SalonFakeOptions) {
  const it = await setup(options);
  closing.push(it.stop);
  return it;
}
const { signal } = new AbortController();
const at = (ref: string) => ({ ref, signal });

bookingConformance('Altegio', async () => {
  const { booking, fake, stop } = await setup();
  return {
    booking,
    stop,
    from: '2030-02-01',
    // Only one employee provides it.
    serviceId: '332',
    addClient: async ({ name, phones: [phone = ''] }) => String(fake.location.addClient({ name, phone }).id),
    async occupy({ start, employeeId, durationMinutes }) {
      const body = { staff_id: Number(employeeId ?? 9), services: [{ id: 332 }], datetime: start, seance_length: durationMinutes * 60 };
      fake.location.addRecord(body, {});
    },
  };
});

test('requests ask for the format of Altegio, and durations come from its own path', async () => {
  const { booking, fake } = await started();
  expect(await booking.listServices({}, signal)).toMatchObject([
    { serviceId: '331', durationMinutes: 60, price: null },
    { serviceId: '332', durationMinutes: 90, price: null },
  ]);
  expect(fake.seen.map(({ path, headers }) => [path, headers.accept])).toEqual([
    ['book_services/4564', 'application/vnd.api.v2+json'],
    ['services/4564', 'application/vnd.api.v2+json'],
  ]);
});

test('online booking needs no e-mail address', async () => {
  const { booking, crm } = await started();
  const [slot] = await booking.getFreeSlots({ from: '2030-02-01', days: 1, serviceIds: ['331'] }, signal);
  const { contactId } = await crm.createContact.attempt({ firstName: 'Anna', phoneNumber: '+79990001122' }, at('r1'));
  const made = await booking.bookSlot.attempt({ slot: slot as FreeSlot, clientId: contactId, client: null, comment: undefined }, at('r2'));
  expect(await booking.getAppointment(made.appointmentId, signal)).toMatchObject({ clientId: contactId, status: 'booked' });
});

test('a comment is written at the documented path, and at the one of the vendor’s own client where that is not found', async () => {
  const { crm, fake } = await started();
  const about = { kind: 'contact', id: String(fake.location.addClient({ name: 'Anna', phone: '79990001122' }).id) } as const;
  await crm.addNote.attempt({ about, text: 'First' }, at('r1'));
  fake.order({ do: 'refuse', status: 404, on: 'POST clients', body: { success: false, data: null, meta: [] } });
  await crm.addNote.attempt({ about, text: 'Second' }, at('r2'));
  expect(fake.seen.map(({ path }) => path)).toEqual([
    `clients/4564/clients/${about.id}/comments`,
    `clients/4564/clients/${about.id}/comments`,
    `company/4564/clients/${about.id}/comments`,
  ]);
  expect(fake.location.comments.map(({ text }) => String(text).split('\n')[0])).toEqual(['First', 'Second']);
});

test('a number of another country, stored without a plus, is compared with its country code', async () => {
  const { crm, fake } = await started();
  const contactId = String(fake.location.addClient({ name: 'James', phone: '13155550175' }).id);
  expect(await crm.findContacts('+13155550175', signal)).toMatchObject([{ contactId, phones: ['+13155550175'] }]);
});

test('a user token that has ended names the setting to renew', async () => {
  const { crm, fake } = await started();
  fake.order({ do: 'refuse', status: 401, body: { success: false, data: null, meta: { message: 'Authentication needed.' } } });
  const refused = (await crm.findContacts('+79990001122', signal).catch((error: Error) => error)) as Error;
  expect(refused).toMatchObject({ reason: 'reauthorise', message: expect.stringContaining('ALTEGIO_USER_TOKEN') });
});
