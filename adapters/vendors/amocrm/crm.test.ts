import { afterEach, expect, test } from '@jest/globals';
import { amocrm } from '../../../test/kit/amocrm.ts';
import { crmConformance } from '../../crm/conformance.ts';
import { phoneSpellings } from '../../crm/phone-spellings.ts';
import { amoCrm } from './crm.ts';
import type { AmoFake } from './fake.ts';
import { amoFields, amoPipelines } from './fake-records.ts';
import { amoSettings } from './settings.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function setup(settings: Readonly<Record<string, string>> = {}) {
  const it = await amocrm();
  return { ...it, crm: amoCrm(amoSettings.parse({ ...it.settings, ...settings }), it.deps) };
}
async function started(settings?: Readonly<Record<string, string>>) {
  const it = await setup(settings);
  closing.push(it.stop);
  return it;
}
const at = (ref: string) => ({ ref, signal: new AbortController().signal });
const { signal } = new AbortController();
const attemptedAt = Date.now();
const anna = { firstName: 'Anna', lastName: 'Petrova', phoneNumber: '+79990001122' };
const lead = { ...anna, source: 'website', reuseHours: 0 };
const startedAt = '2030-01-31T10:00:00.000Z';
const call = {
  callId: 'call_1',
  direction: 'outbound',
  outcome: 'answered',
  phoneNumber: anna.phoneNumber,
  startedAt,
  durationMs: 61_500,
} as const;
const bodyOf = (fake: AmoFake, on: string) =>
  JSON.parse(fake.seen.findLast(({ method, path }) => `${method} ${path}` === on)?.body ?? 'null');
async function withContact(settings?: Readonly<Record<string, string>>) {
  const it = await started(settings);
  const { contactId } = await it.crm.createContact.attempt(anna, at('contact'));
  return { ...it, contactId };
}

for (const [name, settings] of [
  ['amoCRM with our reference in a tag', {}],
  [
    'amoCRM with fields for our reference',
    {
      AMOCRM_CONTACT_REFERENCE_FIELD_ID: String(amoFields.contactReference),
      AMOCRM_LEAD_REFERENCE_FIELD_ID: String(amoFields.leadReference),
      AMOCRM_CLOSE_DATE_FIELD_ID: String(amoFields.leadCloseDate),
    },
  ],
] as const)
  crmConformance(name, async () => {
    const { crm, fake, later, stop } = await setup(settings);
    return {
      crm,
      later: () => later(),
      stop,
      addContact: async ({ firstName, phones }) => String(fake.records.contact({ name: firstName, phones }).id),
    };
  });

test('every create sends an array with one item', async () => {
  const { crm, fake, contactId } = await withContact();
  const { leadId } = await crm.createLead.attempt({ ...lead, contactId, comment: 'Asked for a price.' }, at('r1'));
  await crm.createTask.attempt({ about: { kind: 'lead', id: leadId }, subject: 'Call back' }, at('r2'));
  await crm.logCall.attempt({ ...call, leadId }, at('r3'));
  const posts = fake.seen.filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body));
  expect(posts).toHaveLength(5);
  expect(posts.every((body) => Array.isArray(body) && body.length === 1)).toBe(true);
});

test('times go out in seconds', async () => {
  const { crm, fake, contactId } = await withContact();
  const about = { kind: 'contact', id: contactId } as const;
  await crm.createTask.attempt({ about, subject: 'Call back', dueAt: '2030-01-31T13:00:00.000+03:00' }, at('r1'));
  await crm.logCall.attempt({ ...call, about }, at('r2'));
  expect(fake.records.all('tasks')[0]).toMatchObject({ complete_till: Date.parse(startedAt) / 1000, entity_type: 'contacts' });
  expect(fake.records.all('notes')[0]).toMatchObject({ created_at: Date.parse(startedAt) / 1000, params: { duration: 62 } });
});

test('a task without a time is due in a day', async () => {
  const { crm, fake, contactId } = await withContact();
  await crm.createTask.attempt({ about: { kind: 'contact', id: contactId }, subject: 'Call back' }, at('r1'));
  const due = Number(fake.records.all('tasks')[0]?.complete_till) * 1000;
  expect(due - Date.now()).toBeGreaterThan(86_300_000);
  expect(due - Date.now()).toBeLessThanOrEqual(86_400_000);
});

test('a phone is found as the third value of a contact, and a person who has its digits in another field is not', async () => {
  const { crm, fake } = await started();
  const { id } = fake.records.contact({ name: 'Anna', phones: ['+74951112233', '+74951112244', '+79990001122'] });
  fake.records.contact({
    name: 'Stranger',
    phones: ['+79998887766'],
    fields: [{ field_id: amoFields.contactText, values: [{ value: 'Договор 9990001122' }] }],
  });
  fake.records.contact({ name: 'Briton', phones: ['+449990001122'] });
  expect((await crm.findContacts(anna.phoneNumber, signal)).map(({ contactId }) => contactId)).toEqual([String(id)]);
});

test.each(['8 (999) 000-11-22', '+7 999 000 11 22', '8-999-000-11-22', '79990001122', '9990001122', '+7 (999) 000-11-22 доб. 4'])(
  'a phone that was typed as %s is found, although the search compares texts',
  async (typed) => {
    const { crm, fake } = await started();
    const { id } = fake.records.contact({ name: 'Anna', phones: [typed] });
    expect(await crm.findContacts(anna.phoneNumber, signal)).toMatchObject([{ contactId: String(id), phones: ['+79990001122'] }]);
  },
);

test('no spelling of a phone is taken for another number', async () => {
  const { crm, fake } = await started();
  const spellings = Object.values(phoneSpellings).flat();
  for (const { written } of spellings) fake.records.contact({ name: 'Anna', phones: [written] });
  for (const phone of new Set(spellings.filter(({ country }) => country === undefined).flatMap(({ numbers }) => numbers)))
    for (const { phones } of await crm.findContacts(phone, signal)) expect(phones).toContain(phone);
});

test('a filter or a page that the server ignores ends the search after five requests, without a match', async () => {
  const { crm, fake } = await started();
  const page = {
    _links: { next: { href: `${fake.url}/api/v4/contacts?page=2` } },
    _embedded: { contacts: [{ id: 1, name: 'Stranger', custom_fields_values: null }] },
  };
  fake.order({ do: 'refuse', on: 'GET api/v4/contacts', status: 200, body: page, times: 99 });
  expect(await crm.findContacts(anna.phoneNumber, signal)).toEqual([]);
  // The first query ends with a page that has nothing new; each of the others is one page at most.
  expect(fake.seen.map(({ query }) => query.includes('query=9990001122') || query === 'page=2')).toEqual([true, true, false, false]);
});

test('leads of strangers, from a server that ignores the filter, are not those of the contact', async () => {
  const { crm, fake, contactId } = await withContact();
  const { leadId } = await crm.createLead.attempt({ ...lead, contactId }, at('r1'));
  await crm.updateLeadStatus(leadId, 'dead', signal);
  const stranger = { id: 7, status_id: amoPipelines.main.statuses[0], pipeline_id: amoPipelines.main.id, created_at: 4_000_000_000 };
  fake.order({ do: 'refuse', on: 'GET api/v4/leads', status: 200, body: { _embedded: { leads: [stranger] } } });
  expect(await crm.findOpenLead(contactId, new Date(0), signal)).toBeNull();
});

test('a search is read to its last page, in at most five requests', async () => {
  const { crm, fake } = await started();
  const put = (count: number) => {
    for (let nth = 0; nth < count; nth += 1) fake.records.contact({ name: `Договор 9990001122-${nth}` });
    return String(fake.records.contact({ name: 'Anna', phones: [anna.phoneNumber] }).id);
  };
  const first = put(600);
  expect((await crm.findContacts(anna.phoneNumber, signal)).map(({ contactId }) => contactId)).toEqual([first]);
  fake.records.remove('contacts', Number(first));
  put(300);
  const before = fake.seen.length;
  expect(await crm.findContacts(anna.phoneNumber, signal)).toEqual([]);
  expect(fake.seen.length - before).toBeLessThanOrEqual(5);
});

test('a next page at another address is a typed error and no request', async () => {
  const { crm, fake } = await started();
  for (const href of ['http://127.0.0.1:1/api/v4/contacts?page=2', 'https://evil.example/', 'not a url']) {
    fake.order({ do: 'refuse', on: 'GET', status: 200, body: { _links: { next: { href } }, _embedded: { contacts: [{ id: 1 }] } } });
    await expect(crm.findContacts(anna.phoneNumber, signal)).rejects.toMatchObject({ code: 'upstream_failed', reason: 'bad_reply' });
  }
  expect(fake.seen).toHaveLength(3);
});

test('a contact is asked for its leads, which it does not show by itself', async () => {
  const { crm, contactId } = await withContact();
  const { leadId } = await crm.createLead.attempt({ ...lead, contactId }, at('r1'));
  expect(await crm.findOpenLead(contactId, new Date(0), signal)).toMatchObject({ leadId, createdById: '0' });
});

test.each(['converted', 'dead'] as const)('a lead that is %s gets status 142 or 143 without a change of its pipeline', async (status) => {
  const { crm, fake, contactId } = await withContact();
  const { leadId } = await crm.createLead.attempt({ ...lead, contactId }, at('r1'));
  await crm.updateLeadStatus(leadId, status, signal);
  expect(bodyOf(fake, `PATCH api/v4/leads/${leadId}`)).toEqual({ status_id: status === 'converted' ? 142 : 143 });
});

test('a status without an id in the settings is refused, and the setting is named', async () => {
  const { crm, fake } = await started({ AMOCRM_STATUS_IN_PROCESS_ID: '32392159' });
  await crm.updateLeadStatus('1', 'in_process', signal).catch(() => {});
  expect(bodyOf(fake, 'PATCH api/v4/leads/1')).toEqual({ status_id: 32_392_159, pipeline_id: amoPipelines.main.id });
  const bare = amoSettings.parse({ AMOCRM_SUBDOMAIN: 'fake', AMOCRM_TOKEN: 'x' });
  const unset = amoCrm(bare, {} as never);
  await expect(unset.updateLeadStatus('1', 'in_process', signal)).rejects.toMatchObject({
    code: 'failed_precondition',
    reason: 'crm_rejected',
    message: expect.stringMatching(/AMOCRM_STATUS_IN_PROCESS_ID/),
  });
});

test('a deal is no open lead of its contact', async () => {
  const { crm, fake, contactId } = await withContact();
  const deal = { contactId, title: 'Deal', amount: { amountMinor: 150_050, currency: 'RUB' }, closeAt: startedAt };
  const { dealId } = await crm.createDeal.attempt(deal, at('r1'));
  expect(fake.records.all('leads')[0]).toMatchObject({ id: Number(dealId), name: 'Deal', price: 1501, pipeline_id: amoPipelines.deals.id });
  expect(await crm.findOpenLead(contactId, new Date(0), signal)).toBeNull();
});

test('a deal has its expected close in a field, or in a note where there is none', async () => {
  const deal = { title: 'Deal', amount: { amountMinor: 100, currency: 'RUB' }, closeAt: startedAt };
  const noted = await withContact();
  await noted.crm.createDeal.attempt({ ...deal, contactId: noted.contactId }, at('r1'));
  expect(noted.fake.records.all('notes')[0]?.params).toEqual({ text: `Expected close: ${startedAt}\nPolyB-Ref: r1` });
  const fielded = await withContact({ AMOCRM_CLOSE_DATE_FIELD_ID: String(amoFields.leadCloseDate) });
  await fielded.crm.createDeal.attempt({ ...deal, contactId: fielded.contactId }, at('r1'));
  expect(fielded.fake.records.all('leads')[0]?.custom_fields_values).toMatchObject([
    { field_id: amoFields.leadCloseDate, values: [{ value: Date.parse(startedAt) / 1000 }] },
  ]);
  expect(fielded.fake.records.all('notes')).toEqual([]);
});

test.each([
  ['amount', { amount: { amountMinor: 100, currency: 'USD' } }],
  ['stage', { stage: 'Negotiation' }],
])('a deal whose %s amoCRM cannot have is refused without a request', async (field, wrong) => {
  const { crm, fake } = await started();
  const deal = { contactId: '1', title: 'Deal', amount: { amountMinor: 100, currency: 'RUB' }, closeAt: startedAt, ...wrong };
  await expect((async () => crm.createDeal.attempt(deal, at('r1')))()).rejects.toMatchObject({ reason: 'crm_rejected', data: { field } });
  expect(fake.seen).toEqual([]);
});

test('a comment becomes a note of the lead; one that was lost is written by the look-up, once', async () => {
  const { crm, fake, contactId } = await withContact();
  const input = { ...lead, contactId, comment: 'Asked for a price.' };
  const { onUnknown } = crm.createLead;
  if (onUnknown.do !== 'look_up') throw new Error('a lead cannot be looked up');
  for (const [nth, fault] of [{ do: 'refuse', status: 400 }, { do: 'cut' }, { do: 'cut', executes: true }].entries()) {
    const ref = `r${nth}`;
    fake.order({ ...fault, on: 'POST api/v4/leads/' } as Parameters<typeof fake.order>[0]);
    await expect(crm.createLead.attempt(input, at(ref))).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
    for (let again = 0; again < 2; again += 1) {
      const found = await onUnknown.find({ ref, input, attemptedAt }, signal);
      expect(found).toMatchObject({ leadId: String(fake.records.all('leads')[nth]?.id), created: true });
    }
    const notes = fake.records.all('notes').filter(({ entity_id: id }) => id === fake.records.all('leads')[nth]?.id);
    expect(notes.map(({ params }) => params)).toEqual([{ text: `Asked for a price.\nPolyB-Ref: ${ref}` }]);
  }
});

test('a lead has its source as a tag', async () => {
  const { crm, fake, contactId } = await withContact();
  await crm.createLead.attempt({ ...lead, contactId, source: 'telegram' }, at('r1'));
  expect(bodyOf(fake, 'POST api/v4/leads')[0]._embedded).toEqual({
    contacts: [{ id: Number(contactId), is_main: true }],
    tags: [{ name: 'telegram' }, { name: 'PolyB r1' }],
  });
});

test('a new phone is added beside the old ones, whose former kinds are read and not written', async () => {
  const { crm, fake } = await started();
  const field = {
    field_id: 178_382,
    field_code: 'PHONE',
    values: [{ value: '8 (495) 111-22-33', enum: 'HOME' }, { value: '+74951112244', enum_code: 'WORKDD' }, { value: '+74951112255' }],
  };
  const { id } = fake.records.contact({ name: 'Anna', fields: [field] });
  const added = await crm.updateContact.attempt({ contactId: String(id), phoneNumber: anna.phoneNumber }, at('r1'));
  expect(added).toEqual({ contactId: String(id), changed: true });
  expect(bodyOf(fake, `PATCH api/v4/contacts/${id}`)).toEqual({
    custom_fields_values: [
      {
        field_code: 'PHONE',
        values: [
          { value: '8 (495) 111-22-33', enum_code: 'HOME' },
          { value: '+74951112244', enum_code: 'WORKDD' },
          { value: '+74951112255', enum_code: 'OTHER' },
          { value: '+79990001122', enum_code: 'MOB' },
        ],
      },
    ],
  });
});

test('a call about a record is its note, whoever else has the phone', async () => {
  const { crm, fake, contactId } = await withContact();
  fake.records.contact({ name: 'Briton', phones: ['+449990001122'] });
  const { crmCallId } = await crm.logCall.attempt({ ...call, about: { kind: 'contact', id: contactId }, outcome: 'busy' }, at('r1'));
  expect(fake.records.all('notes')).toMatchObject([
    {
      id: Number(crmCallId),
      entity_id: Number(contactId),
      note_type: 'call_out',
      params: { uniq: 'r1', call_status: 7, phone: anna.phoneNumber },
    },
  ]);
});

test('a call about a record that is gone belongs to the record with its phone, and is found there by its reference', async () => {
  const { crm, fake, contactId } = await withContact();
  const { leadId } = await crm.createLead.attempt({ ...lead, contactId }, at('r1'));
  const { leadId: merged } = await crm.createLead.attempt({ ...lead, contactId }, at('r2'));
  fake.records.remove('leads', Number(merged));
  const input = { ...call, leadId: merged };
  const logged = await crm.logCall.attempt(input, at('r3'));
  expect(fake.records.all('notes')).toMatchObject([{ id: Number(logged.crmCallId), entity_id: Number(leadId), entity_type: 'leads' }]);
  const { onUnknown } = crm.logCall;
  expect(onUnknown.do === 'look_up' && (await onUnknown.find({ ref: 'r3', input, attemptedAt }, signal))).toEqual(logged);
});

test.each([
  ['400', undefined],
  [
    '200 with an error in the place of the call',
    {
      do: 'refuse',
      on: 'POST api/v4/calls',
      status: 200,
      body: { _total_items: 0, errors: [{ title: 'Entity not found', status: 263 }], _embedded: { calls: [] } },
    },
  ],
] as const)('a call that belongs to nobody is refused: %s', async (_, fault) => {
  const { crm, fake } = await started();
  if (fault !== undefined) fake.order(fault);
  await expect(crm.logCall.attempt({ ...call, leadId: '123456' }, at('r1'))).rejects.toMatchObject({
    code: 'failed_precondition',
    reason: 'crm_rejected',
    outcome: 'not_executed',
  });
});

test.each([
  ['POST api/v4/contacts', 'createContact', anna],
  ['POST api/v4/leads', 'createLead', { ...lead, contactId: '' }],
  ['POST api/v4/tasks', 'createTask', { about: { kind: 'contact', id: '' }, subject: 'Call back' }],
  ['POST api/v4/contacts/', 'addNote', { about: { kind: 'contact', id: '' }, text: 'Asked.' }],
  ['POST api/v4/contacts/', 'logCall', { ...call, about: { kind: 'contact', id: '' } }],
] as const)('a lost reply to %s leaves the outcome unknown, and the record is found only if it is there', async (on, name, raw) => {
  const { crm, fake, contactId } = await withContact();
  const input = JSON.parse(JSON.stringify(raw).replaceAll('""', JSON.stringify(contactId)));
  const effect = crm[name] as { attempt(input: unknown, at: object): Promise<unknown>; onUnknown: typeof crm.addNote.onUnknown };
  const { onUnknown } = effect;
  if (onUnknown.do !== 'look_up') throw new Error(`${name} cannot be looked up`);
  expect(onUnknown.settleMs).toBe(75_000);
  for (const [nth, fault] of [{ do: 'cut' }, { do: 'garbage' }, { do: 'refuse', status: 504 }, { do: 'refuse', status: 200 }].entries())
    for (const executes of [false, true]) {
      const ref = `r${nth}-${executes}`;
      fake.order({ ...fault, executes, on } as Parameters<typeof fake.order>[0]);
      await expect(effect.attempt(input, at(ref))).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
      expect((await onUnknown.find({ ref, input, attemptedAt }, signal)) !== null).toBe(executes);
    }
});

test('ids of another CRM are no records, and none is sent', async () => {
  const { crm, fake } = await started();
  const about = { kind: 'contact', id: '../users' } as const;
  const refused = { code: 'failed_precondition', reason: 'crm_rejected', outcome: 'not_executed' };
  await expect((async () => crm.addNote.attempt({ about, text: 'x' }, at('r1')))()).rejects.toMatchObject(refused);
  await expect((async () => crm.createTask.attempt({ about, subject: 'x' }, at('r1')))()).rejects.toMatchObject(refused);
  await expect((async () => crm.createLead.attempt({ ...lead, contactId: about.id }, at('r1')))()).rejects.toMatchObject(refused);
  await expect((async () => crm.logCall.attempt({ ...call, about }, at('r1')))()).rejects.toMatchObject(refused);
  expect(fake.seen).toEqual([]);
});
