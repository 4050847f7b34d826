import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type EspoFake, espoFake, espoUsers } from '../../adapters/vendors/espocrm/fake.ts';
import { type SalonFake, salonFake, salonUser } from '../../adapters/vendors/yclients/fake.ts';
import { connections } from '../../contracts/connections.ts';
import { crm } from '../../contracts/crm.ts';
import { type GatewayWorld, gatewayWorld } from '../../test/kit/gateway.ts';
import { until } from '../../test/kit/world.ts';
import connector from './service.ts';

let it: GatewayWorld;
let espo: EspoFake;
let salon: SalonFake;
/** Full addresses, by the kind. */
const addresses = new Map<string, string>();
const secrets: string[] = [];
/** EspoCRM and a location of YCLIENTS deliver to the gateway; their addresses are known before EspoCRM's secrets are. */
beforeAll(async () => {
  [it, espo, salon] = await Promise.all([gatewayWorld([]), espoFake(), salonFake({ isLimited: false })]);
  const settings = {
    CRM_KIND: 'espocrm',
    ESPOCRM_URL: espo.url,
    ESPOCRM_API_KEY: espoUsers.apiKey,
    ESPOCRM_ASSIGNED_USER_ID: 'user-7',
    BOOKING_KIND: 'yclients',
    YCLIENTS_URL: `${salon.url}/api/v1`,
    YCLIENTS_PARTNER_TOKEN: salonUser.partnerToken,
    YCLIENTS_USER_TOKEN: salonUser.userToken,
    YCLIENTS_COMPANY_ID: salonUser.companyId,
    CRM_WEBHOOK_SETTLE_MS: '0',
    CRM_NOTE_APPOINTMENTS: 'false',
    BOOKING_RECONCILE_MS: '24h',
    HTTP_ALLOW_PRIVATE: `${espo.url},${salon.url}`,
  };
  const first = await it.world.start('crm-connector', connector, settings);
  for (const { kind, path } of (await it.world.bus.call(connections.webhooks, {})).items) addresses.set(kind, `${it.origin}${path}`);
  await first.stop(2_000);
  for (const event of ['Lead.create', 'Lead.update', 'Account.update']) {
    const { id, secretKey } = espo.webhooks.create({ event, url: `${addresses.get('crm')}?event=${event}` });
    secrets.push(`${id}:${secretKey}`);
  }
  await it.world.start('crm-connector', connector, { ...settings, ESPOCRM_WEBHOOK_SECRETS: secrets.join(',') });
  await atTheSalon('POST', 'hooks_settings/4564', { urls: [addresses.get('booking')], active: 1, record: 1, client: 1, self_sending: 1 });
});
afterAll(async () => {
  await it.stop();
  await Promise.all([espo.close(), salon.close()]);
});

/** A request of the staff of the salon. */
async function atTheSalon(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const { partnerToken, userToken } = salonUser;
  const answer = await fetch(`${salon.url}/api/v1/${path}`, {
    method,
    headers: {
      Accept: 'application/vnd.yclients.v2+json',
      'Content-Type': 'application/json',
      Authorization: `Bearer ${partnerToken}, User ${userToken}`,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return answer.status === 204 ? {} : ((await answer.json()) as { readonly data: Record<string, unknown> }).data;
}
/** The cron job of EspoCRM, which repeats what was not accepted. */
const byEspo = () => until(async () => (await espo.webhooks.deliver()).every((status) => status === 200));
const nothingDue = () => until(async () => (await it.world.store.query('select 1 from crm_connector.incoming')).length === 0);
const eventsOf = async (field: 'appointmentId' | 'id', id: string) => {
  const rows = await it.world.store.query<{ event: string; status: string | null }>(
    `select event, payload->>'status' as status from journal.events where payload->>$1 = $2 order by id`,
    [field, id],
  );
  return rows.map(({ event, status }) => [event, status]);
};

test('a lead that staff change at EspoCRM is one event, though it is delivered twice, and one that this system opens is none', async () => {
  const { id } = espo.records.put('Lead', { firstName: 'Anna', status: 'New' });
  await byEspo();
  await nothingDue();
  espo.records.update('Lead', id, { status: 'In Process' }, undefined);
  await byEspo();
  expect(await espo.webhooks.repeat()).toEqual([200, 200]);
  await nothingDue();
  expect(await eventsOf('id', id)).toEqual([
    ['crm.lead_changed', 'new'],
    ['crm.lead_changed', 'in_process'],
  ]);
  const own = await it.world.bus.call(crm.create_lead, { contactId: 'c', firstName: 'Ivan', phoneNumber: '+79995553322' }, { key: 'own' });
  await byEspo();
  await nothingDue();
  expect(await eventsOf('id', own.leadId)).toEqual([]);
});

test('an appointment that the salon makes, moves and cancels is an event each time', async () => {
  const client = await atTheSalon('POST', 'clients/4564', { name: 'Anna', phone: '79990001122' });
  const day = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  const body = { staff_id: 9, services: [{ id: 331 }], client: { id: client.id, name: 'Anna', phone: '79990001122' }, seance_length: 3600 };
  const made = await atTheSalon('POST', 'records/4564', { ...body, datetime: `${day}T12:00:00+03:00` });
  const id = String(made.id);
  await salon.webhooks.delivered();
  await nothingDue();
  await atTheSalon('PUT', `record/4564/${id}`, { ...body, datetime: `${day}T15:00:00+03:00`, attendance: 0 });
  await salon.webhooks.delivered();
  await nothingDue();
  await atTheSalon('DELETE', `record/4564/${id}`);
  // A client is no appointment; its delivery is accepted like the others.
  expect(await salon.webhooks.delivered()).toEqual([200, 200, 200, 200]);
  await nothingDue();
  expect(await eventsOf('appointmentId', id)).toEqual([
    ['booking.appointment_created', 'booked'],
    ['booking.appointment_changed', 'booked'],
    ['booking.appointment_cancelled', 'cancelled'],
  ]);
});

test('a delivery that nobody vouches for is refused, and no log line and no metric has the secret of an address', async () => {
  const [ofCrm = '', ofBooking = ''] = ['crm', 'booking'].map((kind) => addresses.get(kind));
  const post = async (url: string, body: string, headers = {}) => (await fetch(url, { method: 'POST', body, headers })).status;
  expect(await post(`${ofCrm}?event=Lead.update`, '[{"id":"5f1e7c0a9b8d6e432"}]')).toBe(403);
  expect(await post(`${ofCrm}x?event=Lead.update`, '[]', { Signature: 'eDp5' })).toBe(403);
  expect(await post(ofBooking, '<html><body>It works!</body></html>')).toBe(400);
  expect(await post(ofBooking, '{"company_id":1,"resource":"record","resource_id":1,"status":"create"}')).toBe(403);
  expect(await it.world.store.query('select 1 from crm_connector.incoming')).toEqual([]);
  const metrics = await (await fetch(`${it.origin}/metrics`)).text();
  expect(metrics).toContain('/api/v1/crm/webhooks/:connection/:secret');
  const written = `${metrics}\n${it.world.logged.map((line) => JSON.stringify(line)).join('\n')}`;
  for (const address of [ofCrm, ofBooking]) expect(written).not.toContain(address.split('/').at(-1));
});
