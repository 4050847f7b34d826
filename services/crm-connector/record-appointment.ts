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
/** @param isNews false for what was there before this system looked for the first time */
export async function recordAppointment(tx: Tx, { connection, appointment, origin }: Noticed, isNews = true): Promise<void> {
  const { appointmentId, clientId, serviceIds, employeeId, start, durationMinutes, status } = appointment;
  const key = { kind: 'booking', connection, entity: 'appointment', id: appointmentId } as const;
  const known = await lockKnown(tx, key);
  const state = { start: Date.parse(start), durationMinutes, employeeId, serviceIds: serviceIds.toSorted(), status };
  if (known !== null && canonical(known.state) === canonical(state)) return;
  const isOver = status === 'cancelled';
  await putKnown(tx, key, { state, startsAt: new Date(start), isOver });
  if (!isNews || (isOver && (known === null || known.isOver))) return;
  const event = isOver ? booking.appointment_cancelled : known === null ? booking.appointment_created : booking.appointment_changed;
  tx.emit(event, { connection, appointmentId, clientId, serviceIds, employeeId, start, durationMinutes, status, origin });
}
