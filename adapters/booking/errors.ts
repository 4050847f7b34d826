import { PolybError } from '../../contracts/kit/errors.ts';

/** Somebody has taken the slot, or its hours have changed. The service adds the next free ones. */
export function slotBusy(): PolybError {
  return new PolybError('conflict', 'The slot is not free any more.', { reason: 'slot_busy', outcome: 'not_executed' });
}
export function noAppointment(appointmentId: string): PolybError {
  return new PolybError('not_found', `There is no appointment ${appointmentId}.`, { reason: 'no_appointment', outcome: 'not_executed' });
}
