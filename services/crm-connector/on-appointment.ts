import { type Consumer, on } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { booking as contract } from '../../contracts/booking.ts';

/** Each change of an appointment is noted once, whoever made it. @param connections those whose appointments the primary CRM does not show itself */
export function onAppointment(connections: ReadonlySet<string>): readonly Consumer[] {
  const changes = {
    created: contract.appointment_created,
    changed: contract.appointment_changed,
    cancelled: contract.appointment_cancelled,
  } as const;
  return Object.entries(changes).map(([change, event]) =>
    on(event, async ({ connection, appointmentId, clientId, serviceIds, start }, tx) => {
      if (!connections.has(connection)) return;
      const input = { connection, appointmentId, clientId, serviceIds, change: change as keyof typeof changes, start };
      tx.send(contract.note_appointment, input, { key: derivedKey('note', connection, appointmentId, change, start) });
    }),
  );
}
