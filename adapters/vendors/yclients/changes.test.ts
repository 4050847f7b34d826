import { afterEach, expect, test } from '@jest/globals';
import { vendorWorld } from '../../../test/kit/vendor-deps.ts';
import type { Appointment, AppointmentEffect, FreeSlot } from '../../booking/port.ts';
import { yclientsBooking } from './booking.ts';
import { type SalonFakeOptions, salonFake, salonUser } from './fake.ts';
import { yclientsSettings } from './settings.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A location on a Thursday at 13:00 in Moscow. */
async function setup(settings: Readonly<Record<string, string>> = {}, options: SalonFakeOptions = {}) {
  const it = await vendorWorld(Date.UTC(2030, 0, 31, 10), (now) => salonFake({ now, isLimited: false, ...options }));
  const parsed = yclientsSettings.parse({
    YCLIENTS_URL: `${it.fake.url}/api/v1`,
    YCLIENTS_PARTNER_TOKEN: salonUser.partnerToken,
    YCLIENTS_USER_TOKEN: salonUser.userToken,
    YCLIENTS_COMPANY_ID: salonUser.companyId,
    YCLIENTS_FALLBACK_EMAIL: 'visits@example.com',
    ...settings,
  });
  return { ...it, booking: yclientsBooking(parsed, it.deps) };
}
async function started(settings?: Readonly<Record<string, string>>, options?: SalonFakeOptions) {
  const it = await setup(settings, options);
  closing.push(it.stop);
  return it;
}
type Started = Awaited<ReturnType<typeof started>>;

const { signal } = new AbortController();
const at = (ref: string) => ({ ref, signal });
const phoneNumber = '+79990001122';
const week = { from: '2030-02-01', days: 7 };
const haircut = { ...week, serviceIds: ['331'] };
const withAnna = { ...haircut, employeeId: '9' };
const sent = ({ fake }: Started, start: string) => fake.seen.filter(({ method, path }) => `${method} ${path}`.startsWith(start));
const bodyOf = (it: Started, start: string) => JSON.parse(sent(it, start).at(-1)?.body ?? '{}') as Record<string, unknown>;
const lookUp = async <I>({ onUnknown }: AppointmentEffect<I>, ref: string, input: I, attemptedAt = Date.UTC(2030, 0, 31, 10)) => {
  if (onUnknown.do !== 'look_up') throw new Error('cannot be looked up');
  return onUnknown.find({ ref, input, attemptedAt }, signal);
};
async function slotOf({ booking }: Started, nth = 0, query: Parameters<typeof booking.getFreeSlots>[0] = withAnna): Promise<FreeSlot> {
  const slot = (await booking.getFreeSlots(query, signal))[nth];
  if (slot === undefined) throw new Error('no free slot');
  return slot;
}
const addClient = ({ fake }: Started, more: object = {}) =>
  String(fake.location.addClient({ name: 'Anna', surname: 'Petrova', phone: '79990001122', ...more }).id);
async function booked(it: Started, { slot, ref = 'r1' }: { slot?: FreeSlot; ref?: string } = {}): Promise<Appointment> {
  return it.booking.bookSlot.attempt(
    { slot: slot ?? (await slotOf(it)), clientId: addClient(it), client: null, comment: 'Window seat' },
    at(ref),
  );
}

test('a move to another time changes nothing else', async () => {
  const it = await started();
  const { appointmentId } = await booked(it);
  const slot = await slotOf(it, 5);
  const moved = await it.booking.moveToSlot.attempt({ appointmentId, slot }, at('move'));
  expect(moved).toMatchObject({ appointmentId, start: slot.start, employeeId: '9', comment: 'Window seat' });
  expect(sent(it, 'PUT').map(({ path }) => path)).toEqual([`book_record/4564/${appointmentId}`]);
  expect(it.fake.location.records[0]).toMatchObject({ api_id: 'r1', comment: 'Window seat', start: Date.parse(slot.start) });
});

test('a move to another employee repeats the whole record, because the request replaces it', async () => {
  const it = await started();
  const { appointmentId } = await booked(it);
  const row = it.fake.location.records[0] as Record<string, unknown>;
  Object.assign(row, {
    record_labels: [{ id: 67, title: 'VIP' }],
    custom_fields: { colour: 'red' },
    sms_remain_hours: 3,
    attendance: 2,
    services: [{ id: 331, first_cost: 1500, discount: 10, cost: 1350, amount: 1 }],
  });
  const slot = await slotOf(it, 3, { ...haircut, employeeId: '49' });
  const moved = await it.booking.moveToSlot.attempt({ appointmentId, slot }, at('move'));
  expect(moved).toMatchObject({
    appointmentId,
    start: slot.start,
    employeeId: '49',
    employeeName: 'Olga',
    status: 'confirmed',
    phoneNumber,
  });
  expect(bodyOf(it, 'PUT record/')).toMatchObject({
    staff_id: 49,
    services: [{ id: 331, first_cost: 1500, discount: 10, cost: 1350, amount: 1 }],
    client: { phone: '79990001122', name: 'Anna', surname: 'Petrova' },
    comment: 'Window seat',
    api_id: 'r1',
    record_labels: [67],
    custom_fields: { colour: 'red' },
    sms_remain_hours: 3,
    save_if_busy: false,
  });
  expect(it.fake.location.clients).toHaveLength(1);
});

test('a record with a masked phone is not replaced', async () => {
  const it = await started();
  const { appointmentId } = await booked(it);
  it.fake.location.isMasked = true;
  const slot = await slotOf(it, 3, { ...haircut, employeeId: '49' });
  await expect(it.booking.moveToSlot.attempt({ appointmentId, slot }, at('move'))).rejects.toMatchObject({
    reason: 'crm_rejected',
    data: { field: 'phone' },
  });
  expect(sent(it, 'PUT')).toEqual([]);
});

test.each([true, false])('a move whose answer is lost (done: %s) is told by the time of the record', async (executes) => {
  const it = await started();
  const { appointmentId } = await booked(it);
  const input = { appointmentId, slot: await slotOf(it, 5) };
  it.fake.order({ do: 'cut', executes, on: 'PUT' });
  await expect(it.booking.moveToSlot.attempt(input, at('move'))).rejects.toMatchObject({ outcome: 'unknown' });
  expect((await lookUp(it.booking.moveToSlot, 'move', input))?.start).toBe(executes ? input.slot.start : undefined);
});

test('a cancellation is a DELETE without a body, answered by an empty 204', async () => {
  const it = await started();
  const { appointmentId } = await booked(it);
  expect(await it.booking.releaseSlot.attempt({ appointmentId, reason: 'ill' }, at('release'))).toMatchObject({
    appointmentId,
    status: 'cancelled',
  });
  expect(sent(it, 'DELETE').map(({ path, body }) => [path, body])).toEqual([[`record/4564/${appointmentId}`, '']]);
  expect(await it.booking.getAppointment(appointmentId, signal)).toBeNull();
  expect(await it.booking.listAppointments(week, signal)).toMatchObject([{ appointmentId, status: 'cancelled' }]);
});

test('where records may not be deleted, a cancelled one is marked as missed before its time', async () => {
  const it = await started({}, { mayDelete: false });
  const { appointmentId } = await booked(it);
  const slot = await slotOf(it);
  const cancelled = await it.booking.releaseSlot.attempt({ appointmentId, reason: 'ill' }, at('release'));
  expect(cancelled).toMatchObject({ status: 'cancelled', comment: 'Window seat\nill' });
  expect(it.fake.location.records).toMatchObject([{ attendance: -1, api_id: 'r1', deleted: false }]);
  expect(await it.booking.listAppointments(week, signal)).toMatchObject([{ appointmentId, status: 'cancelled' }]);
  expect((await slotOf(it)).start < slot.start).toBe(true);
  await expect(it.booking.releaseSlot.attempt({ appointmentId, reason: undefined }, at('again'))).rejects.toMatchObject({
    reason: 'no_appointment',
  });
});

test.each([true, false])(
  'a cancellation whose answer is lost (done: %s) is told by the deleted records, also by a clock an hour off',
  async (executes) => {
    const it = await started();
    const { appointmentId } = await booked(it);
    const input = { appointmentId, reason: undefined };
    it.fake.order({ do: 'cut', executes, on: 'DELETE' });
    await expect(it.booking.releaseSlot.attempt(input, at('release'))).rejects.toMatchObject({ outcome: 'unknown' });
    const found = await lookUp(it.booking.releaseSlot, 'release', input, Date.UTC(2030, 0, 31, 11));
    expect(found?.status).toBe(executes ? 'cancelled' : undefined);
  },
);
