/** An appointment of a booking system as a note at the contact of the primary CRM. */
import type { Appointment, Booking, BookingClient } from '../../adapters/booking/port.ts';
import type { Contact } from '../../adapters/crm/port.ts';
import { type Connections, connectionFor, type Handler, type Queries } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import type { booking as contract } from '../../contracts/booking.ts';
import { crm } from '../../contracts/crm.ts';
import { contactOf, type Difference, putLink } from './rows/links.ts';

export function noteAppointment({
  connections,
  db,
}: {
  readonly connections: Connections<Booking>;
  readonly db: Queries;
}): Handler<typeof contract.note_appointment> {
  return async ({ connection, appointmentId, clientId, serviceIds, change, start }, { key, call, commit, signal }) => {
    const adapter = connectionFor(connections, { connection });
    const appointment = await adapter.getAppointment(appointmentId, signal);
    // Of an appointment that the system deleted, the event knows the client.
    const client = await clientOf(adapter, appointment ?? { clientId, clientName: null, phoneNumber: null }, signal);
    const linked = client === null ? null : await contactOf(db, connection, client.clientId);
    const [phoneNumber] = client?.phones ?? [];
    if (client === null || (linked === null && phoneNumber === undefined)) return commit(async () => ({ contactId: null, noteId: null }));

    const contactId =
      linked ??
      (
        await call(
          crm.create_contact,
          { firstName: client.name ?? 'Клиент', phoneNumber: phoneNumber as string, ...(client.email !== null && { email: client.email }) },
          { key: derivedKey(key, 'contact') },
        )
      ).contactId;
    const text = await noteText(adapter, { serviceIds, employeeName: appointment?.employeeName ?? null, change, start }, signal);
    const { noteId } = await call(crm.add_note, { about: { kind: 'contact', id: contactId }, text }, { key: derivedKey(key, 'note') });
    const contacts = phoneNumber === undefined ? [] : (await call(crm.find_contact, { phoneNumber })).contacts;
    const contact = contacts.find((each) => each.contactId === contactId);
    return commit(async (tx) => {
      if (contact !== undefined || linked === null) {
        const differs = contact === undefined ? [] : differencesOf(contact, client);
        await putLink(tx, { connection, clientId: client.clientId, contactId, differs });
      }
      return { contactId, noteId };
    });
  };
}

/** The client as the booking system knows it; what the appointment says where it tells no more. */
async function clientOf(
  adapter: Booking,
  { clientId, clientName, phoneNumber }: Pick<Appointment, 'clientId' | 'clientName' | 'phoneNumber'>,
  signal: AbortSignal,
): Promise<BookingClient | null> {
  if (clientId === null) return null;
  const known = phoneNumber === null ? [] : await adapter.findClients(phoneNumber, signal);
  return (
    known.find((each) => each.clientId === clientId) ?? {
      clientId,
      name: clientName,
      phones: phoneNumber === null ? [] : [phoneNumber],
      email: null,
      isMasked: false,
    }
  );
}

const titles = { created: 'Запись', changed: 'Запись перенесена', cancelled: 'Запись отменена' } as const;
async function noteText(
  adapter: Booking,
  {
    serviceIds,
    employeeName,
    change,
    start,
  }: Pick<Appointment, 'serviceIds' | 'employeeName' | 'start'> & { readonly change: keyof typeof titles },
  signal: AbortSignal,
): Promise<string> {
  const services = await adapter.listServices({}, signal);
  const names = serviceIds.map((id) => services.find(({ serviceId }) => serviceId === id)?.name ?? id);
  // The text of the time has the offset of the location, so its clock time is that of the location.
  const [day = '', time = ''] = start.split('T');
  const place = [names.join(', '), `${day.split('-').reverse().join('.')} ${time.slice(0, 5)}`, employeeName];
  return `${titles[change]}: ${place.filter((part) => part !== null && part !== '').join(', ')}`;
}

/** What both sides know and say differently. The CRM wins; a person decides what to change. */
function differencesOf(contact: Contact, client: BookingClient): readonly Difference[] {
  const name = [contact.firstName, contact.lastName].filter((part) => part !== null).join(' ') || null;
  const same = (one: string, other: string) => one.trim().toLowerCase() === other.trim().toLowerCase();
  const all: Difference[] = [];
  if (name !== null && client.name !== null && !same(name, client.name)) all.push({ field: 'name', crm: name, booking: client.name });
  if (!client.isMasked && contact.isMasked !== true && !client.phones.some((phone) => contact.phones.includes(phone)))
    all.push({ field: 'phone', crm: contact.phones.join(', ') || null, booking: client.phones.join(', ') || null });
  if (contact.email !== null && client.email !== null && !same(contact.email, client.email))
    all.push({ field: 'email', crm: contact.email, booking: client.email });
  return all;
}
