import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Portal, portal } from '../../../test/kit/bitrix24.ts';
import { bitrixCrm } from './crm.ts';
import { bitrixSettings } from './settings.ts';

let it: Portal;
beforeAll(async () => {
  it = await portal({ tickMs: 0, bucket: { limit: 1000, perSecond: 1000 } });
});
afterAll(() => it.stop());

const { signal } = new AbortController();
const token = '51856fefc120afa4b628cc82d3935cce';
const crmOf = (settings: Readonly<Record<string, string>> = { BITRIX24_APPLICATION_TOKEN: token }) =>
  bitrixCrm(bitrixSettings.parse({ BITRIX24_WEBHOOK_URL: it.fake.webhookUrl, ...settings }), it.deps);
const read = (body: string | Uint8Array, settings?: Readonly<Record<string, string>>) =>
  crmOf(settings).webhooks?.read({ headers: {}, query: {}, body: Buffer.from(body as string) });
/** What follows the data of every event, as the portal encodes it. */
const rest = (given = token) =>
  `ts=1893492000&auth%5Bdomain%5D=example.bitrix24.ru&auth%5Bclient_endpoint%5D=https%3A%2F%2Fexample.bitrix24.ru%2Frest%2F&auth%5Bmember_id%5D=a223c6b3710f85df22e9377d6c4f7553&auth%5Bapplication_token%5D=${given}`;
const delivery = (event: string, data: string, given?: string) => `event=${event}&${data}&${rest(given)}`;
const ofItem = (event: string) => delivery(event, 'data%5BFIELDS%5D%5BID%5D=3465');

test.each([
  [ofItem('ONCRMLEADADD'), { entity: 'lead', id: '3465', change: 'created' }],
  [ofItem('ONCRMLEADUPDATE'), { entity: 'lead', id: '3465', change: 'updated' }],
  [ofItem('ONCRMLEADDELETE'), { entity: 'lead', id: '3465', change: 'deleted' }],
  [ofItem('ONCRMCONTACTUPDATE'), { entity: 'contact', id: '3465', change: 'updated' }],
  [ofItem('OnCrmDealUpdate'), { entity: 'deal', id: '3465', change: 'updated' }],
  [
    delivery('ONTASKADD', 'data%5BFIELDS_BEFORE%5D=undefined&data%5BFIELDS_AFTER%5D%5BID%5D=3711'),
    { entity: 'task', id: '3711', change: 'created' },
  ],
  [
    delivery('ONTASKUPDATE', 'data%5BFIELDS_BEFORE%5D%5BID%5D=3711&data%5BFIELDS_AFTER%5D%5BID%5D=3711'),
    { entity: 'task', id: '3711', change: 'updated' },
  ],
  [
    delivery('ONTASKDELETE', 'data%5BFIELDS_BEFORE%5D%5BID%5D=3711&data%5BFIELDS_AFTER%5D=undefined'),
    { entity: 'task', id: '3711', change: 'deleted' },
  ],
])('%s is one change, also when it is delivered twice', (body, change) => {
  expect(read(body)).toEqual([change]);
  expect(read(body)).toEqual([change]);
});

test('events of other entities are left out', () => {
  for (const event of ['ONCRMCOMPANYADD', 'ONCRMDYNAMICITEMUPDATE', 'ONTASKCOMMENTADD', 'ONCRMLEADUSERFIELDADD', 'ONAPPUNINSTALL'])
    expect(read(ofItem(event))).toEqual([]);
});

test('an event with another token, without one, or before the token is set is refused', () => {
  const refused = expect.objectContaining({ code: 'permission_denied', reason: 'bad_signature' });
  const data = 'data%5BFIELDS%5D%5BID%5D=3465';
  expect(() => read(delivery('ONCRMLEADADD', data, `${token}0`))).toThrow(refused);
  expect(() => read(delivery('ONCRMLEADADD', data, ''))).toThrow(refused);
  expect(() => read(`event=ONCRMLEADADD&${data}`)).toThrow(refused);
  expect(() => read(delivery('ONCRMLEADADD', data), {})).toThrow(refused);
  expect(() => read(delivery('ONCRMLEADADD', data, ''), {})).toThrow(refused);
});

test.each([
  ['nothing', ''],
  ['a page', '<html><body>It works!</body></html>'],
  ['JSON', `{"event":"ONCRMLEADADD","data":{"FIELDS":{"ID":1}},"auth":{"application_token":"${token}"}}`],
  ['no UTF-8', Uint8Array.of(0xff, 0xfe)],
  ['an event without an id', delivery('ONCRMLEADADD', 'x=1')],
  ['an event with an id that is none', delivery('ONTASKDELETE', 'data%5BFIELDS_BEFORE%5D%5BID%5D=undefined')],
])('a body that is %s is refused', (_, body) => {
  expect(() => read(body)).toThrow(expect.objectContaining({ code: 'invalid_argument', reason: 'bad_body' }));
});

test('a lead is read with the status of the settings, another stage as the portal calls it, and one that is gone not at all', async () => {
  const crm = crmOf();
  const { id } = it.fake.items.add(1, { title: 'x', stageId: 'JUNK' });
  const lead = String(id);
  expect(await crm.readRecord?.('lead', lead, signal)).toEqual({ changedAt: it.now(), status: 'dead' });
  it.later(60_000);
  it.fake.items.update(1, id, { stageId: 'PROCESSED' });
  expect(await crm.readRecord?.('lead', lead, signal)).toEqual({ changedAt: it.now(), status: 'PROCESSED' });
  it.fake.items.remove(1, id);
  for (const gone of [lead, '0', 'undefined']) expect(await crm.readRecord?.('lead', gone, signal)).toBeNull();
});

test('a contact, a deal and a task are read with the time of their last change, which an own write does not exceed', async () => {
  const crm = crmOf();
  const at = { ref: 'r', signal };
  const { contactId } = await crm.createContact.attempt({ firstName: 'Anna', phoneNumber: '+79990001122' }, at);
  const { dealId } = await crm.createDeal.attempt(
    { contactId, title: 'x', amount: { amountMinor: 100, currency: 'RUB' }, closeAt: '2030-03-01T00:00:00.000Z' },
    at,
  );
  const { taskId } = await crm.createTask.attempt({ about: { kind: 'contact', id: contactId }, subject: 'Call' }, at);
  const written = it.now();
  it.later(3_600_000);
  expect(await crm.readRecord?.('contact', contactId, signal)).toEqual({ changedAt: written, status: null });
  expect(await crm.readRecord?.('deal', dealId, signal)).toEqual({ changedAt: written, status: null });
  expect(await crm.readRecord?.('task', taskId, signal)).toEqual({ changedAt: written, status: null });
  expect(await crm.readRecord?.('task', '99999', signal)).toBeNull();
});
