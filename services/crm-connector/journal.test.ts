import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type EspoFake, espoFake, espoUsers } from '../../adapters/vendors/espocrm/fake.ts';
import { crm } from '../../contracts/crm.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import service from './service.ts';

let fake: EspoFake;
let it: World;
/** The service on a bus with a journal, in front of an EspoCRM that settles at once. */
beforeAll(async () => {
  fake = await espoFake();
  it = await world();
  await it.start('crm-connector', service, {
    CRM_KIND: 'espocrm',
    ESPOCRM_URL: fake.url,
    ESPOCRM_API_KEY: espoUsers.apiKey,
    ESPOCRM_ASSIGNED_USER_ID: 'user-7',
    ESPOCRM_SETTLE_MS: '0',
    HTTP_ALLOW_PRIVATE: fake.url,
  });
});
afterAll(async () => {
  await it.stop();
  await fake.close();
});

let count = 0;
/** A contact that no other test uses. */
function somebody() {
  count += 1;
  return { firstName: 'Иван', lastName: `Иванов-${count}`, phoneNumber: `+7999555000${count}` };
}
/** Ids of a person in the CRM and in the journal's events. */
async function traces({ phoneNumber }: { readonly phoneNumber: string }) {
  const of = (entity: string) => fake.records.all(entity).filter((record) => record.phoneNumber === phoneNumber);
  const events = await it.store.query<{ leadId: string }>(
    `select payload->>'leadId' as "leadId" from journal.events where event = $1 and payload->>'phoneNumber' = $2`,
    [crm.lead_created.address, phoneNumber],
  );
  return { contacts: of('Contact').map(({ id }) => id), leads: of('Lead').map(({ id }) => id), events: events.map(({ leadId }) => leadId) };
}

test('forms of one person that arrive at once make one contact, one lead and one event', async () => {
  const person = somebody();
  const pushed = await Promise.all(['a', 'b', 'c', 'c'].map((key) => it.bus.call(crm.push_to_crm, person, { key })));
  const { contactId, leadId } = pushed[0] as (typeof pushed)[number];
  expect(new Set(pushed.map((each) => each.leadId))).toEqual(new Set([leadId]));
  expect(await traces(person)).toEqual({ contacts: [contactId], leads: [leadId], events: [leadId] });
});

test.each([
  ['POST Contact', true],
  ['POST Contact', false],
  ['POST Lead', true],
  ['POST Lead', false],
] as const)('a connection that is cut during %s (done: %s) ends in one contact, one lead and one event', async (on, executes) => {
  const person = somebody();
  fake.order({ do: 'cut', on, executes });
  const push = () => it.bus.call(crm.push_to_crm, person, { key: `${on} ${executes}` });
  const { contactId, leadId, created } = await until(() => push().catch(() => null));
  expect(created).toBe(true);
  expect(await traces(person)).toEqual({ contacts: [contactId], leads: [leadId], events: [leadId] });
});
