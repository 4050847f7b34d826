import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { amocrm } from '../../../test/kit/amocrm.ts';
import { amoBooking, amoBookingSettings } from './booking.ts';
import { amoCrm } from './crm.ts';
import { amoPipelines } from './fake.ts';
import { amoSettings } from './settings.ts';

const now = Date.UTC(2030, 0, 31, 10);
const schedule = '{"timeZone":"Europe/Moscow","hours":[],"services":[]}';
let it: Awaited<ReturnType<typeof amocrm>>;
beforeAll(async () => {
  it = await amocrm({ now });
});
afterAll(() => it.stop());

const { signal } = new AbortController();
const crmOf = (settings: Readonly<Record<string, string>> = {}) => amoCrm(amoSettings.parse({ ...it.settings, ...settings }), it.deps);
const bookingOf = () => amoBooking(amoBookingSettings.parse({ ...it.settings, AMOCRM_SCHEDULE: schedule }), it.deps);
const request = (body: string | Uint8Array) => ({ headers: {}, query: {}, body: Buffer.from(body as string) });
const read = (body: string | Uint8Array, settings?: Readonly<Record<string, string>>) => crmOf(settings).webhooks?.read(request(body));
/** The end of every delivery, as amoCRM encodes it. */
const account = 'account%5Bsubdomain%5D=fake&account%5Bid%5D=29085955&account%5B_links%5D%5Bself%5D=https%3A%2F%2Ffake.amocrm.ru';
const fields = 'name%5D=%D0%90%D0%BD%D0%BD%D0%B0';

test('added, updated, moved and deleted leads are read from the encoded keys of a form', () => {
  const body = [
    `leads%5Badd%5D%5B0%5D%5Bid%5D=25399013&leads%5Badd%5D%5B0%5D%5B${fields}&leads%5Badd%5D%5B0%5D%5Bpipeline_id%5D=3177727`,
    'leads%5Bupdate%5D%5B0%5D%5Bid%5D=25399014&leads%5Bupdate%5D%5B0%5D%5Bcustom_fields%5D%5B0%5D%5Bid%5D=427493',
    'leads%5Bstatus%5D%5B0%5D%5Bid%5D=25399015&leads%5Bstatus%5D%5B0%5D%5Bstatus_id%5D=142&leads%5Bstatus%5D%5B0%5D%5Bold_status_id%5D=7039101',
    'leads%5Bdelete%5D%5B0%5D%5Bid%5D=25399016&leads%5Bdelete%5D%5B1%5D%5Bid%5D=25399017',
    account,
  ].join('&');
  const expected = [
    { entity: 'lead', id: '25399013', change: 'created' },
    { entity: 'lead', id: '25399014', change: 'updated' },
    { entity: 'lead', id: '25399015', change: 'updated' },
    { entity: 'lead', id: '25399016', change: 'deleted' },
    { entity: 'lead', id: '25399017', change: 'deleted' },
  ];
  expect(read(body)).toEqual(expected);
  expect(read(body, { AMOCRM_ACCOUNT_ID: '29085955' })).toEqual(expected);
});

test('a lead of the pipeline of deals is a deal', () => {
  const body = (pipelineId: number) => `leads[update][0][id]=5&leads[update][0][pipeline_id]=${pipelineId}&${account}`;
  expect(read(body(amoPipelines.deals.id))).toEqual([{ entity: 'deal', id: '5', change: 'updated' }]);
  expect(read(body(amoPipelines.main.id))).toEqual([{ entity: 'lead', id: '5', change: 'updated' }]);
});

test('companies, which arrive as contacts, and other entities are left out', () => {
  const body = [
    'contacts[add][0][id]=61&contacts[add][0][type]=contact',
    'contacts[update][0][id]=62&contacts[update][0][type]=company',
    'contacts[update][1][id]=63&contacts[update][1][type]=contact',
    'contacts[note][0][note][id]=64',
    'unsorted[add][0][uid]=65',
    'catalogs[add][0][id]=66',
    'task[add][0][id]=67&task[add][0][element_id]=61',
    account,
  ].join('&');
  expect(read(body)).toEqual([
    { entity: 'contact', id: '61', change: 'created' },
    { entity: 'contact', id: '63', change: 'updated' },
    { entity: 'task', id: '67', change: 'created' },
  ]);
  expect(read(`catalogs[add][0][id]=66&${account}`)).toEqual([]);
  // Of a booking system, a task may be an appointment.
  expect(bookingOf().webhooks?.read(request(body))).toEqual([{ entity: 'appointment', id: '67', change: 'created' }]);
});

test('a delivery of another account is refused', () => {
  const body = `leads[add][0][id]=1&${account}`;
  expect(() => read(body, { AMOCRM_ACCOUNT_ID: '29085956' })).toThrow(
    expect.objectContaining({ code: 'permission_denied', reason: 'bad_signature' }),
  );
});

test.each([
  ['nothing', ''],
  ['a page', '<html><body>It works!</body></html>'],
  ['JSON', '{"leads":{"add":[{"id":"1"}]},"account":{"id":"29085955"}}'],
  ['no UTF-8', Uint8Array.of(0xff, 0xfe)],
  ['a record without an id', `leads[add][0][name]=x&${account}`],
  ['an id that is a path', `leads[add][0][id]=1/notes&${account}`],
])('a body that is %s is refused', (_, body) => {
  expect(() => read(body)).toThrow(expect.objectContaining({ code: 'invalid_argument', reason: 'bad_body' }));
});

test('a lead is read with the status of the settings, another one as its id, and a deleted one not at all', async () => {
  const crm = crmOf();
  const [inProcess, unknown, deleted] = it.fake.records.create('leads', [
    { name: 'x', status_id: amoPipelines.main.statuses[1] },
    { name: 'x', status_id: amoPipelines.deals.statuses[0] },
    { name: 'x', is_deleted: true },
  ]);
  expect(await crm.readRecord?.('lead', String(inProcess?.id), signal)).toEqual({ changedAt: now, status: 'in_process' });
  expect(await crm.readRecord?.('lead', String(unknown?.id), signal)).toEqual({ changedAt: now, status: '32392256' });
  expect(await crm.readRecord?.('deal', String(unknown?.id), signal)).toEqual({ changedAt: now, status: null });
  for (const id of [String(deleted?.id), '999', 'x']) expect(await crm.readRecord?.('lead', id, signal)).toBeNull();
});

test('a contact and a task, which has no address of its own, are read with the time of their last change', async () => {
  const crm = crmOf();
  const contact = it.fake.records.contact({ name: 'Anna' });
  const [task] = it.fake.records.create('tasks', [
    { text: 'Call', complete_till: now / 1000, entity_type: 'contacts', entity_id: contact.id },
  ]);
  it.later(60_000);
  it.fake.records.update('contacts', contact.id, { name: 'Anna P.' });
  expect(await crm.readRecord?.('contact', String(contact.id), signal)).toEqual({ changedAt: now + 60_000, status: null });
  expect(await crm.readRecord?.('task', String(task?.id), signal)).toEqual({ changedAt: now, status: null });
  it.fake.records.remove('tasks', Number(task?.id));
  expect(await crm.readRecord?.('task', String(task?.id), signal)).toBeNull();
});
