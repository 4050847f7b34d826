import { expect, test } from '@jest/globals';
import { testStore } from '../../test/kit/store.ts';
import { crmConformance } from './conformance.ts';
import { postgresCrm } from './postgres.ts';

const migrated = () => testStore();

crmConformance('built-in CRM', async () => {
  const store = await migrated();
  return {
    crm: postgresCrm(store),
    async addContact({ firstName, phones }) {
      const [row] = await store.db.query<{ contact_id: string }>(
        `with c as (insert into crm_connector.contacts (first_name) values ($1) returning contact_id),
           p as (insert into crm_connector.contact_phones (contact_id, phone, nth)
                 select contact_id, phone, nth from c, unnest($2::text[]) with ordinality as given(phone, nth))
         select contact_id from c`,
        [firstName, phones],
      );
      return row?.contact_id ?? '';
    },
    later() {},
    stop: store.close,
  };
});

test('refuses a note, a task, a deal and a lead about something that is not there', async () => {
  const store = await migrated();
  try {
    const crm = postgresCrm(store);
    const at = { ref: 'r1', signal: new AbortController().signal };
    const contactId = 'nobody';
    const about = { kind: 'deal', id: 'nothing' } as const;
    const refused = { code: 'failed_precondition', reason: 'crm_rejected', outcome: 'not_executed' };
    const lead = { contactId, firstName: 'Anna', phoneNumber: '+79995553322', source: 'website', reuseHours: 0 };
    const deal = { contactId, title: 'Deal', amount: { amountMinor: 1, currency: 'RUB' }, closeAt: '2030-01-01T00:00:00.000Z' };
    await expect(crm.addNote.attempt({ about, text: 'x' }, at)).rejects.toMatchObject(refused);
    await expect(crm.createTask.attempt({ about, subject: 'x' }, at)).rejects.toMatchObject(refused);
    await expect(crm.createLead.attempt(lead, at)).rejects.toMatchObject(refused);
    await expect(crm.createDeal.attempt(deal, at)).rejects.toMatchObject(refused);
  } finally {
    await store.close();
  }
});
