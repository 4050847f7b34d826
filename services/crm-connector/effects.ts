/** Creation without duplicates of existing records. */
import type { Crm } from '../../adapters/crm/port.ts';
import { TimeZone } from '../../contracts/common.ts';
import type { crm as contract } from '../../contracts/crm.ts';
import type { Effect } from '../../contracts/kit/define.ts';
import { lookFirst } from './look-first.ts';

const hourMs = 3_600_000;

/** In the lane of its phone: the oldest contact with this phone, or a new one. */
export function createContact(crm: Crm): Effect<typeof contract.create_contact> {
  return lookFirst(crm.createContact, async ({ phoneNumber }, signal) => {
    const [oldest] = await crm.findContacts(phoneNumber, signal);
    if (oldest === undefined) return null;
    const timeZone = TimeZone.safeParse(oldest.timeZone).data ?? null;
    return { contactId: oldest.contactId, created: false, timeZone };
  });
}

/** In the lane of its contact: the open lead that is young enough, or a new one. */
export function createLead(crm: Crm, now: () => number): Effect<typeof contract.create_lead> {
  return lookFirst(crm.createLead, async ({ contactId, reuseHours }, signal) => {
    if (reuseHours === 0) return null;
    const lead = await crm.findOpenLead(contactId, new Date(now() - reuseHours * hourMs), signal);
    return lead === null ? null : { leadId: lead.leadId, createdById: lead.createdById, created: false };
  });
}
