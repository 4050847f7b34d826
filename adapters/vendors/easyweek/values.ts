/** Values as EasyWeek writes them; several forms occur for one thing, because the API has no public reference. */
import { Email, PersonName } from '../../../contracts/common.ts';
import type { Appointment, BookingClient } from '../../booking/port.ts';
import type { Zone } from '../../booking/zone.ts';
import { toE164 } from '../../crm/phones.ts';
import { type Fields, isFields } from './client.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** An id for use in a path. */
export const isUuid = (id: string): boolean => uuid.test(id);

export const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {});
export const textOf = (value: unknown): string | null => (typeof value === 'string' && value.trim() !== '' ? value.trim() : null);
const numberOf = (value: unknown): number | null => {
  const number = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
};
/** `{ value: 60, label: 'minutes' }`; a bare number is minutes. */
export function minutesOf(duration: unknown): number | null {
  const { value, label } = isFields(duration) ? duration : { value: duration, label: 'minutes' };
  const number = numberOf(value);
  const factor = ({ seconds: 1 / 60, minutes: 1, hours: 60 } as Readonly<Record<string, number>>)[String(label).toLowerCase()];
  const minutes = number === null || factor === undefined ? 0 : Math.ceil(number * factor);
  return minutes >= 1 && minutes <= 1440 ? minutes : null;
}
/** Minor units, also as text. */
export function moneyOf(amount: unknown, currency: string | undefined): { amountMinor: number; currency: string } | null {
  const minor = numberOf(amount);
  return minor === null || minor < 0 || currency === undefined ? null : { amountMinor: Math.round(minor), currency };
}
/** Unix ms of a bound of an interval: seconds after midnight, `10:30`, Unix seconds, or a time with or without its offset. */
export function boundOf(value: unknown, day: string, zone: Zone): number | null {
  const number = numberOf(value);
  if (number !== null) return number <= 86_400 ? zone.at(day, Math.floor(number / 60)) + (number % 60) * 1000 : number * 1000;
  const text = textOf(value) ?? '';
  const [, date, hours, minutes, seconds = '0', offset] =
    /^(?:(\d{4}-\d\d-\d\d)[T ])?(\d?\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/.exec(text) ?? [];
  if (hours === undefined || minutes === undefined) return null;
  if (date !== undefined && offset !== undefined) return instantOf(text);
  return zone.at(date ?? day, Number(hours) * 60 + Number(minutes)) + Number(seconds) * 1000;
}
export function instantOf(value: unknown): number | null {
  const ms = Date.parse(String(value ?? '').replace(' ', 'T'));
  return Number.isNaN(ms) ? null : ms;
}
export function nameOf(person: Fields): string | null {
  const name = [textOf(person.first_name), textOf(person.last_name)].filter((part) => part !== null).join(' ');
  return (name === '' ? textOf(person.name) : name)?.slice(0, 200) ?? null;
}
export const phoneOf = (value: unknown): string | null => {
  const text = String(value ?? '').trim();
  return (/^\d{11,15}$/.test(text) ? toE164(`+${text}`) : null) ?? toE164(text);
};
export function clientFrom(customer: Fields): BookingClient {
  const phone = phoneOf(customer.phone);
  return {
    clientId: String(customer.uuid),
    name: nameOf(customer),
    phones: phone === null ? [] : [phone],
    email: Email.safeParse(customer.email).data ?? null,
    isMasked: false,
  };
}

/** The line of a comment by which a booking of ours is recognised. */
export const referenceLine = (ref: string): string => `PolyB-Ref: ${ref}`;
export const carries = (booking: Fields, ref: string): boolean =>
  (textOf(booking.public_notes) ?? '').split(/\r?\n/).some((line) => line.trim() === referenceLine(ref));

/** The service and the employee stand in the ordered services, or beside them. */
const ordered = (booking: Fields): readonly Fields[] =>
  Array.isArray(booking.ordered_services) ? booking.ordered_services.map(fieldsOf) : [];
const firstText = (...values: readonly unknown[]): string | null => values.map(textOf).find((value) => value !== null) ?? null;
export function servicesOf(booking: Fields): readonly string[] {
  const found = ordered(booking).flatMap((each) => firstText(each.service_uuid, fieldsOf(each.service).uuid, each.uuid) ?? []);
  return found.length > 0 ? found : [firstText(booking.service_uuid, fieldsOf(booking.service).uuid)].flatMap((id) => id ?? []);
}
const employeeOf = (booking: Fields): Fields => {
  const inOrder = ordered(booking).map(({ staffer }) => fieldsOf(staffer));
  return [fieldsOf(booking.staffer), ...inOrder].find((each) => textOf(each.uuid) !== null) ?? {};
};
export const startOf = (booking: Fields): number | null => instantOf(booking.start_time ?? booking.reserved_on);
export const isCancelled = (booking: Fields): boolean => booking.is_canceled === true;

/** Null for a booking without an id or a time. */
export function appointmentFrom(booking: Fields, zone: Zone): Appointment | null {
  const [appointmentId, start, end] = [textOf(booking.uuid), startOf(booking), instantOf(booking.end_time)];
  if (appointmentId === null || start === null) return null;
  const customer = fieldsOf(booking.customer);
  const employee = employeeOf(booking);
  const lines = (textOf(booking.public_notes) ?? '').split(/\r?\n/).filter((line) => !line.trim().startsWith(referenceLine('')));
  return {
    appointmentId,
    clientId: firstText(customer.uuid, booking.customer_uuid),
    clientName: nameOf(customer),
    phoneNumber: phoneOf(customer.phone),
    serviceIds: [...servicesOf(booking)].slice(0, 50),
    employeeId: firstText(employee.uuid, booking.staffer_uuid, ...ordered(booking).map((each) => each.staffer_uuid)),
    employeeName: PersonName.safeParse(nameOf(employee)).data ?? null,
    start: zone.iso(start),
    durationMinutes: end === null ? (minutesOf(booking.duration) ?? 0) : Math.min(Math.max(0, Math.ceil((end - start) / 60_000)), 10_080),
    status: isCancelled(booking)
      ? 'cancelled'
      : booking.is_completed === true
        ? 'arrived'
        : /confirm/i.test(String(booking.status_type))
          ? 'confirmed'
          : 'booked',
    comment: textOf(lines.join('\n'))?.slice(0, 4096) ?? null,
  };
}
