/** Contacts and leads in the configured CRM. */
import { crmAdapters } from '../../adapters/crm/index.ts';
import { service } from '../../bus/service.ts';
import { crm } from '../../contracts/crm.ts';
import { createContact, createLead } from './effects.ts';
import { pushToCrm } from './push-to-crm.ts';
import { crmSettings } from './settings.ts';

export default service({
  serves: { crm },
  settings: crmSettings,
  vendors: { crm: { setting: 'CRM_KIND', catalogue: crmAdapters, fallback: 'postgres' } },
}).start(async ({ settings, vendors, now }) => ({
  crm: {
    push_to_crm: pushToCrm({ reuseHours: settings.CRM_LEAD_REUSE_HOURS }),
    find_contact: async ({ phoneNumber }, { signal }) => {
      const contacts = [...(await vendors.crm.findContacts(phoneNumber, signal))];
      return { contacts, isAmbiguous: contacts.length > 1 };
    },
    find_open_lead: async ({ contactId, since }, { signal }) => ({
      lead: await vendors.crm.findOpenLead(contactId, new Date(since), signal),
    }),
    update_lead_status: async ({ leadId, status }, { signal }) => {
      await vendors.crm.updateLeadStatus(leadId, status, signal);
      return { leadId, status };
    },
    capabilities: async () => vendors.crm.capabilities(),
    create_contact: createContact(vendors.crm),
    create_lead: createLead(vendors.crm, now),
    create_deal: vendors.crm.createDeal,
    create_task: vendors.crm.createTask,
    add_note: vendors.crm.addNote,
    log_call: vendors.crm.logCall,
    update_contact: vendors.crm.updateContact,
  },
}));
