import type { Contact } from '../crm/port.ts';
import type { BookingClient } from './port.ts';

/** The contact of a CRM as the client of a calendar that books for contacts. */
export function clientFrom({ contactId, firstName, lastName, phones, email, isMasked }: Contact): BookingClient {
  return {
    clientId: contactId,
    name: [firstName, lastName].filter((part) => part !== null).join(' ') || null,
    phones,
    email,
    isMasked: isMasked ?? false,
  };
}
