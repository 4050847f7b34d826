import type { Handler } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { crm } from '../../contracts/crm.ts';

/**
 * Finds or creates the contact, and reuses or opens a lead. It may run again under its key, so it does not query the CRM itself:
 * a search would find the lead that the first run opened and take it for an old one. Both decisions are keyed calls,
 * whose stored outcomes a repeat receives.
 */
export function pushToCrm({ reuseHours }: { readonly reuseHours: number }): Handler<typeof crm.push_to_crm> {
  return async ({ connection, firstName, lastName, phoneNumber, email, source, comment }, { key, call, commit }) => {
    const person = { firstName, lastName, phoneNumber };
    const { contactId, timeZone = null } = await call(
      crm.create_contact,
      { connection, ...person, email },
      { key: derivedKey(key, 'contact') },
    );
    const lead = { connection, ...person, contactId, source, comment, reuseHours };
    const { leadId, createdById, created } = await call(crm.create_lead, lead, { key: derivedKey(key, 'lead') });
    return commit(async (tx) => {
      if (created) tx.emit(crm.lead_created, { leadId, contactId, phoneNumber, source });
      const resData = { id: leadId, phoneNumber: phoneNumber.slice(1), createdById };
      return {
        status: 'pushed',
        crm_id: { status: 'success', resData },
        leadId,
        contactId,
        phoneNumber,
        createdById,
        timeZone,
        created,
      };
    });
  };
}
