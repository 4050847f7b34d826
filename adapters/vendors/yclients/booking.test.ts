import { afterEach, expect, test } from '@jest/globals';
import { vendorWorld } from '../../../test/kit/vendor-deps.ts';
import { bookingConformance } from '../../booking/conformance.ts';
import type { Appointment, AppointmentEffect, FreeSlot } from '../../booking/port.ts';
import { yclientsBooking } from './booking.ts';
import { type SalonFakeOptions, salonFake, salonUser } from './fake.ts';
import { yclientsSettings } from './settings.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A location on a Thursday at 13:00 in Moscow. */
async function setup(settings: Readonly<Record<string, string | undefined>> = {}, options: SalonFakeOptions = {}) {
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
async function started(settings?: Readonly<Record<string, string | undefined>>, options?: SalonFakeOptions) {
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
const anna = { name: 'Anna Petrova', phoneNumber };
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

for (const times of ['iso', 'unix'] as const)
  bookingConformance(`YCLIENTS with times as ${times}`, async () => {
    const { booking, fake, stop } = await setup({}, { times, maxPage: 3 });
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

test('the time zone is the one of the location, unless a setting replaces it', async () => {
  const { booking } = await started();
  expect(await booking.timeZone(signal)).toBe('Europe/Moscow');
  const { booking: moved } = await started({ YCLIENTS_TIME_ZONE: 'Asia/Dubai' });
  expect((await moved.getFreeSlots(withAnna, signal))[0]?.start).toBe('2030-02-01T11:00:00+04:00');
});

test('durations and prices that are written as text, and a highest price of 0, are numbers', async () => {
  const { booking } = await started();
  const rub = (amount: number) => ({ amountMinor: amount * 100, currency: 'RUB' });
  expect(await booking.listServices({}, signal)).toEqual([
    { serviceId: '331', name: 'Haircut', category: 'Hair', durationMinutes: 60, price: { from: rub(1500), to: rub(1500) } },
    { serviceId: '332', name: 'Colouring', category: 'Hair', durationMinutes: 90, price: { from: rub(3000), to: rub(5000) } },
  ]);
});

test('an employee who has left is not listed, and an empty array is no position', async () => {
  const { booking } = await started();
  expect(await booking.listEmployees({ serviceId: '331' }, signal)).toEqual([
    { employeeId: '9', name: 'Anna', position: 'Stylist', serviceIds: null },
    { employeeId: '49', name: 'Olga', position: 'Barber', serviceIds: null },
  ]);
});

test('slots name the employee and the price, none is in the past, and only days with free times are read', async () => {
  const it = await started();
  const slots = await it.booking.getFreeSlots({ ...withAnna, from: '2030-01-30', days: 3 }, signal);
  expect(slots[0]).toMatchObject({
    start: '2030-01-31T13:30:00+03:00',
    employeeName: 'Anna',
    price: { amountMinor: 150_000, currency: 'RUB' },
  });
  expect(sent(it, 'GET book_times').map(({ path }) => path)).toEqual(['book_times/4564/9/2030-01-31', 'book_times/4564/9/2030-02-01']);
});

test('a time that is offered in the past, or has no length, is no slot', async () => {
  const it = await started();
  const data = ['2030-01-31T12:30:00+03:00', '2030-01-31T13:00:00+03:00', '2030-01-31T13:30:00+03:00', 'soon'].map((datetime, nth) => ({
    datetime,
    seance_length: nth === 1 ? 0 : 3600,
  }));
  it.fake.order({ do: 'refuse', status: 200, on: 'GET book_times', body: { success: true, data, meta: [] } });
  const slots = await it.booking.getFreeSlots({ ...withAnna, from: '2030-01-31', days: 1 }, signal);
  expect(slots.map(({ start }) => start)).toEqual(['2030-01-31T13:30:00+03:00']);
});

test('free days are read from the months where the times of days are missing', async () => {
  const it = await started();
  it.fake.order({
    do: 'refuse',
    status: 200,
    on: 'GET book_dates',
    body: { success: true, data: { booking_days: { '2': ['4', '5'], '3': ['1'] } }, meta: [] },
  });
  await it.booking.getFreeSlots(withAnna, signal);
  expect(sent(it, 'GET book_times').map(({ path }) => path.slice(-10))).toEqual(['2030-02-04', '2030-02-05']);
});

test.each([
  ['iso', 'string'],
  ['unix', 'number'],
] as const)(
  'the datetime of a slot in the form %s goes back unchanged to online booking, and as ISO into the journal',
  async (times, type) => {
    const it = await started({}, { times });
    const slot = await slotOf(it);
    await booked(it, { slot });
    const { appointments } = bodyOf(it, 'POST book_check') as { appointments: { datetime: unknown }[] };
    expect(typeof appointments[0]?.datetime).toBe(type);
    expect(bodyOf(it, 'POST records')).toMatchObject({
      datetime: '2030-02-01T10:00:00+03:00',
      seance_length: 3600,
      save_if_busy: false,
      api_id: 'r1',
    });
  },
);

test('a busy time is checked first and never booked twice, also when it was taken after the check', async () => {
  const it = await started();
  const slot = await slotOf(it);
  await booked(it, { slot });
  const again = () => it.booking.bookSlot.attempt({ slot, clientId: addClient(it), client: null, comment: undefined }, at('r2'));
  await expect(again()).rejects.toMatchObject({ code: 'conflict', reason: 'slot_busy', outcome: 'not_executed' });
  expect(sent(it, 'POST records')).toHaveLength(1);
  it.fake.order({ do: 'refuse', status: 201, on: 'POST book_check', body: { success: true, data: null, meta: [] } });
  await expect(again()).rejects.toMatchObject({ code: 'conflict', reason: 'slot_busy', outcome: 'not_executed' });
  expect(it.fake.location.records).toHaveLength(1);
});

test('an employee of the location’s choice is booked online, with an e-mail address for a client without one', async () => {
  const it = await started();
  const slot = await slotOf(it, 0, haircut);
  expect(slot.employeeId).toBeNull();
  const { appointmentId } = await booked(it, { slot, ref: 'any' });
  expect(bodyOf(it, 'POST book_record')).toMatchObject({
    phone: '79990001122',
    fullname: 'Anna Petrova',
    email: 'visits@example.com',
    api_id: 'any',
  });
  expect(await it.booking.getAppointment(appointmentId, signal)).toMatchObject({
    employeeId: '9',
    status: 'booked',
    start: '2030-02-01T10:00:00+03:00',
  });
});

test('without an address for clients that have none, online booking names the field that it requires', async () => {
  const it = await started({ YCLIENTS_FALLBACK_EMAIL: undefined });
  const booking = booked(it, { slot: await slotOf(it, 0, haircut) });
  await expect(booking).rejects.toMatchObject({ reason: 'crm_rejected', data: { field: 'email' }, outcome: 'not_executed' });
});

test('a stored name and number are used and kept, whatever a form says', async () => {
  const it = await started();
  const clientId = addClient(it);
  const client = { name: 'Somebody Else', phoneNumber: '+79998887766' };
  const made = await it.booking.bookSlot.attempt({ slot: await slotOf(it), clientId, client, comment: undefined }, at('r1'));
  expect(made).toMatchObject({ clientId, clientName: 'Anna Petrova', phoneNumber });
  expect(bodyOf(it, 'POST records').client).toEqual({ phone: '79990001122', name: 'Anna Petrova' });
  expect(it.fake.location.clients).toHaveLength(1);
});

test('a masked phone is unknown: it is not sent, and the phone of the request is used instead', async () => {
  const it = await started({}, { isMasked: true });
  const clientId = addClient(it, { email: 'anna@example.com' });
  const slot = await slotOf(it);
  const found = await it.booking.findClients(phoneNumber, signal);
  expect(found).toEqual([{ clientId, name: 'Anna', phones: [], email: null, isMasked: true }]);
  const without = it.booking.bookSlot.attempt({ slot, clientId, client: null, comment: undefined }, at('r1'));
  await expect(without).rejects.toMatchObject({ reason: 'crm_rejected', data: { field: 'phone' }, outcome: 'not_executed' });
  const { appointmentId } = await it.booking.bookSlot.attempt({ slot, clientId, client: anna, comment: undefined }, at('r1'));
  expect(bodyOf(it, 'POST records').client).toEqual({ phone: '79990001122', name: 'Anna Petrova' });
  expect(await it.booking.getAppointment(appointmentId, signal)).toMatchObject({ clientId, phoneNumber: null });
  expect(it.fake.seen.every(({ body }) => !body.includes('*'))).toBe(true);
});

test('a black list is no fault of the credentials', async () => {
  const it = await started();
  it.fake.location.blocked.add('79990001122');
  await expect(booked(it)).rejects.toMatchObject({ code: 'failed_precondition', reason: 'client_blocked', outcome: 'not_executed' });
  await expect(booked(it, { slot: await slotOf(it, 0, haircut) })).rejects.toMatchObject({ reason: 'client_blocked' });
});

test.each([
  ['cut', true],
  ['cut', false],
  ['garbage', true],
  ['refuse', true],
  ['refuse', false],
] as const)('a booking whose answer is lost (%s, done: %s) is found by its reference or proven not to exist', async (kind, executes) => {
  for (const [on, query] of [
    ['POST records', withAnna],
    ['POST book_record', haircut],
  ] as const) {
    const it = await started();
    const input = { slot: await slotOf(it, 0, query), clientId: addClient(it), client: null, comment: undefined };
    it.fake.order({ do: kind, executes, on });
    await expect(it.booking.bookSlot.attempt(input, at('r1'))).rejects.toMatchObject({ outcome: 'unknown' });
    const record = it.fake.location.records[0];
    // A page instead of JSON may be a block, which ends before the look-up.
    it.later(75_000);
    expect((await lookUp(it.booking.bookSlot, 'r1', input))?.appointmentId).toBe(executes ? String(record?.id) : undefined);
    expect(await lookUp(it.booking.bookSlot, 'r', input)).toBeNull();
  }
});

test('a lost booking is also found under another client with the phone, and after somebody deleted it', async () => {
  const it = await started();
  const slot = await slotOf(it);
  await booked(it, { slot });
  const input = { slot, clientId: '77', client: null, comment: undefined };
  expect(await lookUp(it.booking.bookSlot, 'r1', input)).toMatchObject({ status: 'booked' });
  Object.assign(it.fake.location.records[0] as object, { deleted: true });
  expect(await lookUp(it.booking.bookSlot, 'r1', input)).toMatchObject({ status: 'cancelled' });
});

test('a failure before the booking has done nothing', async () => {
  const it = await started();
  const slot = await slotOf(it);
  for (const on of ['GET client', 'POST book_check']) {
    it.fake.order({ do: 'refuse', status: 502, on });
    await expect(booked(it, { slot })).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'not_executed' });
  }
  expect(it.fake.location.records).toEqual([]);
});

test('times in all forms, a deleted record and a group event without a client are read', async () => {
  const it = await started();
  const add = (datetime: string, more: Readonly<Record<string, unknown>>) =>
    it.fake.location.addRecord({ staff_id: 9, services: [{ id: 331 }], seance_length: 3600, datetime }, more);
  add('2030-02-01 17:00:00', { attendance: 1 });
  add('2030-02-02T16:00:00+09:00', { attendance: 2 });
  add('2030-02-03T16:00:00+0900', { deleted: true });
  const listed = await it.booking.listAppointments(week, signal);
  expect(listed.map(({ start, status, clientId, phoneNumber: phone }) => [start, status, clientId, phone])).toEqual([
    ['2030-02-01T17:00:00+03:00', 'arrived', null, null],
    ['2030-02-02T10:00:00+03:00', 'confirmed', null, null],
    ['2030-02-03T10:00:00+03:00', 'cancelled', null, null],
  ]);
  const record = it.fake.location.recordView(it.fake.location.records[1] as never);
  for (const datetime of [1_896_246_000, '1896246000', '2030-02-02 10:00:00', '2030-02-02T16:00:00+0900']) {
    it.fake.order({ do: 'refuse', status: 200, on: 'GET record/', body: { success: true, data: { ...record, datetime }, meta: [] } });
    expect((await it.booking.getAppointment('1', signal))?.start).toBe('2030-02-02T10:00:00+03:00');
  }
});

test('a visit that was missed is a no-show, and one that is marked so before its time is cancelled', async () => {
  const it = await started();
  for (const datetime of ['2030-01-31 12:00:00', '2030-01-31 14:00:00'])
    it.fake.location.addRecord({ staff_id: 9, services: [{ id: 331 }], seance_length: 3600, datetime }, { attendance: -1 });
  const listed = await it.booking.listAppointments({ from: '2030-01-31', days: 1 }, signal);
  expect(listed.map(({ status }) => status)).toEqual(['no_show', 'cancelled']);
});

test('records of all pages are listed, and a location that answers its first page for every page, or ignores the filter, ends the list', async () => {
  const it = await started({}, { maxPage: 20 });
  for (let nth = 0; nth < 45; nth += 1)
    it.fake.location.addRecord(
      { staff_id: 9, services: [{ id: 331 }], seance_length: 60, datetime: `2030-02-01 1${Math.floor(nth / 6)}:0${nth % 6}:00` },
      { client_id: nth % 2 },
    );
  expect(await it.booking.listAppointments(week, signal)).toHaveLength(45);
  expect(sent(it, 'GET records')).toHaveLength(3);
  const data = it.fake.location.records.slice(0, 20).map(it.fake.location.recordView);
  it.fake.order({
    do: 'refuse',
    status: 200,
    on: 'GET records',
    times: 2,
    body: { success: true, data, meta: { page: 1, total_count: 45 } },
  });
  expect(await it.booking.listAppointments({ ...week, clientId: '88' }, signal)).toEqual([]);
  expect(sent(it, 'GET records')).toHaveLength(5);
});

test('a lost booking on a day with more records than are read is not taken for one that does not exist', async () => {
  const it = await started({}, { maxPage: 1 });
  const input = { slot: await slotOf(it), clientId: '77', client: null, comment: undefined };
  for (let nth = 0; nth < 12; nth += 1)
    it.fake.location.addRecord(
      { staff_id: 9, services: [{ id: 331 }], seance_length: 60, datetime: '2030-02-01 10:00:00' },
      { client_id: 77 },
    );
  await expect(lookUp(it.booking.bookSlot, 'r1', input)).rejects.toMatchObject({ code: 'upstream_failed' });
});
