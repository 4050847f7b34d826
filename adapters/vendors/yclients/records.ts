/** Appointments of a location: as replies have them, and as the requests that replace one must repeat them. */
import { PersonName } from '../../../contracts/common.ts';
import type { Appointment } from '../../booking/port.ts';
import type { Zone } from '../../booking/zone.ts';
import { type Fields, fieldsOf, idOf, instantOf, listOf, minutesOf, numberOf, phoneOf, textOf } from './values.ts';

export const isDeleted = (record: Fields): boolean => record.deleted === true || record.deleted === 1;
export const startOf = (record: Fields, zone: Zone): number | null => instantOf(record.datetime, zone) ?? instantOf(record.date, zone);
const servicesOf = (record: Fields) => listOf(record.services).flatMap(({ id }) => idOf(id) ?? []);
const staffOf = (record: Fields) => idOf(record.staff_id) ?? idOf(fieldsOf(record.staff).id);

/** Null for a record without an id or a time. */
export function appointmentFrom(record: Fields, { zone, now }: { readonly zone: Zone; readonly now: number }): Appointment | null {
  const [id, start] = [idOf(record.id), startOf(record, zone)];
  if (id === null || start === null) return null;
  // A group event has no client.
  const client = fieldsOf(record.client);
  const name = [textOf(client.name), textOf(client.surname)].filter((part) => part !== null).join(' ');
  return {
    appointmentId: id,
    clientId: idOf(client.id),
    clientName: name === '' ? null : name.slice(0, 200),
    phoneNumber: phoneOf(client.phone),
    serviceIds: servicesOf(record).slice(0, 50),
    employeeId: staffOf(record),
    employeeName: PersonName.safeParse(fieldsOf(record.staff).name).data ?? null,
    start: zone.iso(start),
    durationMinutes: Math.min(minutesOf(record.seance_length) ?? minutesOf(record.length) ?? 0, 10_080),
    status: statusOf(record, start > now),
    comment: textOf(record.comment)?.slice(0, 4096) ?? null,
  };
}
/** A visit that is marked as missed before its time was cancelled where records may not be deleted. */
function statusOf(record: Fields, isAhead: boolean): Appointment['status'] {
  if (isDeleted(record)) return 'cancelled';
  switch (numberOf(record.attendance) ?? numberOf(record.visit_attendance)) {
    case 2:
      return 'confirmed';
    case 1:
      return 'arrived';
    case -1:
      return isAhead ? 'cancelled' : 'no_show';
    default:
      return 'booked';
  }
}

/** The whole record: what a replacement leaves out is lost. */
export function bodyFrom(record: Fields): Fields {
  const kept = [
    'comment',
    'attendance',
    'api_id',
    'seance_length',
    'technical_break_duration',
    'sms_remain_hours',
    'email_remain_hours',
    'custom_color',
    'activity_id',
  ];
  const client = fieldsOf(record.client);
  return {
    ...Object.fromEntries(kept.filter((name) => record[name] !== undefined && record[name] !== null).map((name) => [name, record[name]])),
    staff_id: Number(staffOf(record)),
    services: listOf(record.services).map(({ id, first_cost, discount, cost, amount }) => ({ id, first_cost, discount, cost, amount })),
    ...(idOf(client.id) !== null && {
      client: { id: client.id, phone: client.phone, name: client.name, surname: client.surname, email: client.email },
    }),
    datetime: record.datetime ?? record.date,
    record_labels: listOf(record.record_labels).flatMap(({ id }) => (idOf(id) === null ? [] : [Number(id)])),
    custom_fields: fieldsOf(record.custom_fields),
    send_sms: false,
    // A busy time would be booked twice without a word.
    save_if_busy: false,
  };
}
/** Whether the record already has this employee and these services, so that only its time changes. */
export function isOnlyMove(record: Fields, slot: { readonly employeeId: string | null; readonly serviceIds: readonly string[] }): boolean {
  const services = new Set(servicesOf(record));
  return (
    (slot.employeeId === null || slot.employeeId === staffOf(record)) &&
    services.size === slot.serviceIds.length &&
    slot.serviceIds.every((id) => services.has(id))
  );
}
