/** A CRM in memory; for tests and trials. */

import { randomUUID } from 'node:crypto';
import { badCursor } from '../../contracts/common.ts';
import type { crm } from '../../contracts/crm.ts';
import { lookUp, type ParsedOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { type Contact, type Crm, type Deal, everything, type LeadStatus, subjectOf, type Task } from './port.ts';

interface Lead
  extends Pick<ParsedOf<typeof crm.create_lead>, 'contactId' | 'firstName' | 'lastName' | 'phoneNumber' | 'source' | 'comment'> {
  readonly leadId: string;
  readonly createdAt: number;
  status: LeadStatus;
}
const folded = (name: string): string => name.toLowerCase().replaceAll('ё', 'е');
/** The opener of leads in a CRM without users. */
const createdById = 'polyb';

export interface MemoryCrm extends Crm {
  addContact(contact: Omit<Contact, 'contactId'>): string;
}

export function memoryCrm(deps: { readonly now: () => number }): MemoryCrm {
  const contacts = new Map<string, Contact>();
  const leads = new Map<string, Lead>();
  const known = { contact: contacts, lead: leads, deal: new Map<string, Deal>() };
  const tasks: Task[] = [];

  const addContact = (contact: Omit<Contact, 'contactId'>): string => {
    const contactId = randomUUID();
    contacts.set(contactId, { contactId, ...contact });
    return contactId;
  };
  const mustKnow = (kind: keyof typeof known, id: string): void => {
    if (known[kind].has(id)) return;
    throw new PolybError('failed_precondition', `The CRM has no ${kind} ${id}; create it first.`, { reason: 'crm_rejected' });
  };
  /** An effect that creates one record per reference, however often it is attempted. */
  const once = <I, O>(make: (input: I) => O) => {
    const made = new Map<string, O>();
    return {
      attempt: async (input: I, { ref }: { readonly ref: string }): Promise<O> => {
        const output = made.get(ref) ?? make(input);
        made.set(ref, output);
        return output;
      },
      onUnknown: lookUp<O>(0, async ({ ref }) => made.get(ref) ?? null),
    };
  };

  return {
    addContact,
    capabilities: () => ({ crm: 'memory', methods: everything }),
    findContacts: async (phoneNumber) => [...contacts.values()].filter(({ phones }) => phones.includes(phoneNumber)).slice(0, 50),
    async findOpenLead(contactId, since) {
      const lead = [...leads.values()].findLast(
        (each) =>
          each.contactId === contactId && (each.status === 'new' || each.status === 'in_process') && each.createdAt >= since.getTime(),
      );
      return lead === undefined ? null : { leadId: lead.leadId, createdById, createdAt: new Date(lead.createdAt).toISOString() };
    },
    async listLeads({ phoneNumber, q, status, limit, cursor }) {
      const phonesOf = (lead: Lead): readonly string[] => [lead.phoneNumber, ...(contacts.get(lead.contactId)?.phones ?? [])];
      const found = [...leads.values()]
        .toReversed()
        .filter(
          (lead) =>
            (phoneNumber === undefined || phonesOf(lead).includes(phoneNumber)) &&
            (status === undefined || lead.status === status) &&
            (q === undefined || [lead.firstName, lead.lastName ?? ''].some((name) => folded(name).startsWith(folded(q)))),
        );
      const from = cursor === undefined ? 0 : found.findIndex(({ leadId }) => leadId === cursor) + 1;
      if (cursor !== undefined && from === 0) throw badCursor();
      const page = found.slice(from, from + limit);
      return {
        items: page.map(({ leadId, contactId, firstName, lastName, phoneNumber: phone, source, comment, status: now, createdAt }) => ({
          ...{
            leadId,
            contactId,
            name: [firstName, lastName].filter(Boolean).join(' '),
            phoneNumber: phone,
            status: now,
            statusName: null,
          },
          ...{ source, comment: comment ?? null, createdAt: new Date(createdAt).toISOString() },
        })),
        nextCursor: found.length > from + limit ? (page.at(-1)?.leadId ?? null) : null,
      };
    },
    listDeals: async (contactId, limit) =>
      [...known.deal.values()]
        .filter((deal) => deal.contactId === contactId)
        .toReversed()
        .slice(0, limit),
    listTasks: async (about, limit) =>
      tasks.filter((task) => about.some(({ kind, id }) => task.about.kind === kind && task.about.id === id)).slice(0, limit),
    async updateLeadStatus(leadId, status) {
      const lead = leads.get(leadId);
      if (lead === undefined) throw new PolybError('not_found', `The CRM has no lead ${leadId}.`);
      lead.status = status;
    },
    createContact: once(({ firstName, lastName, phoneNumber, email }) => ({
      contactId: addContact({ firstName, lastName: lastName ?? null, phones: [phoneNumber], email: email ?? null, timeZone: null }),
      created: true,
    })),
    createLead: once((lead) => {
      mustKnow('contact', lead.contactId);
      const leadId = randomUUID();
      leads.set(leadId, { ...lead, leadId, createdAt: deps.now(), status: 'new' });
      return { leadId, createdById, created: true };
    }),
    createDeal: once((deal) => {
      mustKnow('contact', deal.contactId);
      const dealId = randomUUID();
      const { contactId, title, amount, stage = null, closeAt } = deal;
      const createdAt = new Date(deps.now()).toISOString();
      known.deal.set(dealId, { dealId, contactId, title, amount, stage, isOpen: null, closeAt, createdAt });
      return { dealId };
    }),
    createTask: once(({ about, subject, dueAt }) => {
      mustKnow(about.kind, about.id);
      const taskId = randomUUID();
      tasks.unshift({ taskId, about, subject, dueAt: dueAt ?? null, isDone: null, createdAt: new Date(deps.now()).toISOString() });
      return { taskId };
    }),
    addNote: once(({ about }) => {
      mustKnow(about.kind, about.id);
      return { noteId: randomUUID() };
    }),
    logCall: once((call) => {
      const { kind, id } = subjectOf(call);
      mustKnow(kind, id);
      return { crmCallId: randomUUID() };
    }),
    updateContact: once(({ contactId, phoneNumber, email }) => {
      mustKnow('contact', contactId);
      const contact = contacts.get(contactId) as Contact;
      const isNew = phoneNumber !== undefined && !contact.phones.includes(phoneNumber);
      const changed = isNew || (email !== undefined && contact.email === null);
      const phones = isNew ? [...contact.phones, phoneNumber] : contact.phones;
      contacts.set(contactId, { ...contact, phones, email: contact.email ?? email ?? null });
      return { contactId, changed };
    }),
  };
}
