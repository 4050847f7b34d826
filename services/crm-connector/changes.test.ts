import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type MemoryBooking, memoryBooking } from '../../adapters/booking/memory.ts';
import type { Appointment, FreeSlot } from '../../adapters/booking/port.ts';
import { type MemoryCrm, memoryCrm } from '../../adapters/crm/memory.ts';
import type { RecordState, VendorChange, Webhooks } from '../../adapters/crm-webhook.ts';
import type { Service } from '../../bus/service.ts';
import { booking } from '../../contracts/booking.ts';
import { Company } from '../../contracts/company.ts';
import { connections } from '../../contracts/connections.ts';
import { crm } from '../../contracts/crm.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import salon from './salon.json' with { type: 'json' };
import connector from './service.ts';

let it: World;
let vendor: MemoryBooking;
let leads: MemoryCrm;
/** What the CRM says of its records. */
const records = new Map<string, RecordState>();
const { signal } = new AbortController();
const webhooks: Webhooks = { read: ({ body }) => JSON.parse(Buffer.from(body).toString('utf8')) as VendorChange[] };
let clientId = '';
/** Made before this system looked for the first time. */
let early: Appointment;
/** A salon and a CRM of vendors, both of which deliver changes. */
beforeAll(async () => {
  it = await world();
  const { company: _, ...system } = memoryBooking({ now: Date.now }, Company.parse({ ...salon, noticeMinutes: 0, holidays: [] }));
  vendor = system;
  leads = memoryCrm({ now: Date.now });
  const service: Service = {
    ...connector,
    make: (parts) =>
      connector.make({
        ...parts,
        vendors: {
          crm: new Map([['main', { ...leads, webhooks, readRecord: async (_entity: string, id: string) => records.get(id) ?? null }]]),
          booking: new Map([['main', { ...vendor, webhooks }]]),
        },
      } as never),
  };
  clientId = vendor.addClient({ name: 'Анна', phones: ['+79995553311'], email: null, isMasked: false });
  early = (await atTheVendor()).appointment;
  await it.start('crm-connector', service, {
    BOOKING_RECONCILE_MS: '2000',
    CRM_WEBHOOK_SETTLE_MS: '0',
    CRM_NOTE_APPOINTMENTS: 'false',
  });
  await until(async () => (await it.store.query('select 1 from crm_connector.baselines')).length > 0);
});
afterAll(() => it.stop());

const pathOf = async (kind: 'crm' | 'booking') =>
  (await it.bus.call(connections.webhooks, {})).items.find((each) => each.kind === kind)?.path ?? '';
async function deliver(kind: 'crm' | 'booking', changes: readonly VendorChange[], secret?: string) {
  const method = kind === 'crm' ? crm.webhook : booking.webhook;
  const [, known = ''] = /main\/(.+)$/.exec(await pathOf(kind)) ?? [];
  return it.bus.call(method, { connection: 'main', secret: secret ?? known, body: Buffer.from(JSON.stringify(changes)) });
}
const about = (id: string, change: VendorChange['change'] = 'updated') => ({ entity: 'appointment', id, change }) as const;
const nothingDue = () => until(async () => (await it.store.query('select 1 from crm_connector.incoming')).length === 0);
/** Events of a record: those of this system and of the vendor. */
const eventsOf = async (field: 'appointmentId' | 'id', id: string) =>
  (
    await it.store.query<{ event: string; origin: string | null; change: string | null }>(
      `select event, payload->>'origin' as origin, payload->>'change' as change from journal.events where payload->>$1 = $2 order by id`,
      [field, id],
    )
  ).map(({ event, origin, change }) => [event.split('.')[1], origin ?? change]);
let made = 0;
/** What is known of an appointment once it was seen. */
const knownOf = ({ start, durationMinutes, employeeId, serviceIds, status, clientId }: Appointment) => ({
  start,
  durationMinutes,
  employeeId,
  serviceIds,
  status,
  clientId,
});
/** An appointment that somebody made in the salon. */
async function atTheVendor(): Promise<{ readonly appointment: Appointment; readonly slots: readonly FreeSlot[] }> {
  const from = new Date().toISOString().slice(0, 10);
  const slots = await vendor.getFreeSlots({ from, days: 20, serviceIds: ['haircut'], employeeId: 'anna' }, signal);
  made += 1;
  const input = { slot: slots[4] as FreeSlot, clientId, client: null, comment: undefined };
  return { appointment: await vendor.bookSlot.attempt(input, { ref: `vendor-${made}`, signal }), slots };
}

test('an appointment of the salon is news once, however often and in whatever order its changes are delivered', async () => {
  const { appointment, slots } = await atTheVendor();
  const { appointmentId } = appointment;
  expect(await deliver('booking', [about(appointmentId), about(appointmentId, 'created')])).toEqual({ changes: 2 });
  await deliver('booking', [about(appointmentId, 'created')]);
  await nothingDue();
  expect(await eventsOf('appointmentId', appointmentId)).toEqual([['appointment_created', 'vendor']]);
  await vendor.moveToSlot.attempt({ appointmentId, slot: slots[0] as FreeSlot }, { ref: 'vendor-move', signal });
  await deliver('booking', [about(appointmentId)]);
  await nothingDue();
  await deliver('booking', [about(appointmentId)]);
  await nothingDue();
  await vendor.releaseSlot.attempt({ appointmentId, reason: undefined }, { ref: 'vendor-cancel', signal });
  await deliver('booking', [about(appointmentId, 'deleted')]);
  await nothingDue();
  await deliver('booking', [about(appointmentId, 'created')]);
  await nothingDue();
  expect(await eventsOf('appointmentId', appointmentId)).toEqual([
    ['appointment_created', 'vendor'],
    ['appointment_changed', 'vendor'],
    ['appointment_cancelled', 'vendor'],
  ]);
});

test('an employee whom the salon chose for a slot of anybody is no change of the appointment', async () => {
  const { appointment } = await atTheVendor();
  const { appointmentId, start } = appointment;
  await it.store.query(
    `insert into crm_connector.known (kind, connection, entity, record_id, state) values ('booking', 'main', 'appointment', $1, $2::jsonb)`,
    [appointmentId, JSON.stringify({ ...knownOf(appointment), employeeId: null })],
  );
  await deliver('booking', [about(appointmentId)]);
  await nothingDue();
  expect(await eventsOf('appointmentId', appointmentId)).toEqual([]);
  const [known] = await it.store.query<{ state: { employeeId: string } }>('select state from crm_connector.known where record_id = $1', [
    appointmentId,
  ]);
  expect([known?.state.employeeId, start]).toEqual(['anna', appointment.start]);
});

test('what this system books is its own news, also when the salon delivers it', async () => {
  const { slots } = await it.bus.call(booking.get_free_slots, { serviceIds: ['haircut'], days: 20 });
  const slotId = slots.at(-1)?.slotId ?? '';
  const { appointment } = await it.bus.call(booking.create_appointment, { slotId, clientId }, { key: 'own' });
  await deliver('booking', [about(appointment.appointmentId, 'created')]);
  await nothingDue();
  expect(await eventsOf('appointmentId', appointment.appointmentId)).toEqual([['appointment_created', 'polyb']]);
});

test('what was not delivered is found when the appointments are compared; what was there at first is no news', async () => {
  const { appointment } = await atTheVendor();
  expect(
    await until(async () => {
      const events = await eventsOf('appointmentId', appointment.appointmentId);
      return events.length > 0 ? events : null;
    }),
  ).toEqual([['appointment_created', 'vendor']]);
  expect(await eventsOf('appointmentId', early.appointmentId)).toEqual([]);
});

test('a change of a record is reported with its status, an echo of an own write is not, and a deleted record is told as such', async () => {
  const phoneNumber = '+79995553312';
  const { contactId } = await it.bus.call(crm.create_contact, { firstName: 'Пётр', phoneNumber }, { key: 'contact' });
  const { leadId } = await it.bus.call(crm.create_lead, { contactId, firstName: 'Пётр', phoneNumber }, { key: 'lead' });
  const lead = { entity: 'lead', id: leadId, change: 'updated' } as const;
  records.set(leadId, { changedAt: Date.now(), status: 'new' });
  await deliver('crm', [lead]);
  await nothingDue();
  expect(await eventsOf('id', leadId)).toEqual([]);
  records.set(leadId, { changedAt: Date.now() + 60_000, status: 'Думает' });
  await deliver('crm', [lead]);
  await nothingDue();
  records.delete(leadId);
  await deliver('crm', [lead]);
  await nothingDue();
  expect(await eventsOf('id', leadId)).toEqual([
    ['lead_changed', 'updated'],
    ['lead_changed', 'deleted'],
  ]);
  const [event] = await it.store.query<{ status: string }>(
    `select payload->>'status' as status from journal.events where event = 'crm.lead_changed' and payload->>'id' = $1 order by id`,
    [leadId],
  );
  expect(event?.status).toBe('Думает');
});

test('each change of a record without a time of change is reported by its version, and a repeated delivery is not', async () => {
  const contact = { entity: 'contact', id: 'no-time', change: 'updated' } as const;
  for (const version of ['a', 'a', 'b']) {
    records.set(contact.id, { changedAt: null, status: null, version });
    await deliver('crm', [contact]);
    await nothingDue();
  }
  expect(await eventsOf('id', contact.id)).toEqual([
    ['contact_changed', 'updated'],
    ['contact_changed', 'updated'],
  ]);
});

test('a status that is longer than an event may have is cut', async () => {
  const lead = { entity: 'lead', id: 'long', change: 'updated' } as const;
  records.set(lead.id, { changedAt: 1, status: 'x'.repeat(100) });
  await deliver('crm', [lead]);
  await nothingDue();
  const [event] = await it.store.query<{ status: string }>(
    `select payload->>'status' as status from journal.events where payload->>'id' = $1`,
    [lead.id],
  );
  expect(event?.status).toBe('x'.repeat(64));
});

test('a delivery with a wrong secret, of the other kind, or for no connection is refused and stores nothing', async () => {
  const before = await it.store.query('select 1 from crm_connector.incoming');
  const refused = { code: 'permission_denied', reason: 'bad_signature' };
  const [, ofCrm = ''] = /main\/(.+)$/.exec(await pathOf('crm')) ?? [];
  for (const secret of ['', 'x', ofCrm]) await expect(deliver('booking', [about('1')], secret)).rejects.toMatchObject(refused);
  const lost = it.bus.call(crm.webhook, { connection: 'lost', secret: ofCrm, body: Buffer.from('[]') });
  await expect(lost).rejects.toMatchObject(refused);
  expect(await it.store.query('select 1 from crm_connector.incoming')).toEqual(before);
});

test('a record of a connection that is not there any more is dropped, and not reported as deleted', async () => {
  const { appointment } = await atTheVendor();
  await deliver('booking', [about(appointment.appointmentId, 'created')]);
  await nothingDue();
  await it.store.query(
    `insert into crm_connector.known (kind, connection, entity, record_id, state, starts_at)
     select kind, 'former', entity, record_id, state, starts_at from crm_connector.known where record_id = $1`,
    [appointment.appointmentId],
  );
  for (const [kind, entity, id] of [
    ['booking', 'appointment', appointment.appointmentId],
    ['crm', 'lead', 'lead-of-former'],
  ])
    await it.store.query(
      "insert into crm_connector.incoming (kind, connection, entity, record_id, change, due_at) values ($1, 'former', $2, $3, 'updated', now())",
      [kind, entity, id],
    );
  await nothingDue();
  expect(await eventsOf('appointmentId', appointment.appointmentId)).toEqual([['appointment_created', 'vendor']]);
  expect(await eventsOf('id', 'lead-of-former')).toEqual([]);
});
