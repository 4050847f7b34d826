import { afterEach, expect, test } from '@jest/globals';
import { type Portal, type PortalOptions, portal } from '../../../test/kit/bitrix24.ts';
import { bookingConformance } from '../../booking/conformance.ts';
import type { Booking, FreeSlot } from '../../booking/port.ts';
import { bitrixBooking } from './booking.ts';
import { bitrixBookingSettings } from './settings.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
const { signal } = new AbortController();
/** A Monday. */
const monday = '2030-02-04';
const haircut = '1265';

function bookingOf(it: Portal, settings: Readonly<Record<string, string>> = {}): Booking {
  const access = it.access();
  const parsed = bitrixBookingSettings.parse({
    BITRIX24_WEBHOOK_URL: access.kind === 'webhook' ? access.url : '',
    BITRIX24_SERVICES_IBLOCK_ID: '23',
    BITRIX24_BOOKING_SOURCE: 'calendar',
    BITRIX24_TIME_ZONE: 'Europe/Moscow',
    ...settings,
  });
  return bitrixBooking(parsed, it.deps);
}
async function started(settings?: Readonly<Record<string, string>>, options?: PortalOptions) {
  const it = await portal(options);
  closing.push(it.stop);
  return { ...it, booking: bookingOf(it, settings) };
}
const addClient = ({ fake }: Portal, name: string, phones: readonly string[]) =>
  String(fake.items.add(3, { name, fm: phones.map((value) => ({ typeId: 'PHONE', valueType: 'WORK', value })) }).id);
/** An event of staff, past the adapter. */
async function occupy({ fake }: Portal, from: string, to: string, more: object = {}): Promise<void> {
  const body = JSON.stringify({ type: 'user', ownerId: 1, name: 'By staff', from, to, accessibility: 'busy', ...more });
  const reply = await fetch(`${fake.webhookUrl}calendar.event.add`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
  });
  expect(reply.status).toBe(200);
}
const endOf = ({ start, durationMinutes }: Pick<FreeSlot, 'start' | 'durationMinutes'>) =>
  new Date(Date.parse(start) + durationMinutes * 60_000).toISOString();
const slotAt = (start: string) => ({ start, employeeId: '1', serviceIds: [haircut], durationMinutes: 60, value: null });

bookingConformance('Bitrix24 by calendars of users', async () => {
  const it = await portal();
  return {
    booking: bookingOf(it),
    from: monday,
    serviceId: haircut,
    addClient: async ({ name, phones }) => addClient(it, name, phones),
    occupy: (slot) => occupy(it, slot.start, endOf(slot)),
    stop: it.stop,
  };
});

test('hours of the portal without its holidays are offered, but for events in which the user is not free', async () => {
  const it = await started({ BITRIX24_SLOT_MINUTES: '90' });
  Object.assign(it.fake.calendar.settings, { work_time_start: '9.30', work_time_end: '14', year_holidays: '5.02', year_workdays: '10.02' });
  await occupy(it, `${monday}T11:00:00+03:00`, `${monday}T11:30:00+03:00`);
  await occupy(it, `${monday}T09:30:00+03:00`, `${monday}T10:00:00+03:00`, { accessibility: 'free' });
  const slots = await it.booking.getFreeSlots({ from: monday, days: 7, serviceIds: [haircut] }, signal);
  const of = (day: string) => slots.filter(({ start }) => start.startsWith(day)).map(({ start }) => start.slice(11, 16));
  expect(of(monday)).toEqual(['09:30', '12:30']);
  expect([of('2030-02-05'), of('2030-02-09')]).toEqual([[], []]);
  // A Sunday on which the company works.
  expect(of('2030-02-10')).toEqual(['09:30', '11:00', '12:30']);
});

test('an event of whole days takes them whole', async () => {
  const it = await started();
  await occupy(it, `${monday}T00:00:00Z`, '2030-02-05T00:00:00Z', { skip_time: 'Y', accessibility: 'absent' });
  const slots = await it.booking.getFreeSlots({ from: monday, days: 3, serviceIds: [haircut] }, signal);
  expect([...new Set(slots.map(({ start }) => start.slice(0, 10)))]).toEqual(['2030-02-06']);
});

test('an appointment is an event that is bound to its contact; events of staff are none', async () => {
  const it = await started();
  const clientId = addClient(it, 'Anna', ['8 (999) 000-11-22']);
  const input = { slot: slotAt(`${monday}T10:00:00+03:00`), clientId, client: null, comment: 'By the window' };
  const booked = await it.booking.bookSlot.attempt(input, { ref: 'r1', signal });
  expect(booked).toEqual(await it.booking.getAppointment(booked.appointmentId, signal));
  expect(booked).toMatchObject({
    clientId,
    clientName: 'Anna',
    employeeName: 'Vera Smirnova',
    serviceIds: [haircut],
    comment: 'By the window',
  });
  expect(it.fake.calendar.events[0]).toMatchObject({ NAME: 'Haircut', UF_CRM_CAL_EVENT: [`C_${clientId}`], ACCESSIBILITY: 'busy' });
  await occupy(it, `${monday}T12:00:00+03:00`, `${monday}T13:00:00+03:00`);
  expect(await it.booking.getAppointment(it.fake.calendar.events[1]?.ID ?? '', signal)).toBeNull();
  expect(await it.booking.listAppointments({ from: monday, days: 7 }, signal)).toEqual([booked]);
});

test('of two attempts at the same time that both find it free, one books and the other is refused to look again', async () => {
  const it = await started();
  const other = bookingOf(it);
  const clients = ['+79990001122', '+79993334455'].map((phone) => addClient(it, 'Anna', [phone]));
  const slot = slotAt(`${monday}T10:00:00+03:00`);
  const attempts = [it.booking, other].map((booking, nth) =>
    booking.bookSlot.attempt({ slot, clientId: clients[nth] ?? '', client: null, comment: undefined }, { ref: `r${nth}`, signal }),
  );
  const ends = await Promise.allSettled(attempts);
  expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  const refused = ends.find((end) => end.status === 'rejected');
  expect(refused?.reason).toMatchObject({ outcome: 'not_executed', reason: expect.stringMatching(/rate_limited|slot_busy/) });
  expect(it.fake.calendar.events).toHaveLength(1);
});

test('an appointment may be moved into its own time', async () => {
  const it = await started();
  const clientId = addClient(it, 'Anna', ['+79990001122']);
  const input = { slot: slotAt(`${monday}T10:00:00+03:00`), clientId, client: null, comment: undefined };
  const { appointmentId } = await it.booking.bookSlot.attempt(input, { ref: 'r1', signal });
  const slot = slotAt(`${monday}T10:30:00+03:00`);
  expect(await it.booking.moveToSlot.attempt({ appointmentId, slot }, { ref: 'r2', signal })).toMatchObject({ start: slot.start });
});

test('an event is not moved to the calendar of somebody else', async () => {
  const it = await started();
  const clientId = addClient(it, 'Anna', ['+79990001122']);
  const slot = slotAt(`${monday}T10:00:00+03:00`);
  const { appointmentId } = await it.booking.bookSlot.attempt({ slot, clientId, client: null, comment: undefined }, { ref: 'r1', signal });
  const moved = it.booking.moveToSlot.attempt({ appointmentId, slot: { ...slot, employeeId: '3' } }, { ref: 'r2', signal });
  await expect(moved).rejects.toMatchObject({ reason: 'crm_rejected', outcome: 'not_executed' });
});

test('a write whose reply is lost is unknown, and is found if and only if it happened', async () => {
  const it = await started();
  const { booking, fake } = it;
  const { bookSlot, moveToSlot, releaseSlot } = booking;
  if (bookSlot.onUnknown.do !== 'look_up' || moveToSlot.onUnknown.do !== 'look_up' || releaseSlot.onUnknown.do !== 'look_up')
    throw new Error('cannot be looked up');
  const clientId = addClient(it, 'Anna', ['+79990001122']);
  for (const executes of [false, true]) {
    const day = executes ? '05' : '06';
    const at = { ref: `r-${executes}`, signal };
    const lost = async (attempt: Promise<unknown>) => expect(attempt).rejects.toMatchObject({ outcome: 'unknown' });
    const order = (method: string) => fake.order({ do: 'cut', on: fake.at(method), executes });
    const book = { slot: slotAt(`2030-02-${day}T10:00:00+03:00`), clientId, client: null, comment: undefined };
    order('calendar.event.add');
    await lost(bookSlot.attempt(book, at));
    const found = await bookSlot.onUnknown.find({ ref: at.ref, input: book, attemptedAt: 0 }, signal);
    expect(found === null).toBe(!executes);
    it.later(20_000);
    const { appointmentId } = found ?? (await bookSlot.attempt(book, at));
    const move = { appointmentId, slot: slotAt(`2030-02-${day}T12:00:00+03:00`) };
    order('calendar.event.update');
    await lost(moveToSlot.attempt(move, at));
    expect((await moveToSlot.onUnknown.find({ ref: at.ref, input: move, attemptedAt: 0 }, signal)) === null).toBe(!executes);
    const release = { appointmentId, reason: undefined };
    order('calendar.event.delete');
    await lost(releaseSlot.attempt(release, at));
    expect((await releaseSlot.onUnknown.find({ ref: at.ref, input: release, attemptedAt: 0 }, signal))?.status).toBe(
      executes ? 'cancelled' : undefined,
    );
  }
  expect(fake.calendar.events).toHaveLength(1);
});

test('calendars without a time zone name the setting', async () => {
  const it = await portal();
  closing.push(it.stop);
  expect(() => bookingOf(it, { BITRIX24_TIME_ZONE: undefined as never })).toThrow(/BITRIX24_TIME_ZONE/);
});
