import { afterEach, expect, test } from '@jest/globals';
import { type Portal, type PortalOptions, portal } from '../../../test/kit/bitrix24.ts';
import { bookingConformance } from '../../booking/conformance.ts';
import type { FreeSlot } from '../../booking/port.ts';
import { bitrixBooking } from './booking.ts';
import type { FakeBooking } from './fake-booking.ts';
import { bitrixBookingSettings } from './settings.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
const { signal } = new AbortController();
/** A Monday. */
const monday = '2030-02-04';
const haircut = '1265';

async function setup(settings: Readonly<Record<string, string>> = {}, options: PortalOptions = {}) {
  const it = await portal(options);
  const access = it.access();
  const url = access.kind === 'webhook' ? access.url : '';
  const parsed = bitrixBookingSettings.parse({ BITRIX24_WEBHOOK_URL: url, BITRIX24_SERVICES_IBLOCK_ID: '23', ...settings });
  return { ...it, booking: bitrixBooking(parsed, it.deps) };
}
async function started(...options: Parameters<typeof setup>) {
  const it = await setup(...options);
  closing.push(it.stop);
  return it;
}
const addClient = ({ fake }: Portal, name: string, phones: readonly string[]) =>
  String(fake.items.add(3, { name, fm: phones.map((value) => ({ typeId: 'PHONE', valueType: 'WORK', value })) }).id);
/** Books past the adapter. */
function occupy(
  { fake }: Portal,
  { start, durationMinutes, employeeId }: Pick<FreeSlot, 'start' | 'durationMinutes' | 'employeeId'>,
): FakeBooking {
  const from = Date.parse(start) / 1000;
  const moment = (timestamp: number) => ({ timestamp, timezone: 'Europe/Moscow' });
  const made = {
    id: 1 + fake.booking.bookings.length,
    name: 'By staff',
    description: null,
    resourceIds: [Number(employeeId)],
    datePeriod: { from: moment(from), to: moment(from + durationMinutes * 60) },
  };
  fake.booking.bookings.push(made);
  return made;
}
const slotAt = (start: string, employeeId = '5') => ({ start, employeeId, serviceIds: [haircut], durationMinutes: 60, value: null });

bookingConformance('Bitrix24', async () => {
  const it = await setup();
  return {
    booking: it.booking,
    from: monday,
    serviceId: haircut,
    addClient: async ({ name, phones }) => addClient(it, name, phones),
    occupy: async (slot) => void occupy(it, slot),
    stop: it.stop,
  };
});

test('weekly hours minus bookings are the free slots, in the zone of the location', async () => {
  const it = await started();
  occupy(it, slotAt(`${monday}T11:30:00+03:00`));
  const slots = await it.booking.getFreeSlots({ from: monday, days: 1, serviceIds: [haircut], employeeId: '5' }, signal);
  expect(slots.map(({ start }) => start.slice(11))).toEqual([
    '09:00:00+03:00',
    '10:00:00+03:00',
    '13:00:00+03:00',
    '14:00:00+03:00',
    '15:00:00+03:00',
    '16:00:00+03:00',
    '17:00:00+03:00',
  ]);
  const weekend = await it.booking.getFreeSlots({ from: '2030-02-09', days: 2, serviceIds: [haircut] }, signal);
  expect(weekend).toEqual([]);
});

test('a booking that began the day before takes the slots into which it lasts', async () => {
  const it = await started();
  occupy(it, { start: '2030-02-03T22:00:00+03:00', durationMinutes: 750, employeeId: '5' });
  const slots = await it.booking.getFreeSlots({ from: monday, days: 1, serviceIds: [haircut], employeeId: '5' }, signal);
  expect(slots[0]?.start).toBe(`${monday}T11:00:00+03:00`);
});

test('two services take two slots one after the other', async () => {
  const it = await started();
  occupy(it, slotAt(`${monday}T10:00:00+03:00`));
  const slots = await it.booking.getFreeSlots({ from: monday, days: 1, serviceIds: [haircut, '1266'], employeeId: '5' }, signal);
  expect(slots.map(({ start, durationMinutes }) => [start.slice(11, 16), durationMinutes])).toEqual(
    ['11:00', '12:00', '13:00', '14:00', '15:00', '16:00'].map((at) => [at, 120]),
  );
});

test('hours are read in their own zone, on both sides of a change of summer time, and nothing is offered in the past', async () => {
  const it = await started({ BITRIX24_TIME_ZONE: 'Europe/Moscow' });
  const [anna] = it.fake.booking.resources;
  const hours = { id: 1, from: 540, to: 660, timezone: 'Europe/Berlin', weekDays: ['Sat', 'Mon'], slotSize: 60 };
  it.fake.booking.resources.splice(0, 2, { ...(anna as never as (typeof it.fake.booking.resources)[0]), slots: [hours] });
  const of = async (from: string, days: number) =>
    (await it.booking.getFreeSlots({ from, days, serviceIds: [haircut] }, signal)).map(({ start }) => start);
  // Berlin changes on 31 March 2030.
  expect(await of('2030-03-30', 3)).toEqual([
    '2030-03-30T11:00:00+03:00',
    '2030-03-30T12:00:00+03:00',
    '2030-04-01T10:00:00+03:00',
    '2030-04-01T11:00:00+03:00',
  ]);
  it.later(Date.UTC(2030, 2, 30, 8, 30) - it.now());
  expect((await of('2030-03-30', 1)).map((start) => start.slice(11, 16))).toEqual(['12:00']);
});

test('hours that the portal left without a length or a zone offer nothing', async () => {
  const it = await started({ BITRIX24_TIME_ZONE: 'Europe/Moscow' });
  const [anna] = it.fake.booking.resources;
  if (anna === undefined) throw new Error('no resource');
  const [hours] = anna.slots;
  const broken = [{ slotSize: 0 }, { timezone: 'Nowhere/Town' }].map((wrong) => ({ ...hours, ...wrong })) as never;
  it.fake.booking.resources.splice(0, 2, { ...anna, slots: broken });
  expect(await it.booking.getFreeSlots({ from: monday, days: 7, serviceIds: [haircut] }, signal)).toEqual([]);
});

test('without a resource that has hours, the setting of the time zone is named', async () => {
  const it = await started();
  it.fake.booking.resources.splice(0);
  await expect(it.booking.timeZone(signal)).rejects.toThrow(/BITRIX24_TIME_ZONE/);
});

test('an appointment is one request: contact, employee, service, booking and client', async () => {
  const it = await started();
  const clientId = addClient(it, 'Anna', ['8 (999) 000-11-22']);
  await it.booking.timeZone(signal);
  const before = it.fake.seen.length;
  const slot = slotAt(`${monday}T10:00:00+03:00`);
  const appointment = await it.booking.bookSlot.attempt({ slot, clientId, client: null, comment: 'By the window' }, { ref: 'r1', signal });
  expect(it.fake.seen.length - before).toBe(1);
  expect(appointment).toEqual(await it.booking.getAppointment(appointment.appointmentId, signal));
  expect(appointment).toMatchObject({
    clientId,
    clientName: 'Anna',
    phoneNumber: '+79990001122',
    employeeName: 'Anna',
    serviceIds: [haircut],
    start: `${monday}T10:00:00+03:00`,
    comment: 'By the window',
  });
  const [made] = it.fake.booking.bookings;
  expect(made).toMatchObject({
    name: 'Haircut',
    description: `By the window\nPolyB-Services: ${haircut}\nPolyB-Ref: r1`,
    resourceIds: [5],
  });
  expect(made?.datePeriod.from).toEqual({ timestamp: Date.parse(slot.start) / 1000, timezone: 'Europe/Moscow' });
});

test('the id of a new booking may also come as a bare number', async () => {
  const it = await started();
  const clientId = addClient(it, 'Anna', ['+79990001122']);
  await it.booking.timeZone(signal);
  const item = { id: Number(clientId), name: 'Anna', fm: [] };
  const results = {
    contact: { item },
    resource: { resource: { id: 5, name: 'Anna' } },
    services: { services: [] },
    add: 1823,
    client: true,
  };
  it.fake.order({ do: 'refuse', on: it.fake.at('batch'), status: 200, body: { result: { result: results, result_error: [] } } });
  const slot = slotAt(`${monday}T10:00:00+03:00`);
  const booked = await it.booking.bookSlot.attempt({ slot, clientId, client: null, comment: undefined }, { ref: 'r1', signal });
  expect(booked.appointmentId).toBe('1823');
});

test.each([
  ['a contact', { clientId: '404' }],
  ['an employee', { employeeId: '404' }],
])(
  '%s that is not there is refused before anything is booked',
  async (_, { clientId, employeeId }: { clientId?: string; employeeId?: string }) => {
    const it = await started();
    const input = {
      slot: slotAt(`${monday}T10:00:00+03:00`, employeeId),
      clientId: clientId ?? addClient(it, 'Anna', ['+79990001122']),
      client: null,
      comment: undefined,
    };
    const booked = it.booking.bookSlot.attempt(input, { ref: 'r1', signal });
    await expect(booked).rejects.toMatchObject({ code: 'failed_precondition', reason: 'crm_rejected', outcome: 'not_executed' });
    expect(it.fake.booking.bookings).toEqual([]);
  },
);

test('a booking that was made without its client is unknown; the look-up finds it by its reference and sets the client', async () => {
  const it = await started();
  const clientId = addClient(it, 'Anna', ['+79990001122']);
  await it.booking.timeZone(signal);
  const input = { slot: slotAt(`${monday}T10:00:00+03:00`), clientId, client: null, comment: undefined };
  it.fake.refuseClients(2);
  await expect(it.booking.bookSlot.attempt(input, { ref: 'r1', signal })).rejects.toMatchObject({ outcome: 'unknown' });
  expect(it.fake.booking.bookings).toHaveLength(1);
  const { onUnknown } = it.booking.bookSlot;
  if (onUnknown.do !== 'look_up') throw new Error('cannot be looked up');
  expect(await onUnknown.find({ ref: 'r2', input, attemptedAt: 0 }, signal)).toBeNull();
  expect(await onUnknown.find({ ref: 'r1', input, attemptedAt: 0 }, signal)).toMatchObject({ clientId });
  // The second try at once sets it too.
  it.fake.refuseClients(1);
  const later = { ...input, slot: slotAt(`${monday}T12:00:00+03:00`) };
  expect(await it.booking.bookSlot.attempt(later, { ref: 'r3', signal })).toMatchObject({ clientId });
});

test.each(['cut', 'refuse', 'hang', 'garbage'] as const)(
  'a write whose reply is lost (%s) is unknown, and is found if and only if it happened',
  async (kind) => {
    const it = await started();
    const { booking, fake } = it;
    const clientId = addClient(it, 'Anna', ['+79990001122']);
    await booking.timeZone(signal);
    const lost = async (attempt: (of: AbortSignal) => Promise<unknown>, on: string, executes: boolean) => {
      const caller = new AbortController();
      const { struck } = fake.order({ do: kind, on: fake.at(on), status: 502, executes });
      const outcome = expect(attempt(caller.signal)).rejects.toMatchObject({ outcome: 'unknown' });
      await struck;
      if (kind === 'hang') caller.abort();
      await outcome;
      it.later(600_000);
    };
    for (const executes of [false, true]) {
      const ref = `r-${executes}`;
      const at = (of: AbortSignal) => ({ ref, signal: of });
      const attemptedAt = 0;
      const { bookSlot, moveToSlot, releaseSlot } = booking;
      if (bookSlot.onUnknown.do !== 'look_up' || moveToSlot.onUnknown.do !== 'look_up' || releaseSlot.onUnknown.do !== 'look_up')
        throw new Error('cannot be looked up');
      const day = executes ? '05' : '06';
      const book = { slot: slotAt(`2030-02-${day}T10:00:00+03:00`), clientId, client: null, comment: undefined };
      await lost((of) => bookSlot.attempt(book, at(of)), 'batch', executes);
      const found = await bookSlot.onUnknown.find({ ref, input: book, attemptedAt }, signal);
      expect(found === null).toBe(!executes);
      const { appointmentId } = found ?? (await bookSlot.attempt(book, at(signal)));
      const move = { appointmentId, slot: slotAt(`2030-02-${day}T12:00:00+03:00`, '7') };
      // The reads before the write are batches too: the first one passes.
      fake.order({ do: 'slow', ms: 0, on: fake.at('batch') });
      await lost((of) => moveToSlot.attempt(move, at(of)), 'batch', executes);
      expect((await moveToSlot.onUnknown.find({ ref, input: move, attemptedAt }, signal)) === null).toBe(!executes);
      const release = { appointmentId, reason: undefined };
      await lost((of) => releaseSlot.attempt(release, at(of)), 'booking.v1.booking.delete', executes);
      expect((await releaseSlot.onUnknown.find({ ref, input: release, attemptedAt }, signal))?.status).toBe(
        executes ? 'cancelled' : undefined,
      );
    }
    expect(fake.booking.bookings).toHaveLength(1);
  },
);

test('a company among the clients of a booking is no client, and a booking of staff has none', async () => {
  const it = await started();
  const contactId = addClient(it, 'Anna', ['+79990001122']);
  const made = occupy(it, slotAt(`${monday}T10:00:00+03:00`));
  const of = (code: string, id: number) => ({ id, type: { module: 'crm', code } });
  expect(await it.booking.getAppointment(String(made.id), signal)).toMatchObject({
    clientId: null,
    clientName: null,
    serviceIds: [],
    comment: null,
  });
  it.fake.booking.clients.set(made.id, [of('COMPANY', Number(contactId))]);
  expect(await it.booking.getAppointment(String(made.id), signal)).toMatchObject({ clientId: null, clientName: null });
  it.fake.booking.clients.set(made.id, [of('CONTACT', Number(contactId)), of('COMPANY', 9)]);
  expect(await it.booking.getAppointment(String(made.id), signal)).toMatchObject({ clientId: contactId, clientName: 'Anna' });
});

test('appointments of many days are read in pages and batches, earliest first; a page that repeats ends the list', async () => {
  const it = await started();
  const week = { from: monday, days: 31 };
  for (let nth = 0; nth < 120; nth += 1) {
    const day = String(4 + Math.floor(nth / 8)).padStart(2, '0');
    occupy(it, slotAt(`2030-02-${day}T${String(17 - (nth % 8)).padStart(2, '0')}:00:00+03:00`, '5'));
  }
  const all = await it.booking.listAppointments(week, signal);
  const starts = all.map(({ start }) => Date.parse(start));
  expect(starts).toHaveLength(120);
  expect(starts).toEqual(starts.toSorted((a, b) => a - b));
  // Two to find the zone and three pages, then sixteen bookings a batch.
  expect(it.fake.seen.length).toBeLessThanOrEqual(13);
  const repeating = await started({}, { repeatsPages: ['booking.v1.booking.list'] });
  for (let nth = 0; nth < 60; nth += 1) occupy(repeating, slotAt(`${monday}T10:00:00+03:00`));
  expect(await repeating.booking.listAppointments(week, signal)).toHaveLength(50);
});

test('a filter by client that the portal ignores brings no appointments of others', async () => {
  const it = await started({}, { ignoresFilters: ['booking.v1.booking.list'] });
  const clientId = addClient(it, 'Anna', ['+79990001122']);
  occupy(it, slotAt(`${monday}T10:00:00+03:00`));
  expect(await it.booking.listAppointments({ from: monday, days: 7, clientId }, signal)).toEqual([]);
});

test('services are moved with the appointment when the slot has others', async () => {
  const it = await started();
  const clientId = addClient(it, 'Anna', ['+79990001122']);
  const booked = await it.booking.bookSlot.attempt(
    { slot: slotAt(`${monday}T10:00:00+03:00`), clientId, client: null, comment: 'Quiet' },
    { ref: 'r1', signal },
  );
  const slot = { ...slotAt(`${monday}T12:00:00+03:00`), serviceIds: ['1266'] };
  const moved = await it.booking.moveToSlot.attempt({ slot, appointmentId: booked.appointmentId }, { ref: 'r2', signal });
  expect(moved).toEqual(await it.booking.getAppointment(booked.appointmentId, signal));
  expect(moved).toMatchObject({ serviceIds: ['1266'], comment: 'Quiet' });
  expect(it.fake.booking.bookings[0]?.description).toBe('Quiet\nPolyB-Services: 1266\nPolyB-Ref: r1');
});
