/** One appointment as it is now: an event if that is new, whoever noticed it first. */
import type { Appointment } from '../../adapters/booking/port.ts';
import type { Tx } from '../../bus/service.ts';
import { booking } from '../../contracts/booking.ts';
import { canonical } from '../../contracts/kit/canonical.ts';
import { lockKnown, putKnown } from './rows/known.ts';

export interface Noticed {
  readonly connection: string;
  readonly appointment: Appointment;
  readonly origin: 'polyb' | 'vendor';
}
/** What is known of an appointment: the state of its row. */
export type KnownAppointment = Pick<Appointment, 'start' | 'durationMinutes' | 'employeeId' | 'serviceIds' | 'status' | 'clientId'>;

/** @param isNews false for what was there before this system looked for the first time */
export async function recordAppointment(tx: Tx, { connection, appointment, origin }: Noticed, isNews = true): Promise<void> {
  const { appointmentId, serviceIds, start, durationMinutes, status } = appointment;
  const key = { kind: 'booking', connection, entity: 'appointment', id: appointmentId } as const;
  const known = await lockKnown(tx, key);
  const before = (known?.state ?? null) as KnownAppointment | null; // This function wrote it.
  // A reply may leave out whom the system chose, and a deleted appointment says nothing of its client.
  const employeeId = appointment.employeeId ?? before?.employeeId ?? null;
  const clientId = appointment.clientId ?? before?.clientId ?? null;
  const state: KnownAppointment = { start, durationMinutes, employeeId, serviceIds, status, clientId };
  if (before !== null && canonical(before) === canonical(state)) return;
  const isOver = status === 'cancelled';
  await putKnown(tx, key, { state, startsAt: new Date(start), isOver });
  if (!isNews || (before !== null && isSame(before, state)) || (isOver && (known === null || known.isOver))) return;
  const event = isOver ? booking.appointment_cancelled : known === null ? booking.appointment_created : booking.appointment_changed;
  tx.emit(event, { connection, appointmentId, clientId, serviceIds, employeeId, start, durationMinutes, status, origin });
}

/** Neither a client nor an employee that became known is a change, nor is a time in another spelling. */
function isSame(before: KnownAppointment, after: KnownAppointment): boolean {
  const comparable = ({ start, durationMinutes, serviceIds, status }: KnownAppointment) =>
    canonical({ start: Date.parse(start), durationMinutes, serviceIds: serviceIds.toSorted(), status });
  return comparable(before) === comparable(after) && (before.employeeId === null || before.employeeId === after.employeeId);
}
