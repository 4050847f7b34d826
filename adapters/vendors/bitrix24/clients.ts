/** Contacts as clients of a booking system. */
import { lookUp } from '../../../contracts/kit/define.ts';
import type { Booking, BookingClient } from '../../booking/port.ts';
import type { PhoneCountry } from '../../crm/phones.ts';
import type { BitrixClient, BitrixRecord } from './client.ts';
import { bitrixContacts, contactEffect, contactFrom } from './contacts.ts';

export function bitrixClients(
  bitrix: BitrixClient,
  { settleMs, country }: { readonly settleMs: number; readonly country: PhoneCountry },
): Pick<Booking, 'findClients' | 'createClient'> {
  const contacts = bitrixContacts(bitrix, country);
  const createContact = contactEffect(bitrix, settleMs);
  return {
    async findClients(phoneNumber, signal) {
      return (await contacts.withPhone(phoneNumber, signal)).map((contact) => clientFrom(contact, country));
    },
    createClient: {
      async attempt({ name, phoneNumber, email }, at) {
        return asClient(await createContact.attempt({ firstName: name, phoneNumber, email }, at));
      },
      onUnknown: lookUp(settleMs, async (attempt, signal) => {
        const found = await createContact.onUnknown.find(attempt, signal);
        return found === null ? null : asClient(found);
      }),
    },
  };
}
function clientFrom(contact: BitrixRecord, country: PhoneCountry): BookingClient {
  const { contactId, firstName, lastName, phones, email } = contactFrom(contact, country);
  const name = [firstName, lastName].filter(Boolean).join(' ').slice(0, 200);
  return { clientId: contactId, name: name === '' ? null : name, phones, email, isMasked: false };
}
const asClient = ({ contactId, created }: { readonly contactId: string; readonly created: boolean }) => ({ clientId: contactId, created });
