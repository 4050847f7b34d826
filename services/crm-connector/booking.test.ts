import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Service } from '../../bus/service.ts';
import { booking } from '../../contracts/booking.ts';
import { company } from '../../contracts/company.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import salon from './salon.json' with { type: 'json' };
import connector from './service.ts';

type Slot = OutputOf<typeof booking.get_free_slots>['slots'][number];
let it: World;
let aheadMs = 0;
/** Two connections: the built-in calendar, and one in memory behind the name `salon`. */
beforeAll(async () => {
  it = await world();
  const service: Service = { ...connector, make: (parts) => connector.make({ ...parts, now: () => Date.now() + aheadMs }) };
  await it.start('crm-connector', service, { BOOKING_CONNECTIONS: 'main,salon', SALON_BOOKING_KIND: 'memory' });
  for (const connection of ['main', 'salon'])
    await it.bus.call(company.set, { connection, company: { ...salon, noticeMinutes: 0, holidays: [] } as never });
});
afterAll(() => it.stop());

let count = 0;
const key = () => {
  count += 1;
  return `booking-${count}`;
};
function somebody() {
  count += 1;
  return { name: `Клиент ${count}`, phoneNumber: `+7999222${String(count).padStart(4, '0')}` };
}
const anna = { serviceIds: ['haircut'], employeeId: 'anna', days: 14 };
const freeSlots = async (more: object = {}) => (await it.bus.call(booking.get_free_slots, { ...anna, ...more })).slots;
/** Two slots that nobody has and that are two hours apart. */
async function twoSlots(more: object = {}): Promise<readonly [Slot, Slot]> {
  const slots = await freeSlots(more);
  const [first] = slots;
  const second = slots.find(({ start }) => Date.parse(start) >= Date.parse(first?.start ?? '') + 2 * 3_600_000);
  return [first as Slot, second as Slot];
}
const create = (slotId: string, client = somebody(), under = key()) =>
  it.bus.call(booking.create_appointment, { slotId, client }, { key: under });
const eventsOf = (appointmentId: string) =>
  it.store.query<{ event: string; origin: string; start: string }>(
    "select event, payload->>'origin' as origin, payload->>'start' as start from journal.events where payload->>'appointmentId' = $1 order by id",
    [appointmentId],
  );

test('a slot is booked, found again under another key, moved and cancelled, and each change is announced once', async () => {
  const [slot, later] = await twoSlots();
  const client = somebody();
  const made = await create(slot.slotId, client);
  expect(made).toMatchObject({ created: true, appointment: { start: slot.start, employeeName: 'Анна', clientName: client.name } });
  const { appointmentId, clientId } = made.appointment;
  expect(await create(slot.slotId, client)).toEqual({ ...made, created: false });
  const of = { appointmentId, clientId: clientId ?? '' };
  const moved = await it.bus.call(booking.reschedule_appointment, { ...of, slotId: later.slotId }, { key: key() });
  expect(moved.appointment).toMatchObject({ appointmentId, start: later.start });
  const cancelled = { appointmentId, status: 'cancelled' };
  expect(await it.bus.call(booking.cancel_appointment, of, { key: key() })).toEqual(cancelled);
  expect(await it.bus.call(booking.cancel_appointment, of, { key: key() })).toEqual(cancelled);
  const own = await it.bus.call(booking.list_appointments, { clientId: of.clientId });
  expect(own.appointments.map(({ status }) => status)).toEqual(['cancelled']);
  expect((await eventsOf(appointmentId)).map(({ event, origin, start }) => [event, origin, start])).toEqual([
    ['booking.appointment_created', 'polyb', slot.start],
    ['booking.appointment_changed', 'polyb', later.start],
    ['booking.appointment_cancelled', 'polyb', later.start],
  ]);
});

test('one client is created for several appointments with one phone, also at once', async () => {
  const client = somebody();
  const [slot, later] = await twoSlots();
  const made = await Promise.all([create(slot.slotId, client), create(later.slotId, { ...client, name: 'Другое имя' })]);
  expect(new Set(made.map(({ appointment }) => appointment.clientId)).size).toBe(1);
  const { clients, isAmbiguous } = await it.bus.call(booking.find_client, { phoneNumber: client.phoneNumber });
  expect([clients.map(({ name }) => name), isAmbiguous]).toEqual([[made[0]?.appointment.clientName], false]);
});

test('of twenty people who want one slot one gets it, and the others are offered the next ones', async () => {
  const [slot] = await twoSlots();
  const ends = await Promise.allSettled(Array.from({ length: 20 }, () => create(slot.slotId)));
  const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  expect(refused).toHaveLength(19);
  for (const { code, reason, data } of refused) {
    expect([code, reason, data.slots.length]).toEqual(['conflict', 'slot_busy', 5]);
    expect(Date.parse(data.slots[0].start)).toBeGreaterThan(Date.parse(slot.start));
  }
  const { appointment } = await create(refused[0].data.slots[0].slotId);
  expect(appointment.start).toBe(refused[0].data.slots[0].start);
});

test('only what was offered in the last half hour can be booked; what was booked is found longer', async () => {
  const [slot, other] = await twoSlots();
  const client = somebody();
  const made = await create(slot.slotId, client);
  aheadMs = 31 * 60_000;
  try {
    await expect(create(other.slotId)).rejects.toMatchObject({ code: 'failed_precondition', reason: 'slot_expired' });
    expect(await create(slot.slotId, client)).toEqual({ ...made, created: false });
  } finally {
    aheadMs = 0;
  }
  await expect(create(`${slot.slotId.slice(0, -4)}AAAA`)).rejects.toMatchObject({ code: 'invalid_argument', reason: 'bad_slot' });
});

test('an appointment is neither moved nor cancelled for another client', async () => {
  const [slot, later] = await twoSlots();
  const { appointment } = await create(slot.slotId);
  const stranger = await it.bus.call(booking.create_client, somebody(), { key: key() });
  const of = { appointmentId: appointment.appointmentId, clientId: stranger.clientId };
  const refused = { code: 'failed_precondition', reason: 'wrong_client' };
  await expect(it.bus.call(booking.cancel_appointment, of, { key: key() })).rejects.toMatchObject(refused);
  const moved = it.bus.call(booking.reschedule_appointment, { ...of, slotId: later.slotId }, { key: key() });
  await expect(moved).rejects.toMatchObject(refused);
  const { appointmentId } = appointment;
  expect((await it.bus.call(booking.get_appointment, { appointmentId })).appointment).toEqual(appointment);
});

test('a slot of another connection is booked there, and an unknown connection is named with those that exist', async () => {
  const [slot] = await twoSlots({ connection: 'salon' });
  const { appointment } = await create(slot.slotId);
  const { appointmentId } = appointment;
  expect((await it.bus.call(booking.get_appointment, { connection: 'salon', appointmentId })).appointment).toEqual(appointment);
  await expect(it.bus.call(booking.get_appointment, { appointmentId })).rejects.toMatchObject({ reason: 'no_appointment' });
  const lost = it.bus.call(booking.list_services, { connection: 'beauty' });
  await expect(lost).rejects.toMatchObject({ reason: 'no_connection', message: expect.stringContaining('main, salon') });
  const created = it.bus.call(booking.create_client, { connection: 'beauty', ...somebody() }, { key: key() });
  await expect(created).rejects.toMatchObject({ reason: 'no_connection', outcome: 'not_executed' });
  expect(await until(async () => (await eventsOf(appointmentId)).length)).toBe(1);
});
