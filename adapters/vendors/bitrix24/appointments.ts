/** Appointments of Bitrix24: a booking, its clients, and lines of its description for what a booking has no field for. */
import { PersonName } from '../../../contracts/common.ts';
import type { Appointment } from '../../booking/port.ts';
import type { Interval } from '../../booking/schedule.ts';
import type { Zone } from '../../booking/zone.ts';
import type { PhoneCountry } from '../../crm/phones.ts';
import { type BitrixClient, type BitrixRecord, badReply, type Command, fieldOf, orAbsent, recordsOf, resultOf } from './client.ts';
import { contactFrom, entity } from './contacts.ts';
import { isObject } from './envelope.ts';
import { refLinePrefix, withRef } from './notes.ts';

const servicesPrefix = 'PolyB-Services: ';
/** The text of a booking: the comment, then a line with the services and one with the reference. */
export function describe(comment: string | undefined, serviceIds: readonly string[], ref: string): string {
  const services = `${servicesPrefix}${serviceIds.join(',')}`;
  return withRef(comment === undefined || comment === '' ? services : `${comment}\n${services}`, ref);
}
const linesOf = (description: unknown): readonly string[] =>
  typeof description === 'string' ? description.split(/\r?\n|<br\s*\/?>/i) : [];
/** The last such line counts: a comment above it may contain one too. */
export function servicesIn(description: unknown): readonly string[] {
  const line = linesOf(description).findLast((each) => each.startsWith(servicesPrefix));
  return line === undefined
    ? []
    : line
        .slice(servicesPrefix.length)
        .split(',')
        .filter((id) => /^\d{1,15}$/.test(id))
        .slice(0, 50);
}
export function withServices(description: unknown, serviceIds: readonly string[]): string {
  const lines = linesOf(description);
  const at = lines.findLastIndex((each) => each.startsWith(servicesPrefix));
  const services = `${servicesPrefix}${serviceIds.join(',')}`;
  return (at < 0 ? [...lines, services] : lines.with(at, services)).join('\n');
}
function commentIn(description: unknown): string | null {
  const own = linesOf(description).filter((line) => !line.startsWith(servicesPrefix) && !line.startsWith(refLinePrefix));
  return own.join('\n').trim().slice(0, 4096) || null;
}

/** Start and end in Unix ms. */
export function periodOf(booking: BitrixRecord): Interval {
  const period = isObject(booking.datePeriod) ? booking.datePeriod : {};
  const [from, to] = [period.from, period.to].map((moment) => (isObject(moment) ? Number(moment.timestamp) * 1000 : Number.NaN));
  if (!((from as number) > 0 && (to as number) > (from as number))) throw badReply('Bitrix24', 'a booking with its period');
  return { from: from as number, to: to as number };
}
export const resourceIdsOf = ({ resourceIds }: BitrixRecord): readonly string[] =>
  Array.isArray(resourceIds) ? resourceIds.map(String) : [];
export const nameOf = (record: BitrixRecord | null): string | null =>
  PersonName.safeParse(String(record?.name ?? '').slice(0, 100)).data ?? null;

/** Id of the contact among the clients of a booking; a company is no client of ours. */
export function contactIdIn(clients: unknown): string | null {
  const contact = recordsOf(clients, 'bookingClient', 'booking.v1.booking.client.list of Bitrix24').find(
    ({ type }) => isObject(type) && type.code === 'CONTACT',
  );
  return contact === undefined ? null : String(contact.id);
}

export function appointmentFrom({
  booking,
  contactId,
  contact,
  resource,
  zone,
  country,
}: {
  readonly booking: BitrixRecord;
  readonly contactId: string | null;
  readonly contact: BitrixRecord | null;
  readonly resource: BitrixRecord | null;
  readonly zone: Zone;
  readonly country: PhoneCountry;
}): Appointment {
  const { from, to } = periodOf(booking);
  const person = contact === null ? null : contactFrom(contact, country);
  const clientName = [person?.firstName, person?.lastName].filter(Boolean).join(' ').slice(0, 200);
  return {
    appointmentId: String(booking.id),
    clientId: contactId,
    clientName: clientName === '' ? null : clientName,
    phoneNumber: person?.phones[0] ?? null,
    serviceIds: [...servicesIn(booking.description)],
    employeeId: resourceIdsOf(booking)[0] ?? null,
    employeeName: nameOf(resource),
    start: zone.iso(from),
    durationMinutes: Math.min(10_080, Math.round((to - from) / 60_000)),
    status: 'booked',
    comment: commentIn(booking.description),
  };
}

/** Three commands for each booking, fifty in a batch. */
const bookingsAtOnce = 16;
/** Completes bookings with their clients and employees. */
export async function completed(
  bitrix: BitrixClient,
  bookings: readonly BitrixRecord[],
  { zone, country, signal }: { readonly zone: Zone; readonly country: PhoneCountry; readonly signal: AbortSignal },
): Promise<readonly Appointment[]> {
  const all: Appointment[] = [];
  for (let start = 0; start < bookings.length; start += bookingsAtOnce) {
    const some = bookings.slice(start, start + bookingsAtOnce);
    const result = await bitrix.batch(Object.assign({}, ...some.map(commandsFor)), { signal });
    for (const booking of some) {
      const { id } = booking;
      // A booking, a contact or a resource may be deleted meanwhile, and a booking may have no client.
      const clients = orAbsent(() => result(`clients${id}`));
      const contact = orAbsent(() => fieldOf(result(`contact${id}`), 'item', 'crm.item.get of Bitrix24'));
      const resource = orAbsent(() => fieldOf(result(`resource${id}`), 'resource', 'booking.v1.resource.get of Bitrix24'));
      const contactId = clients === null ? null : contactIdIn(clients);
      const isOfClient = contact !== null && String(contact.id) === contactId;
      all.push(appointmentFrom({ booking, contactId, contact: isOfClient ? contact : null, resource, zone, country }));
    }
  }
  return all;
}
/** The first client is read as a contact, whatever it is; the caller compares the ids. */
function commandsFor(booking: BitrixRecord): Readonly<Record<string, Command>> {
  const { id } = booking;
  const contact = { entityTypeId: entity.contact, id: resultOf(`clients${id}`, 'bookingClient', '0', 'id') };
  return {
    [`clients${id}`]: { method: 'booking.v1.booking.client.list', params: { bookingId: id } },
    [`contact${id}`]: { method: 'crm.item.get', params: contact },
    [`resource${id}`]: { method: 'booking.v1.resource.get', params: { id: resourceIdsOf(booking)[0] } },
  };
}
