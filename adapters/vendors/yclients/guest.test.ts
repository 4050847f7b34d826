import { afterEach, expect, test } from '@jest/globals';
import { booking as contract } from '../../../contracts/booking.ts';
import { vendorWorld } from '../../../test/kit/vendor-deps.ts';
import type { AppointmentEffect, FreeSlot } from '../../booking/port.ts';
import { yclientsBooking } from './booking.ts';
import { type SalonFakeOptions, salonFake, salonUser } from './fake.ts';
import { yclientsSettings } from './settings.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Online booking without a user token. */
async function started(options: SalonFakeOptions = {}) {
  const it = await vendorWorld(Date.UTC(2030, 0, 31, 10), (now) => salonFake({ now, isLimited: false, ...options }));
  closing.push(it.stop);
  const settings = yclientsSettings.parse({
    YCLIENTS_URL: `${it.fake.url}/api/v1`,
    YCLIENTS_PARTNER_TOKEN: salonUser.partnerToken,
    YCLIENTS_COMPANY_ID: salonUser.companyId,
  });
  return { ...it, booking: yclientsBooking(settings, it.deps) };
}
const { signal } = new AbortController();
const at = (ref: string) => ({ ref, signal });
const anna = { name: 'Anna Petrova', phoneNumber: '+79990001122', email: 'anna@example.com' };
async function request({ booking }: Awaited<ReturnType<typeof started>>) {
  const [slot] = await booking.getFreeSlots({ from: '2030-02-01', days: 1, serviceIds: ['331'], employeeId: '9' }, signal);
  const { clientId } = await booking.createClient.attempt(anna, at('r0'));
  return { slot: slot as FreeSlot, clientId, client: anna, comment: undefined };
}
const lookUp = async <I>({ onUnknown }: AppointmentEffect<I>, input: I) => {
  if (onUnknown.do !== 'look_up') throw new Error('cannot be looked up');
  return onUnknown.find({ ref: 'r1', input, attemptedAt: 0 }, signal);
};

test('books by phone, reads and cancels by the hash of the booking, and shows no phone in the id of the client', async () => {
  const it = await started();
  const input = await request(it);
  expect(input.clientId).not.toContain('9990001122');
  const { appointmentId } = await it.booking.bookSlot.attempt(input, at('r1'));
  const appointment = await it.booking.getAppointment(appointmentId, signal);
  expect(contract.get_appointment.output.parse({ appointment }).appointment).toMatchObject({
    appointmentId,
    clientId: input.clientId,
    start: input.slot.start,
    employeeId: '9',
    durationMinutes: 60,
  });
  expect(await it.booking.getAppointment(appointmentId.replace(/-\w/, '-x'), signal)).toBeNull();
  expect(await it.booking.releaseSlot.attempt({ appointmentId, reason: undefined }, at('r2'))).toMatchObject({ status: 'cancelled' });
  expect(await it.booking.getAppointment(appointmentId, signal)).toBeNull();
  await expect(it.booking.releaseSlot.attempt({ appointmentId, reason: undefined }, at('r3'))).rejects.toMatchObject({
    code: 'not_found',
    reason: 'no_appointment',
  });
  expect(it.fake.seen.every(({ headers }) => headers.authorization === 'Bearer fake-partner-token')).toBe(true);
});

test('a lost booking did not happen if its slot is still free, and is for a person to judge if it is not', async () => {
  for (const executes of [false, true]) {
    const it = await started();
    const input = await request(it);
    it.fake.order({ do: 'cut', executes, on: 'POST book_record' });
    await expect(it.booking.bookSlot.attempt(input, at('r1'))).rejects.toMatchObject({ outcome: 'unknown' });
    if (executes)
      await expect(lookUp(it.booking.bookSlot, input)).rejects.toMatchObject({ code: 'failed_precondition', outcome: 'unknown' });
    else expect(await lookUp(it.booking.bookSlot, input)).toBeNull();
  }
});

test('a booking needs the name and the phone that belong to the id of the client', async () => {
  const it = await started();
  const input = await request(it);
  for (const client of [null, { ...anna, phoneNumber: '+79993334455' }])
    await expect(it.booking.bookSlot.attempt({ ...input, client }, at('r1'))).rejects.toMatchObject({
      reason: 'crm_rejected',
      data: { field: 'client' },
    });
});

test('a location that confirms phones by SMS says so', async () => {
  const it = await started({ confirmsPhones: true });
  await expect(it.booking.bookSlot.attempt(await request(it), at('r1'))).rejects.toMatchObject({
    reason: 'crm_rejected',
    data: { field: 'code' },
    outcome: 'not_executed',
  });
});

test('what needs a user is refused before any request, and the capabilities say so', async () => {
  const { booking, fake } = await started();
  const { methods } = booking.capabilities();
  expect(
    Object.entries(methods)
      .filter(([, support]) => support === 'unsupported')
      .map(([method]) => method),
  ).toEqual(['find_client', 'list_appointments', 'reschedule_appointment']);
  const move = {
    appointmentId: '1',
    slot: { serviceIds: ['1'], employeeId: null, start: '2030-02-01T10:00:00+03:00', durationMinutes: 60, value: null },
  };
  for (const refused of [
    booking.findClients(anna.phoneNumber, signal),
    booking.listAppointments({ from: '2030-02-01', days: 1 }, signal),
    booking.moveToSlot.attempt(move, at('r1')),
  ])
    await expect(refused).rejects.toMatchObject({ code: 'unimplemented', reason: 'unsupported', outcome: 'not_executed' });
  expect(fake.seen).toEqual([]);
});
