import { afterEach, describe, expect, test } from '@jest/globals';
import { vendorWorld } from '../../../test/kit/vendor-deps.ts';
import { bookingConformance } from '../../booking/conformance.ts';
import type { AppointmentEffect, FreeSlot } from '../../booking/port.ts';
import { easyWeekBooking, easyWeekSettings } from './booking.ts';
import { type EasyWeekFakeOptions, easyWeekFake, easyWeekUser } from './fake.ts';
import { services, staffers } from './fake-workspace.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const [haircut, colouring] = [services[0].uuid, services[1].uuid];
const [anna] = [staffers[0].uuid];

/** A workspace on a Thursday at noon in Berlin. */
async function setup(settings: Readonly<Record<string, string>> = {}, options: EasyWeekFakeOptions = {}) {
  const it = await vendorWorld(Date.UTC(2030, 0, 31, 11, 0, 34), (now) => easyWeekFake({ now, isLimited: false, ...options }));
  const parsed = easyWeekSettings.parse({
    EASYWEEK_URL: `${it.fake.url}/api/public/v2`,
    EASYWEEK_API_KEY: easyWeekUser.apiKey,
    EASYWEEK_WORKSPACE: easyWeekUser.workspace,
    EASYWEEK_LOCATION_ID: easyWeekUser.locationId,
    EASYWEEK_CURRENCY: 'EUR',
    ...settings,
  });
  return { ...it, booking: easyWeekBooking(parsed, it.deps) };
}
async function started(settings?: Readonly<Record<string, string>>, options?: EasyWeekFakeOptions) {
  const it = await setup(settings, options);
  closing.push(it.stop);
  return it;
}
type Started = Awaited<ReturnType<typeof started>>;

const { signal } = new AbortController();
const at = (ref: string) => ({ ref, signal });
const week = { from: '2030-02-01', days: 7 };
const person = { name: 'Ivan Petrov', phoneNumber: '+79990001122', email: 'ivan@example.com' };
const sent = ({ fake }: Started, start: string) => fake.seen.filter(({ method, path }) => `${method} ${path}`.startsWith(start));
async function slotOf({ booking }: Started, nth = 0, more: object = {}): Promise<FreeSlot> {
  const slot = (await booking.getFreeSlots({ ...week, serviceIds: [colouring], ...more }, signal))[nth];
  if (slot === undefined) throw new Error('no free slot');
  return slot;
}
async function request(it: Started, slot?: FreeSlot) {
  const { clientId } = await it.booking.createClient.attempt(person, at('r0'));
  return { slot: slot ?? (await slotOf(it)), clientId, client: person, comment: 'Window seat' };
}
const lookUp = async <I>({ onUnknown }: AppointmentEffect<I>, ref: string, input: I) => {
  if (onUnknown.do !== 'look_up') throw new Error('cannot be looked up');
  return onUnknown.find({ ref, input, attemptedAt: 0 }, signal);
};
const active = ({ fake }: Started) => fake.workspace.bookings.filter(({ is_canceled }) => is_canceled === false);

for (const bounds of ['seconds', 'clock', 'iso', 'unix'] as const)
  bookingConformance(`EasyWeek with free intervals in ${bounds}`, async () => {
    const { booking, fake, stop } = await setup({}, { bounds, maxPage: 4 });
    return {
      booking,
      stop,
      from: '2030-02-01',
      // Only one employee provides it.
      serviceId: colouring,
      addClient: async ({ name, phones: [phone = ''] }) => fake.workspace.addCustomer({ phone, first_name: name }).uuid,
      async occupy({ start }) {
        fake.workspace.addBooking({ serviceId: colouring, start: Date.parse(start), stafferId: anna });
      },
    };
  });

test('both headers are sent, and a wrong one is a fault of the credentials', async () => {
  const it = await started();
  await it.booking.listEmployees({}, signal);
  expect(it.fake.seen[0]?.headers).toMatchObject({
    authorization: 'Bearer fake-easyweek-key',
    workspace: 'fake-salon',
    accept: 'application/json',
  });
  for (const wrong of [{ EASYWEEK_API_KEY: 'wrong' }, { EASYWEEK_WORKSPACE: 'wrong' }]) {
    const { booking } = await started(wrong);
    await expect(booking.listEmployees({}, signal)).rejects.toMatchObject({ reason: 'upstream_credentials', outcome: 'not_executed' });
  }
});

test.each(['text', 'object'] as const)('the time zone is read as %s, unless a setting replaces it', async (zones) => {
  const { booking } = await started({}, { zones });
  expect(await booking.timeZone(signal)).toBe('Europe/Berlin');
  const { booking: moved } = await started({ EASYWEEK_TIME_ZONE: 'Europe/Kyiv' }, { zones, bounds: 'iso' });
  expect((await moved.getFreeSlots({ ...week, serviceIds: [colouring] }, signal))[0]?.start).toBe('2030-02-01T11:00:00+02:00');
});

test('services have durations in any unit and prices in minor units, also as text', async () => {
  const { booking } = await started();
  const eur = (amountMinor: number) => ({ from: { amountMinor, currency: 'EUR' }, to: { amountMinor, currency: 'EUR' } });
  expect(await booking.listServices({}, signal)).toEqual([
    { serviceId: haircut, name: 'Haircut', category: 'Hair', durationMinutes: 60, price: eur(4000) },
    { serviceId: colouring, name: 'Colouring', category: null, durationMinutes: 90, price: eur(9000) },
  ]);
});

describe('free intervals', () => {
  test('are cut into slots of the service at each step, none after the last that fits', async () => {
    const it = await started({ EASYWEEK_SLOT_STEP: '45m' });
    it.fake.workspace.addBooking({ serviceId: haircut, start: Date.parse('2030-02-01T12:00:00+01:00'), stafferId: anna });
    const slots = await it.booking.getFreeSlots({ from: '2030-02-01', days: 1, serviceIds: [colouring], employeeId: anna }, signal);
    expect(slots.map(({ start }) => start.slice(11, 16))).toEqual(['10:00', '13:00', '13:45', '14:30', '15:15', '16:00']);
    expect(slots[0]).toMatchObject({
      start: '2030-02-01T10:00:00+01:00',
      durationMinutes: 90,
      employeeId: anna,
      employeeName: 'Anna Müller',
      price: { amountMinor: 9000, currency: 'EUR' },
    });
  });
  test('that have begun offer no slot in the past', async () => {
    const it = await started();
    const slots = await it.booking.getFreeSlots({ from: '2030-01-31', days: 1, serviceIds: [colouring] }, signal);
    expect(slots[0]?.start).toBe('2030-01-31T12:05:00+01:00');
  });
  test('of a day on which clocks change have the offset of each time', async () => {
    const { booking } = await started();
    const slots = await booking.getFreeSlots({ from: '2030-03-30', days: 2, serviceIds: [colouring] }, signal);
    expect(slots.filter(({ start }) => start.slice(11, 16) === '10:00').map(({ start }) => start)).toEqual([
      '2030-03-30T10:00:00+01:00',
      '2030-03-31T10:00:00+02:00',
    ]);
  });
  test('are asked for at most three months, and for one service', async () => {
    const it = await started();
    expect((await it.booking.getFreeSlots({ from: '2030-02-01', days: 300, serviceIds: [colouring] }, signal)).length).toBeGreaterThan(500);
    const before = it.fake.seen.length;
    const two = it.booking.getFreeSlots({ ...week, serviceIds: [haircut, colouring] }, signal);
    await expect(two).rejects.toMatchObject({ code: 'unimplemented', reason: 'unsupported' });
    expect(it.fake.seen).toHaveLength(before);
  });
});

describe('customers', () => {
  test('are searched by an encoded plus, and every phone is compared', async () => {
    const it = await started();
    const { uuid } = it.fake.workspace.addCustomer({ phone: '+79990001122', first_name: 'Ivan' });
    it.fake.workspace.addCustomer({ phone: '+799900011225', first_name: 'Longer' });
    expect((await it.booking.findClients(person.phoneNumber, signal)).map(({ clientId }) => clientId)).toEqual([uuid]);
    expect(it.fake.seen[0]?.query).toContain('phone=%2B79990001122');
  });
  test.each([false, true])(
    'a search that ignores its filter takes at most 5 requests and finds nobody (the same page again: %s)',
    async (isRepeated) => {
      const it = await started({}, { maxPage: 1 });
      for (let nth = 0; nth < 9; nth += 1) it.fake.workspace.addCustomer({ phone: `+7999555000${nth}`, first_name: 'Stranger' });
      const all = (page: number) => ({
        data: [it.fake.workspace.customers[isRepeated ? 0 : page]],
        links: { next: `${it.fake.url}/api/public/v2/customers?page=${page + 2}` },
      });
      for (let page = 0; page < 9; page += 1) it.fake.order({ do: 'refuse', status: 200, on: 'GET customers', body: all(page) });
      expect(await it.booking.findClients(person.phoneNumber, signal)).toEqual([]);
      expect(it.fake.seen).toHaveLength(isRepeated ? 2 : 5);
    },
  );
  test.each(['https://elsewhere.example/api/public/v2/customers?page=2', '//elsewhere.example/customers', '/api/other?page=2'])(
    'a next page at %s is not followed',
    async (next) => {
      const it = await started();
      it.fake.order({ do: 'refuse', status: 200, on: 'GET customers', body: { data: [{ uuid: 'x', phone: '1' }], links: { next } } });
      await expect(it.booking.findClients(person.phoneNumber, signal)).rejects.toMatchObject({
        code: 'upstream_failed',
        reason: 'bad_reply',
      });
      expect(it.fake.seen).toHaveLength(1);
    },
  );
  test('a client without a booking has an id that shows no phone, and is created by the first booking', async () => {
    const it = await started();
    const input = await request(it);
    expect(it.fake.seen.filter(({ method }) => method !== 'GET')).toEqual([]);
    expect(input.clientId).not.toContain('9990001122');
    expect((await it.booking.createClient.attempt(person, at('again'))).clientId).toBe(input.clientId);
    const made = await it.booking.bookSlot.attempt(input, at('r1'));
    expect(it.fake.workspace.customers).toMatchObject([
      { uuid: made.clientId, phone: '+79990001122', first_name: 'Ivan', last_name: 'Petrov', email: 'ivan@example.com' },
    ]);
    const [found] = await it.booking.findClients(person.phoneNumber, signal);
    expect(found).toMatchObject({ clientId: made.clientId, name: 'Ivan Petrov' });
    // A second booking under the first id takes the same customer, by its own name.
    await it.booking.bookSlot.attempt({ ...input, slot: await slotOf(it, 5), client: { ...person, name: 'Somebody Else' } }, at('r2'));
    expect(it.fake.workspace.customers).toMatchObject([{ first_name: 'Ivan' }]);
    expect(JSON.parse(sent(it, 'POST bookings').at(-1)?.body ?? '')).toMatchObject({ customer_first_name: 'Ivan' });
  });
  test('an id of a phone needs that phone', async () => {
    const it = await started();
    const input = await request(it);
    for (const client of [null, { ...person, phoneNumber: '+79993334455' }])
      await expect(it.booking.bookSlot.attempt({ ...input, client }, at('r1'))).rejects.toMatchObject({
        reason: 'crm_rejected',
        data: { field: 'client' },
        outcome: 'not_executed',
      });
    expect(sent(it, 'POST')).toEqual([]);
  });
});

test('a booking is sent in UTC with its zone, and its comment carries a reference that no reader of the appointment sees', async () => {
  const it = await started();
  const made = await it.booking.bookSlot.attempt(await request(it), at('r1'));
  expect(JSON.parse(sent(it, 'POST bookings')[0]?.body ?? '')).toMatchObject({
    reserved_on: '2030-02-01T09:00:00Z',
    timezone: 'Europe/Berlin',
    customer_phone: '+79990001122',
    booking_comment: 'Window seat\nPolyB-Ref: r1',
  });
  expect(made).toMatchObject({
    start: '2030-02-01T10:00:00+01:00',
    comment: 'Window seat',
    durationMinutes: 90,
    employeeName: 'Anna Müller',
    status: 'booked',
  });
});

test('a time that is taken is busy, another refused field is named', async () => {
  const it = await started();
  const input = await request(it);
  it.fake.workspace.addBooking({ serviceId: colouring, start: Date.parse(input.slot.start), stafferId: anna });
  await expect(it.booking.bookSlot.attempt(input, at('r1'))).rejects.toMatchObject({
    code: 'conflict',
    reason: 'slot_busy',
    outcome: 'not_executed',
  });
  it.fake.order({ do: 'refuse', status: 422, on: 'POST bookings', body: { message: 'x', errors: { customer_phone: ['invalid'] } } });
  const refused = it.booking.bookSlot.attempt({ ...input, slot: await slotOf(it, 2) }, at('r2'));
  await expect(refused).rejects.toMatchObject({ reason: 'crm_rejected', data: { field: 'customer_phone' }, outcome: 'not_executed' });
});

test('a refused booking that was made is the booking, and a second try under another key makes no second one', async () => {
  const it = await started();
  const input = await request(it);
  it.fake.order({
    do: 'refuse',
    executes: true,
    status: 422,
    on: 'POST bookings',
    body: { message: 'x', errors: { reserved_on: ['taken'] } },
  });
  const made = await it.booking.bookSlot.attempt(input, at('r1'));
  expect(await it.booking.bookSlot.attempt(input, at('r2'))).toMatchObject({ appointmentId: made.appointmentId });
  expect(active(it)).toHaveLength(1);
});

test.each([
  ['cut', true],
  ['cut', false],
  ['garbage', true],
  ['refuse', true],
  ['refuse', false],
] as const)('a booking whose answer is lost (%s, done: %s) is found by customer, service and time', async (kind, executes) => {
  const it = await started();
  const input = await request(it);
  it.fake.order({ do: kind, executes, on: 'POST bookings' });
  await expect(it.booking.bookSlot.attempt(input, at('r1'))).rejects.toMatchObject({ outcome: 'unknown' });
  const id = it.fake.workspace.bookings[0]?.uuid;
  expect((await lookUp(it.booking.bookSlot, 'r1', input))?.appointmentId).toBe(executes ? id : undefined);
  await it.booking.bookSlot.attempt(input, at('r1'));
  expect(active(it)).toHaveLength(1);
});

describe('a move', () => {
  test('makes the new booking first and then cancels the old one', async () => {
    const it = await started();
    const { appointmentId } = await it.booking.bookSlot.attempt(await request(it), at('r1'));
    const slot = await slotOf(it, 6);
    const moved = await it.booking.moveToSlot.attempt({ appointmentId, slot }, at('r2'));
    expect(it.fake.seen.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST bookings',
      'POST bookings',
      `PUT bookings/${appointmentId}/status/cancel`,
    ]);
    expect(active(it)).toMatchObject([
      { uuid: moved.appointmentId, start: Date.parse(slot.start), public_notes: 'Window seat\nPolyB-Ref: r2' },
    ]);
  });
  test('to another employee at the same time does not take the old booking for the new one', async () => {
    const it = await started();
    const slot = await slotOf(it, 0, { serviceIds: [haircut], employeeId: anna });
    const { appointmentId } = await it.booking.bookSlot.attempt(await request(it, slot), at('r1'));
    const moved = await it.booking.moveToSlot.attempt({ appointmentId, slot: { ...slot, employeeId: staffers[1].uuid } }, at('r2'));
    expect(active(it)).toMatchObject([{ uuid: moved.appointmentId, staffer_uuid: staffers[1].uuid }]);
    expect(moved.appointmentId).not.toBe(appointmentId);
  });
  test.each([
    ['refuse', 422, 'not_executed'],
    ['refuse', 502, 'unknown'],
    ['cut', 0, 'unknown'],
  ] as const)('whose cancellation fails (%s %i) names both bookings, and a repeat completes it', async (kind, status, outcome) => {
    const it = await started();
    const { appointmentId } = await it.booking.bookSlot.attempt(await request(it), at('r1'));
    const input = { appointmentId, slot: await slotOf(it, 6) };
    it.fake.order({ do: kind, status, on: 'PUT bookings', body: { message: 'x', errors: { status: ['no'] } } });
    const failure = await it.booking.moveToSlot.attempt(input, at('r2')).catch((thrown: unknown) => thrown);
    const both = it.fake.workspace.bookings.map(({ uuid }) => uuid);
    expect(failure).toMatchObject({ outcome, data: { existing: both }, reason: status === 422 ? 'duplicate' : expect.any(String) });
    expect(both).toHaveLength(2);
    expect(await lookUp(it.booking.moveToSlot, 'r2', input)).toBeNull();
    const moved = await it.booking.moveToSlot.attempt(input, at('r2'));
    expect(moved.appointmentId).toBe(both[1]);
    expect(active(it)).toMatchObject([{ uuid: both[1] }]);
    expect(await lookUp(it.booking.moveToSlot, 'r2', input)).toMatchObject({ appointmentId: both[1] });
  });
  test('to a taken time leaves the old booking', async () => {
    const it = await started();
    const { appointmentId } = await it.booking.bookSlot.attempt(await request(it), at('r1'));
    const slot = await slotOf(it, 6);
    it.fake.workspace.addBooking({ serviceId: colouring, start: Date.parse(slot.start), stafferId: anna });
    await expect(it.booking.moveToSlot.attempt({ appointmentId, slot }, at('r2'))).rejects.toMatchObject({
      reason: 'slot_busy',
      outcome: 'not_executed',
    });
    expect(sent(it, 'PUT')).toEqual([]);
  });
});

describe('a cancellation', () => {
  test('sends its reason, and an empty reply is checked by reading the booking', async () => {
    const it = await started();
    const input = await request(it);
    for (const executes of [true, false]) {
      const { appointmentId } = await it.booking.bookSlot.attempt(input, at(`r-${executes}`));
      it.fake.order({ do: 'refuse', executes, status: 204, on: 'PUT bookings' });
      const cancelled = it.booking.releaseSlot.attempt({ appointmentId, reason: 'ill' }, at('c'));
      if (executes) expect(await cancelled).toMatchObject({ status: 'cancelled' });
      else await expect(cancelled).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
      expect(JSON.parse(sent(it, 'PUT').at(-1)?.body ?? '')).toEqual({ cancel_reason: 'ill', internal_notes: '' });
    }
  });
  test.each([true, false])('whose answer is lost (done: %s) is told by the booking', async (executes) => {
    const it = await started();
    const { appointmentId } = await it.booking.bookSlot.attempt(await request(it), at('r1'));
    const input = { appointmentId, reason: undefined };
    it.fake.order({ do: 'cut', executes, on: 'PUT bookings' });
    await expect(it.booking.releaseSlot.attempt(input, at('c'))).rejects.toMatchObject({ outcome: 'unknown' });
    expect((await lookUp(it.booking.releaseSlot, 'c', input))?.status).toBe(executes ? 'cancelled' : undefined);
  });
});

test('a failure before the booking has done nothing', async () => {
  const it = await started();
  const input = await request(it);
  it.fake.order({ do: 'refuse', status: 502, on: 'GET customers' });
  await expect(it.booking.bookSlot.attempt(input, at('r1'))).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'not_executed' });
  expect(active(it)).toEqual([]);
});

test('bookings of all pages are listed, and more than can be listed is said', async () => {
  const it = await started({}, { maxPage: 7 });
  const customer = it.fake.workspace.addCustomer({ phone: '+79990001122', first_name: 'Ivan' });
  const add = (nth: number) =>
    it.fake.workspace.addBooking({
      serviceId: haircut,
      start: Date.parse('2030-02-01T10:00:00Z') + nth * 3_600_000,
      stafferId: anna,
      customer,
    });
  for (let nth = 0; nth < 24; nth += 1) add(nth);
  expect(await it.booking.listAppointments({ ...week, clientId: customer.uuid }, signal)).toHaveLength(24);
  expect(await it.booking.listAppointments({ ...week, clientId: 'phone-1' }, signal)).toEqual([]);
  for (let nth = 24; nth < 80; nth += 1) add(nth);
  await expect(it.booking.listAppointments(week, signal)).rejects.toMatchObject({ code: 'failed_precondition' });
});
