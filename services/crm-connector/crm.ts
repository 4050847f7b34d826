/** Contacts, leads and what belongs to them, over the adapters of the connections. */
import type { Crm } from '../../adapters/crm/port.ts';
import { byConnection, type Connections, connectionFor, type HandlersOf, type Queries } from '../../bus/service.ts';
import type { crm as contract } from '../../contracts/crm.ts';
import { createContact, createLead } from './effects.ts';
import { listLeads } from './list-leads.ts';
import { listDeals, listTasks } from './list-of-phone.ts';
import { pushToCrm } from './push-to-crm.ts';
import { type Deliveries, webhook } from './webhook.ts';

export function crmHandlers(
  connections: Connections<Crm>,
  {
    db,
    reuseHours,
    deliveries,
    now,
  }: { readonly db: Queries; readonly reuseHours: number; readonly deliveries: Deliveries; readonly now: () => number },
): HandlersOf<typeof contract> {
  return {
    push_to_crm: pushToCrm({ reuseHours }),
    find_contact: async (input, { signal }) => {
      const contacts = [...(await connectionFor(connections, input).findContacts(input.phoneNumber, signal))];
      return { contacts, isAmbiguous: contacts.length > 1 };
    },
    find_open_lead: async (input, { signal }) => ({
      lead: await connectionFor(connections, input).findOpenLead(input.contactId, new Date(input.since), signal),
    }),
    list_leads: listLeads(connections, db),
    list_deals: listDeals(connections),
    list_tasks: listTasks(connections),
    update_lead_status: async (input, { signal }) => {
      const { leadId, status } = input;
      await connectionFor(connections, input).updateLeadStatus(leadId, status, signal);
      return { leadId, status };
    },
    webhook: webhook('crm', connections, deliveries),
    capabilities: async (input) => connectionFor(connections, input).capabilities(),
    create_contact: byConnection(connections, createContact),
    create_lead: byConnection(connections, (adapter) => createLead(adapter, now)),
    create_deal: byConnection(connections, (adapter) => adapter.createDeal),
    create_task: byConnection(connections, (adapter) => adapter.createTask),
    add_note: byConnection(connections, (adapter) => adapter.addNote),
    log_call: byConnection(connections, (adapter) => adapter.logCall),
    update_contact: byConnection(connections, (adapter) => adapter.updateContact),
  };
}
