import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { altegioFake } from '../../adapters/vendors/altegio/fake.ts';
import { type EasyWeekFake, easyWeekFake, easyWeekUser } from '../../adapters/vendors/easyweek/fake.ts';
import { services as easyWeekServices } from '../../adapters/vendors/easyweek/fake-workspace.ts';
import { type SalonFake, salonFake, salonUser } from '../../adapters/vendors/yclients/fake.ts';
import { booking } from '../../contracts/booking.ts';
import { crm } from '../../contracts/crm.ts';
import { type World, world } from '../../test/kit/world.ts';
import connector from './service.ts';

let it: World;
let fakes: { readonly yclients: SalonFake; readonly guest: SalonFake; readonly altegio: SalonFake; readonly easyweek: EasyWeekFake };
/** Four booking systems behind one connector; their limits are those of the vendors, in real time. */
beforeAll(async () => {
  const [yclients, guest, altegio, easyweek] = await Promise.all([salonFake(), salonFake(), altegioFake(), easyWeekFake()]);
  fakes = { yclients, guest, altegio, easyweek };
  it = await world();
  const user = { PARTNER_TOKEN: salonUser.partnerToken, USER_TOKEN: salonUser.userToken };
  const settings = (prefix: string, of: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [`${prefix}${name}`, value]));
  await it.start('crm-connector', connector, {
    CRM_KIND: 'yclients',
    CRM_NOTE_APPOINTMENTS: 'false',
    BOOKING_KIND: 'yclients',
    ...settings('YCLIENTS_', {
      ...user,
      URL: `${yclients.url}/api/v1`,
      COMPANY_ID: salonUser.companyId,
      SETTLE_MS: '0',
      FALLBACK_EMAIL: 'visits@example.com',
    }),
    BOOKING_CONNECTIONS: 'main,guest,altegio,easyweek',
    GUEST_BOOKING_KIND: 'yclients',
    ...settings('GUEST_YCLIENTS_', {
      PARTNER_TOKEN: salonUser.partnerToken,
      URL: `${guest.url}/api/v1`,
      COMPANY_ID: salonUser.companyId,
      SETTLE_MS: '0',
      FALLBACK_EMAIL: 'visits@example.com',
    }),
    ALTEGIO_BOOKING_KIND: 'altegio',
    ...settings('ALTEGIO_ALTEGIO_', { ...user, URL: `${altegio.url}/api/v1`, LOCATION_ID: salonUser.companyId, SETTLE_MS: '0' }),
    EASYWEEK_BOOKING_KIND: 'easyweek',
    ...settings('EASYWEEK_EASYWEEK_', {
      URL: `${easyweek.url}/api/public/v2`,
      API_KEY: easyWeekUser.apiKey,
      WORKSPACE: easyWeekUser.workspace,
      LOCATION_ID: easyWeekUser.locationId,
      SETTLE_MS: '0',
    }),
    HTTP_ALLOW_PRIVATE: [yclients, guest, altegio, easyweek].map(({ url }) => url).join(','),
  });
});
afterAll(async () => {
  await it.stop();
  for (const fake of Object.values(fakes)) await fake.close();
});

/** The second service of each fake is provided by one employee, so a slot is one booking. */
const connections = [
  { name: 'main', serviceId: '332', bookings: () => fakes.yclients.location.records },
  { name: 'guest', serviceId: '332', bookings: () => fakes.guest.location.records },
  { name: 'altegio', serviceId: '332', bookings: () => fakes.altegio.location.records },
  { name: 'easyweek', serviceId: easyWeekServices[1].uuid, bookings: () => fakes.easyweek.workspace.bookings },
] as const;
type Connection = (typeof connections)[number];
const client = { name: 'Анна Петрова', phoneNumber: '+79995550001' };
const tomorrow = () => new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
const slotsOf = async ({ name, serviceId }: Connection) =>
  (await it.bus.call(booking.get_free_slots, { connection: name, serviceIds: [serviceId], from: tomorrow(), days: 1 })).slots;
const create = (slotId: string, key: string) => it.bus.call(booking.create_appointment, { slotId, client }, { key });
const active = ({ bookings }: Connection) =>
  bookings().filter(
    ({ deleted, is_canceled, attendance }: Readonly<Record<string, unknown>>) =>
      deleted !== true && is_canceled !== true && attendance !== -1,
  );

test('every system books once however often it is asked under one key, moves where it can, and cancels, within the limit of its vendor', async () => {
  const run = async (connection: Connection) => {
    const { name } = connection;
    const offered = await slotsOf(connection);
    const made = await create(offered[0]?.slotId ?? '', `${name}-book`);
    expect(await create(offered[0]?.slotId ?? '', `${name}-book`)).toEqual(made);
    expect(made).toMatchObject({ created: true, appointment: { start: offered[0]?.start, phoneNumber: client.phoneNumber } });
    expect(active(connection)).toHaveLength(1);
    let { appointmentId } = made.appointment;
    const clientId = made.appointment.clientId ?? '';
    // A move takes ten requests in EasyWeek, which allows one a second.
    if (name === 'main' || name === 'altegio') {
      const moved = { appointmentId, clientId, slotId: offered.at(-1)?.slotId ?? '' };
      const { appointment } = await it.bus.call(booking.reschedule_appointment, moved, { key: `${name}-move` });
      expect(appointment.start).toBe(offered.at(-1)?.start);
      ({ appointmentId } = appointment);
    }
    const cancelled = await it.bus.call(
      booking.cancel_appointment,
      { connection: name, appointmentId, clientId },
      { key: `${name}-cancel` },
    );
    expect(cancelled.status).toBe('cancelled');
    expect(active(connection)).toEqual([]);
  };
  await Promise.all(connections.map(run));
});

test('a booking whose answer is lost is found if it was made, else repeated, and is one', async () => {
  const run = async (connection: Connection, fake: SalonFake, executes: boolean) => {
    const before = active(connection).length;
    const [slot] = await slotsOf(connection);
    const { struck } = fake.order({ do: 'cut', executes, on: 'POST book_record' });
    const booked = create(slot?.slotId ?? '', `${connection.name}-lost`);
    await struck;
    expect(await booked).toMatchObject({ created: true, appointment: { start: slot?.start } });
    expect(active(connection)).toHaveLength(before + 1);
  };
  const [main, guest, altegio] = connections;
  await Promise.all([run(main, fakes.yclients, true), run(altegio, fakes.altegio, false), run(guest, fakes.guest, false)]);
});

test('notes and calls of the CRM become comments of the client, once', async () => {
  const person = { firstName: 'Ivan', lastName: 'Petrov', phoneNumber: '+79998887766' };
  const { contactId } = await it.bus.call(crm.create_contact, person, { key: 'contact' });
  expect(await it.bus.call(crm.create_contact, person, { key: 'contact-again' })).toMatchObject({ contactId, created: false });
  const note = { about: { kind: 'contact', id: contactId }, text: 'Asked for a price.' } as const;
  const { noteId } = await it.bus.call(crm.add_note, note, { key: 'note' });
  expect(await it.bus.call(crm.add_note, note, { key: 'note' })).toEqual({ noteId });
  expect(fakes.yclients.location.comments).toHaveLength(1);
  const lead = it.bus.call(crm.create_lead, { contactId, ...person, source: 'website' }, { key: 'lead' });
  await expect(lead).rejects.toMatchObject({ code: 'unimplemented', reason: 'unsupported' });
});
