import { crmConformance } from './conformance.ts';
import { memoryCrm } from './memory.ts';

crmConformance('memory CRM', async () => {
  let now = Date.UTC(2030, 0, 1);
  const crm = memoryCrm({ now: () => now });
  return {
    crm,
    addContact: async ({ firstName, phones }) =>
      crm.addContact({ firstName, lastName: null, phones: [...phones], email: null, timeZone: null }),
    later: () => {
      now += 1500;
    },
    stop: async () => {},
  };
});
