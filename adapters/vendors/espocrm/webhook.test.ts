import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type VendorWorld, vendorWorld } from '../../../test/kit/vendor-deps.ts';
import type { Booking } from '../../booking/port.ts';
import type { Crm } from '../../crm/port.ts';
import type { WebhookRequest } from '../../crm-webhook.ts';
import { espoBooking, espoBookingSettings } from './booking.ts';
import { espoCrm } from './crm.ts';
import { type EspoFake, espoFake, espoUsers } from './fake.ts';

type Delivered = WebhookRequest & { readonly headers: Readonly<Record<string, string>> };
let it: VendorWorld<EspoFake>;
let crm: Crm;
let booking: Booking;
const ids = new Map<string, string>();
/** What EspoCRM delivered, and the status with which the next delivery is answered. */
const delivered: Delivered[] = [];
let status = 200;
const receiver = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const query = Object.fromEntries(new URL(request.url ?? '', 'http://localhost').searchParams);
  delivered.push({ headers: request.headers as Readonly<Record<string, string>>, query, body: Buffer.concat(chunks) });
  response.writeHead(status).end();
});
const { signal } = new AbortController();
const schedule = '{"timeZone":"Europe/Moscow","hours":[],"services":[]}';

beforeAll(async () => {
  it = await vendorWorld(Date.UTC(2030, 0, 31, 10), (now) => espoFake({ now }));
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const secrets: string[] = [];
  for (const event of [
    'Contact.create',
    'Lead.create',
    'Lead.update',
    'Lead.fieldUpdate.status',
    'Lead.delete',
    'Meeting.create',
    'Account.update',
  ]) {
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook?event=${event}`;
    const response = await fetch(`${it.fake.url}/api/v1/Webhook`, {
      method: 'POST',
      headers: { 'X-Api-Key': espoUsers.apiKey },
      body: JSON.stringify({ event, url }),
    });
    const { id, secretKey } = (await response.json()) as { readonly id: string; readonly secretKey: string };
    ids.set(event, id);
    secrets.push(`${id}:${secretKey}`);
  }
  const settings = espoBookingSettings.parse({
    ESPOCRM_URL: it.fake.url,
    ESPOCRM_API_KEY: espoUsers.apiKey,
    ESPOCRM_ASSIGNED_USER_ID: 'user-7',
    ESPOCRM_WEBHOOK_SECRETS: secrets.join(', '),
    ESPOCRM_SCHEDULE: schedule,
  });
  const deps = { ...it.deps, log: { info() {} } as never };
  crm = espoCrm(settings, deps);
  booking = espoBooking(settings, deps);
});
afterAll(async () => {
  await it.stop();
  await new Promise((resolve) => receiver.close(resolve));
});

/** Everything that the cron job delivers now. */
async function deliver(): Promise<readonly Delivered[]> {
  delivered.length = 0;
  await it.fake.webhooks.deliver();
  return [...delivered];
}
const read = (request: WebhookRequest | undefined, port: { webhooks?: Crm['webhooks'] } = crm) =>
  port.webhooks?.read(request ?? { headers: {}, query: {}, body: new Uint8Array() });
const refused = (change: (request: Delivered) => WebhookRequest, request: Delivered) => {
  try {
    return read(change(request));
  } catch (thrown) {
    return thrown;
  }
};

test('changes between two runs come as one array, and twice when the acknowledgement is lost', async () => {
  const contact = it.fake.records.put('Contact', { firstName: 'Anna' });
  const leads = ['Anna', 'Ivan'].map((firstName) => it.fake.records.put('Lead', { firstName }).id);
  status = 500;
  await deliver();
  status = 200;
  const [contacts, created] = await deliver();
  expect(read(contacts)).toEqual([{ entity: 'contact', id: contact.id, change: 'created' }]);
  expect(read(created)).toEqual(leads.map((id) => ({ entity: 'lead', id, change: 'created' })));
  delivered.length = 0;
  await it.fake.webhooks.repeat();
  expect(delivered.map(({ body }) => Buffer.from(body).toString())).toEqual(
    [contacts, created].map((request) => Buffer.from(request?.body ?? []).toString()),
  );
  expect(await deliver()).toEqual([]);
});

test('an update names the record though it has the changed attributes only, for the whole record and for one field', async () => {
  const { id } = it.fake.records.put('Lead', { firstName: 'Anna', status: 'New' });
  await deliver();
  it.fake.records.update('Lead', id, { status: 'In Process' }, undefined);
  const requests = await deliver();
  expect(requests.map(({ query }) => query.event)).toEqual(['Lead.update', 'Lead.fieldUpdate.status']);
  for (const request of requests) {
    expect(JSON.parse(Buffer.from(request.body).toString())).toEqual([{ id, status: 'In Process', modifiedAt: '2030-01-31 10:00:00' }]);
    expect(read(request)).toEqual([{ entity: 'lead', id, change: 'updated' }]);
  }
});

test('a lead is read with the status of the contract, another status as EspoCRM calls it, and a deleted lead not at all', async () => {
  const { id } = it.fake.records.put('Lead', { firstName: 'Anna', status: 'In Process' });
  const changedAt = Date.UTC(2030, 0, 31, 10);
  expect(await crm.readRecord?.('lead', id, signal)).toEqual({ changedAt, status: 'in_process' });
  it.later(60_000);
  it.fake.records.update('Lead', id, { status: 'Recycled' }, undefined);
  expect(await crm.readRecord?.('lead', id, signal)).toEqual({ changedAt: changedAt + 60_000, status: 'Recycled' });
  await deliver();
  it.fake.records.remove('Lead', id);
  const [deleted] = await deliver();
  expect(read(deleted)).toEqual([{ entity: 'lead', id, change: 'deleted' }]);
  expect(await crm.readRecord?.('lead', id, signal)).toBeNull();
});

test('the time of the last change of a contact, a deal and a task is read, without a status', async () => {
  for (const [kind, entity] of [
    ['contact', 'Contact'],
    ['deal', 'Opportunity'],
    ['task', 'Task'],
  ] as const) {
    const { id, modifiedAt } = it.fake.records.put(entity, { name: 'x', status: 'New' });
    expect(await crm.readRecord?.(kind, id, signal)).toEqual({
      changedAt: Date.parse(`${String(modifiedAt).replace(' ', 'T')}Z`),
      status: null,
    });
  }
});

test('a meeting is an appointment of the booking system and no record of the CRM', async () => {
  const { id } = it.fake.records.put('Meeting', { name: 'x', dateStart: '2030-02-01 10:00:00', dateEnd: '2030-02-01 11:00:00' });
  const request = (await deliver()).find(({ query }) => query.event === 'Meeting.create');
  expect(read(request, booking)).toEqual([{ entity: 'appointment', id, change: 'created' }]);
  expect(read(request)).toEqual([]);
});

test('a delivery whose bytes, webhook or signature differ is refused', async () => {
  it.fake.records.put('Lead', { firstName: 'Anna' });
  const [request] = await deliver();
  if (request === undefined) throw new Error('nothing was delivered');
  const signature = request.headers.signature ?? '';
  const [, digest] = Buffer.from(signature, 'base64').toString().split(':');
  const signed = (text: string) => ({ ...request, headers: { signature: Buffer.from(text).toString('base64') } });
  const bad = { code: 'permission_denied', reason: 'bad_signature' };
  for (const change of [
    () => ({ ...request, headers: {} }),
    () => ({ ...request, body: Buffer.concat([request.body, Buffer.from(' ')]) }),
    () => signed(`${ids.get('Contact.create')}:${digest}`),
    () => signed(`ffffffffffffffffff:${digest}`),
    () => signed(`${ids.get('Lead.create')}:`),
    () => signed('polyb'),
  ])
    expect(refused(change, request)).toMatchObject(bad);
  expect(read(request)).toHaveLength(1);
});

test('an entity that the contract lacks is left out, and a body or an address that is none of EspoCRM is refused', async () => {
  const webhooks = espoCrm(
    espoBookingSettings.parse({
      ESPOCRM_URL: it.fake.url,
      ESPOCRM_API_KEY: 'k',
      ESPOCRM_ASSIGNED_USER_ID: 'u',
      ESPOCRM_SCHEDULE: schedule,
      ESPOCRM_WEBHOOK_SECRETS: 'hook1:secret1',
    }),
    { ...it.deps, log: {} as never },
  ).webhooks;
  const deliveryOf = (body: string | Uint8Array, event?: string): WebhookRequest => ({
    headers: { signature: Buffer.from(`hook1:${createHmac('sha256', 'secret1').update(body).digest('hex')}`).toString('base64') },
    query: event === undefined ? {} : { event },
    body: Buffer.from(body as string),
  });
  expect(webhooks?.read(deliveryOf('[{"id":"5f1e7c0a9b8d6e432"}]', 'Account.update'))).toEqual([]);
  expect(webhooks?.read(deliveryOf('[]', 'Lead.update'))).toEqual([]);
  for (const [body, event] of [
    ['<html><body>It works!</body></html>', 'Lead.update'],
    ['', 'Lead.update'],
    ['{"id":"5f1e7c0a9b8d6e432"}', 'Lead.update'],
    ['[{"status":"New"}]', 'Lead.update'],
    ['[{"id":"../User/1"}]', 'Lead.update'],
    [Buffer.from([0xff, 0xfe]), 'Lead.update'],
    ['[{"id":"5f1e7c0a9b8d6e432"}]', undefined],
    ['[{"id":"5f1e7c0a9b8d6e432"}]', 'Lead.destroy'],
  ] as const)
    expect(() => webhooks?.read(deliveryOf(body, event))).toThrow(
      expect.objectContaining({ code: 'invalid_argument', reason: 'bad_body' }),
    );
});
