/** Cancelling deletes at Bitrix24, which then knows nothing of the appointment. */
import { lookUp, type UnknownAttempt } from '../../../contracts/kit/define.ts';
import type { Appointment, AppointmentEffect, SlotRelease } from '../../booking/port.ts';
import type { Cache } from '../../deps.ts';
import { dayMs, noAppointment } from './diary.ts';

export function releaseEffect({
  read,
  remove,
  cache,
  connection,
  settleMs,
}: {
  readonly read: (appointmentId: string, signal: AbortSignal) => Promise<Appointment | null>;
  readonly remove: (appointmentId: string, signal: AbortSignal) => Promise<unknown>;
  readonly cache: Pick<Cache, 'get' | 'set'>;
  readonly connection: string;
  readonly settleMs: number;
}): AppointmentEffect<SlotRelease> {
  const key = (appointmentId: string) => `bitrix24:${connection}:deleted:${appointmentId}`;
  return {
    async attempt({ appointmentId }, { signal }) {
      const appointment = await read(appointmentId, signal);
      if (appointment === null) throw noAppointment(appointmentId);
      const cancelled: Appointment = { ...appointment, status: 'cancelled' };
      // After a lost reply, this is what is known of it.
      await cache.set(key(appointmentId), JSON.stringify(cancelled), dayMs);
      await remove(appointmentId, signal);
      return cancelled;
    },
    onUnknown: lookUp(settleMs, async ({ input: { appointmentId } }: UnknownAttempt<SlotRelease>, signal) => {
      if ((await read(appointmentId, signal)) !== null) return null;
      const kept = await cache.get(key(appointmentId));
      if (kept !== null) return JSON.parse(kept) as Appointment; // Written by the attempt.
      throw noAppointment(appointmentId);
    }),
  };
}
