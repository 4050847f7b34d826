/** Contacts and leads in the configured CRMs, appointments in the configured booking systems. */
import { bookingAdapters } from '../../adapters/booking/index.ts';
import { crmAdapters } from '../../adapters/crm/index.ts';
import { byConnection, connectionFor, service } from '../../bus/service.ts';
import { booking } from '../../contracts/booking.ts';
import { company } from '../../contracts/company.ts';
import { crm } from '../../contracts/crm.ts';
import { bookingHandlers } from './booking.ts';
import { companyHandlers } from './company.ts';
import { createContact, createLead } from './effects.ts';
import { pushToCrm } from './push-to-crm.ts';
import { crmSettings } from './settings.ts';
import { slotIds } from './slot-id.ts';

export default service({
  serves: { crm, booking, company },
  settings: crmSettings,
  vendors: {
    crm: { setting: 'CRM_KIND', catalogue: crmAdapters, fallback: 'postgres', connections: 'CRM_CONNECTIONS' },
    booking: { setting: 'BOOKING_KIND', catalogue: bookingAdapters, fallback: 'postgres', connections: 'BOOKING_CONNECTIONS' },
  },
}).start(async ({ settings, vendors, secretKey, now }) => ({
  crm: {
    push_to_crm: pushToCrm({ reuseHours: settings.CRM_LEAD_REUSE_HOURS }),
    find_contact: async (input, { signal }) => {
      const contacts = [...(await connectionFor(vendors.crm, input).findContacts(input.phoneNumber, signal))];
      return { contacts, isAmbiguous: contacts.length > 1 };
    },
    find_open_lead: async (input, { signal }) => ({
      lead: await connectionFor(vendors.crm, input).findOpenLead(input.contactId, new Date(input.since), signal),
    }),
    update_lead_status: async (input, { signal }) => {
      const { leadId, status } = input;
      await connectionFor(vendors.crm, input).updateLeadStatus(leadId, status, signal);
      return { leadId, status };
    },
    capabilities: async (input) => connectionFor(vendors.crm, input).capabilities(),
    create_contact: byConnection(vendors.crm, createContact),
    create_lead: byConnection(vendors.crm, (adapter) => createLead(adapter, now)),
    create_deal: byConnection(vendors.crm, (adapter) => adapter.createDeal),
    create_task: byConnection(vendors.crm, (adapter) => adapter.createTask),
    add_note: byConnection(vendors.crm, (adapter) => adapter.addNote),
    log_call: byConnection(vendors.crm, (adapter) => adapter.logCall),
    update_contact: byConnection(vendors.crm, (adapter) => adapter.updateContact),
  },
  booking: bookingHandlers({ connections: vendors.booking, slotIds: slotIds(() => secretKey('slots'), now), now }),
  company: companyHandlers(vendors.booking),
}));
