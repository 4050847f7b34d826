import { afterEach, expect, test } from '@jest/globals';
import { type Effect, onUnknownOf } from '../../../contracts/kit/define.ts';
import { type PortalOptions, portal } from '../../../test/kit/bitrix24.ts';
import { crmConformance } from '../../crm/conformance.ts';
import { bitrixCrm } from './crm.ts';
import { bitrixAccess } from './fake.ts';
import { bitrixSettings } from './settings.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function setup(settings: Readonly<Record<string, string>> = {}, options: PortalOptions & { readonly isApplication?: boolean } = {}) {
  const it = await portal(options);
  const access = it.access(options.isApplication);
  const { clientId, clientSecret, redirectUri } = bitrixAccess;
  const where =
    access.kind === 'webhook'
      ? { BITRIX24_WEBHOOK_URL: access.url }
      : {
          BITRIX24_PORTAL_URL: access.portal,
          BITRIX24_CLIENT_ID: clientId,
          BITRIX24_CLIENT_SECRET: clientSecret,
          BITRIX24_REDIRECT_URI: redirectUri,
        };
  const oauth = access.kind === 'application' ? { tokens: access.tokens } : undefined;
  return { ...it, crm: bitrixCrm(bitrixSettings.parse({ ...where, ...settings }), it.deps, oauth) };
}
async function started(...options: Parameters<typeof setup>) {
  const it = await setup(...options);
  closing.push(it.stop);
  return it;
}
const { signal } = new AbortController();
const at = (ref: string) => ({ ref, signal });
const rows = (...values: readonly string[]) => values.map((value) => ({ typeId: 'PHONE', valueType: 'WORK', value }));
const anna = { firstName: 'Anna', lastName: 'Petrova', phoneNumber: '+79990001122' };
const lead = { ...anna, source: 'website', reuseHours: 0 };
const call = { callId: 'call_1', phoneNumber: anna.phoneNumber, startedAt: '2030-01-31T13:30:00.000+03:00', durationMs: 90_400 } as const;

for (const [name, isApplication] of [
  ['Bitrix24 through a webhook', false],
  ['Bitrix24 through an application', true],
] as const)
  crmConformance(name, async () => {
    const { crm, fake, later, stop } = await setup({}, { isApplication });
    return {
      crm,
      later: () => later(),
      stop,
      addContact: async ({ firstName, phones }) => String(fake.items.add(3, { name: firstName, fm: rows(...phones) }).id),
    };
  });

test('a phone is found in every spelling that the portal stores, by one search of contacts alone', async () => {
  const { crm, fake } = await started();
  const spellings = ['+79990001122', '89990001122', '8 (999) 000-11-22', '007 999 000 11 22', '9990001122', '+7 999 000-11-22 доб. 404'];
  const ids = spellings.map((spelling) => String(fake.items.add(3, { name: 'Anna', fm: rows('+74951112233', spelling) }).id));
  expect((await crm.findContacts(anna.phoneNumber, signal)).map(({ contactId }) => contactId)).toEqual(ids);
  expect(fake.seen.map(({ method, path }) => [method, path.split('/').at(-1)])).toEqual([
    ['POST', 'crm.duplicate.findbycomm'],
    ['POST', 'crm.item.list'],
  ]);
  expect(JSON.parse(fake.seen[0]?.body ?? '')).toEqual({
    type: 'PHONE',
    values: ['+79990001122', '89990001122', '9990001122'],
    entity_type: 'CONTACT',
  });
});

test('twenty leads with a phone do not hide its contact', async () => {
  const { crm, fake } = await started();
  for (let nth = 0; nth < 20; nth += 1) fake.items.add(1, { title: 'Lead', fm: rows(anna.phoneNumber) });
  const { id } = fake.items.add(3, { name: 'Anna', fm: rows(anna.phoneNumber) });
  expect((await crm.findContacts(anna.phoneNumber, signal)).map(({ contactId }) => contactId)).toEqual([String(id)]);
});

test('two people behind one switchboard are two candidates, and a person with another number is none', async () => {
  const { crm, fake } = await started();
  for (const [name, phone] of [
    ['Anna', '+78121112233#4048'],
    ['Ivan', '+78121112233'],
    ['Oleg', '+448121112233'],
  ] as const)
    fake.items.add(3, { name, fm: rows(phone) });
  expect((await crm.findContacts('+78121112233', signal)).map(({ firstName }) => firstName)).toEqual(['Anna', 'Ivan']);
  // A hit is a candidate, whatever the search of the portal says.
  const [oleg] = fake.items.all(3).slice(-1);
  fake.order({ do: 'refuse', on: fake.at('crm.duplicate.findbycomm'), status: 200, body: { result: { CONTACT: [oleg?.id] } } });
  expect(await crm.findContacts('+78121112233', signal)).toEqual([]);
});

test('a filter that the portal ignores brings strangers, in at most five pages, and nobody is found', async () => {
  const { crm, fake } = await started({}, { ignoresFilters: ['crm.item.list'] });
  const { id } = fake.items.add(3, { name: 'Anna', fm: rows(anna.phoneNumber) });
  for (let nth = 0; nth < 400; nth += 1) fake.items.add(3, { name: 'Stranger', fm: rows(anna.phoneNumber.replace('1122', '3344')) });
  expect((await crm.findContacts(anna.phoneNumber, signal)).map(({ contactId }) => contactId)).toEqual([String(id)]);
  const { onUnknown } = crm.createContact;
  const before = fake.seen.length;
  expect(onUnknown.do === 'look_up' && (await onUnknown.find({ ref: 'r1', input: anna, attemptedAt: 0 }, signal))).toBeNull();
  expect(fake.seen.length - before).toBe(5);
});

test('what the portal would ignore is not sent: every field of a contact, a lead and a deal is stored', async () => {
  const { crm, fake } = await started({ BITRIX24_DEAL_CATEGORY_ID: '9' });
  const { contactId } = await crm.createContact.attempt({ ...anna, email: 'anna@example.com' }, at('r1'));
  await crm.createLead.attempt({ ...lead, contactId, comment: 'Wants a call.' }, at('r2'));
  const deal = { contactId, title: 'Deal', closeAt: '2030-02-01T00:00:00.000+03:00', amount: { amountMinor: 150_050, currency: 'RUB' } };
  await crm.createDeal.attempt({ ...deal, stage: 'NEW' }, at('r3'));
  for (const [nth, entityTypeId] of [3, 1, 2].entries()) {
    const sent = JSON.parse(fake.seen[nth]?.body ?? '') as { fields: Record<string, unknown> };
    const { fm = [], ...fields } = sent.fields;
    const stored = fake.items.all(entityTypeId)[0];
    expect(stored).toMatchObject(fields);
    expect(stored?.fm.map(({ id: _, ...row }) => row)).toEqual(fm);
  }
  expect(fake.items.all(2)[0]).toMatchObject({ categoryId: 9, stageId: 'C9:NEW', opportunity: 1500.5, contactId: Number(contactId) });
});

test.each([
  ['0', undefined, { categoryId: 0, stageId: 'NEW' }],
  ['0', 'PREPARATION', { categoryId: 0, stageId: 'PREPARATION' }],
  ['9', undefined, { categoryId: 9, stageId: 'C9:NEW' }],
  ['9', 'C9:PREPARATION', { categoryId: 9, stageId: 'C9:PREPARATION' }],
  ['9', 'C5:WON', { categoryId: 5, stageId: 'C5:WON' }],
])('with funnel %s the stage %s becomes the right one', async (category, stage, stored) => {
  const { crm, fake } = await started({ BITRIX24_DEAL_CATEGORY_ID: category });
  const deal = { contactId: '7', title: 'Deal', closeAt: '2030-02-01T00:00:00.000Z', amount: { amountMinor: 100, currency: 'RUB' } };
  await crm.createDeal.attempt({ ...deal, stage }, at('r1'));
  expect(fake.items.all(2)[0]).toMatchObject(stored);
  const unknown = crm.createDeal.attempt({ ...deal, stage: 'NO_SUCH' }, at('r2'));
  await expect(unknown).rejects.toMatchObject({ reason: 'crm_rejected', data: { field: 'stageId' }, outcome: 'not_executed' });
});

test('lead stages follow the setting; a lead in a stage of the portal’s own is open by its meaning', async () => {
  const stages = 'new=UC_NEW,dead=UC_DEAD';
  const { crm, fake } = await started({ BITRIX24_LEAD_STAGES: stages }, { leadStages: ['UC_NEW', 'UC_DEAD', 'UC_THINKING'] });
  const { contactId } = await crm.createContact.attempt(anna, at('r1'));
  const { leadId } = await crm.createLead.attempt({ ...lead, contactId }, at('r2'));
  expect(fake.items.all(1)[0]?.stageId).toBe('UC_NEW');
  await crm.updateLeadStatus(leadId, 'dead', signal);
  expect(fake.items.all(1)[0]?.stageId).toBe('UC_DEAD');
  fake.items.update(1, leadId, { stageId: 'UC_THINKING' });
  expect(await crm.findOpenLead(contactId, new Date(0), signal)).toMatchObject({ leadId });
});

test('an open lead is found by its contact without a phone, and by its phone without a contact; times of the portal become UTC', async () => {
  const { crm, fake, later } = await started();
  const { id: contactId } = fake.items.add(3, { name: 'Anna', fm: rows('8 999 000-11-22') });
  const find = () => crm.findOpenLead(String(contactId), new Date('2030-01-31T10:00:00Z'), signal);
  const { id: ofContact } = fake.items.add(1, { title: 'Site', contactId });
  expect(await find()).toEqual({ leadId: String(ofContact), createdById: '1', createdAt: '2030-01-31T10:00:00.000Z' });
  later();
  const { id: ofPhone } = fake.items.add(1, { title: 'Form', fm: rows('+7 (999) 000-11-22') });
  fake.items.add(1, { title: 'Another person', fm: rows('+79993334455') });
  expect(await find()).toMatchObject({ leadId: String(ofPhone) });
});

test('an id that is no number is refused before a request: the portal would take it for 0', async () => {
  const { crm, fake } = await started();
  const refused = { reason: 'crm_rejected', outcome: 'not_executed' };
  await expect(crm.createLead.attempt({ ...lead, contactId: 'abc' }, at('r1'))).rejects.toMatchObject(refused);
  const about = { kind: 'lead', id: '5;6' } as const;
  await expect(crm.createTask.attempt({ about, subject: 'Call' }, at('r2'))).rejects.toMatchObject(refused);
  await expect(crm.addNote.attempt({ about, text: 'Hello' }, at('r3'))).rejects.toMatchObject(refused);
  expect(fake.seen).toHaveLength(0);
});

test.each([
  [{}, '1'],
  [{ BITRIX24_USER_ID: '17' }, '17'],
])('a task is bound to its record and assigned to the user of the webhook or of the setting %j', async (settings, user) => {
  const { crm, fake } = await started(settings);
  const attempts = [
    { kind: 'lead', id: '4' },
    { kind: 'contact', id: '7' },
    { kind: 'deal', id: '10' },
  ] as const;
  for (const [nth, about] of attempts.entries())
    expect(await crm.createTask.attempt({ about, subject: 'Call', dueAt: '2030-02-01T10:00:00.000Z' }, at(`r${nth}`))).toEqual({
      taskId: String(3711 + nth),
    });
  expect(fake.tasks.map(({ UF_CRM_TASK, RESPONSIBLE_ID }) => [...UF_CRM_TASK, RESPONSIBLE_ID])).toEqual([
    ['L_4', user],
    ['C_7', user],
    ['D_10', user],
  ]);
});

test('a note about a record that is gone is refused', async () => {
  const { crm } = await started();
  const note = crm.addNote.attempt({ about: { kind: 'deal', id: '404' }, text: 'Hello' }, at('r1'));
  await expect(note).rejects.toMatchObject({ code: 'failed_precondition', reason: 'crm_rejected', outcome: 'not_executed' });
});

test('a phone is added beside the rows that a contact has, whatever their numbers', async () => {
  const { crm, fake } = await started();
  const { id } = fake.items.add(3, {
    name: 'Anna',
    fm: [...rows('8 999 000-11-22'), { typeId: 'EMAIL', valueType: 'WORK', value: 'a@example.com' }],
  });
  const change = { contactId: String(id), phoneNumber: '+79993334455', email: 'b@example.com' };
  expect(await crm.updateContact.attempt(change, at('r1'))).toEqual({ contactId: String(id), changed: true });
  expect(fake.items.find(3, id)?.fm.map(({ value }) => value)).toEqual(['8 999 000-11-22', 'a@example.com', '+79993334455']);
  expect(fake.items.find(3, id)?.name).toBe('Anna');
});

test('a webhook logs a call as a comment and says so; an application logs it as a call, once within half an hour', async () => {
  const webhook = await started();
  const { id } = webhook.fake.items.add(1, { title: 'Lead' });
  const logged = { ...call, leadId: String(id), direction: 'inbound', outcome: 'answered' } as const;
  expect(webhook.crm.capabilities().methods.log_call).toBe('emulated');
  await webhook.crm.logCall.attempt(logged, at('r1'));
  expect(webhook.fake.comments[0]?.COMMENT).toMatch(/^PolyB call call_1: inbound, answered, .*90 s\nPolyB-Ref: r1$/);

  const { crm, fake } = await started({}, { isApplication: true });
  fake.items.add(1, { title: 'Lead' });
  expect(crm.capabilities().methods.log_call).toBe('native');
  const first = await crm.logCall.attempt(logged, at('r1'));
  expect(await crm.logCall.attempt(logged, at('r1'))).toEqual(first);
  const second = await crm.logCall.attempt({ ...logged, outcome: 'no_answer', durationMs: 0 }, at('r2'));
  expect(second).not.toEqual(first);
  expect(fake.calls.map(({ params, duration, STATUS_CODE }) => [params.TYPE, params.CRM_ENTITY_TYPE, duration, STATUS_CODE])).toEqual([
    ['2', 'LEAD', 90, '200'],
    ['2', 'LEAD', 0, '304'],
  ]);
  expect(fake.comments).toEqual([]);
  const gone = crm.logCall.attempt({ ...logged, leadId: '404' }, at('r3'));
  await expect(gone).rejects.toMatchObject({ reason: 'crm_rejected', outcome: 'not_executed' });
  expect(fake.calls).toHaveLength(2);
});

test.each(['cut', 'garbage', 'refuse', 'hang'] as const)(
  'each write whose reply is lost (%s) is unknown, and is found if and only if it happened',
  async (kind) => {
    for (const isApplication of [false, true]) {
      const { crm, fake, later } = await started({}, { isApplication });
      const { id } = fake.items.add(3, { name: 'Ivan' });
      const about = { kind: 'contact', id: String(id) } as const;
      const deal = { contactId: String(id), title: 'Deal', closeAt: call.startedAt, amount: { amountMinor: 100, currency: 'RUB' } };
      const writes: readonly (readonly [Effect<never>, unknown])[] = [
        [crm.createContact, anna],
        [crm.createLead, { ...lead, contactId: String(id) }],
        [crm.createDeal, deal],
        [crm.createTask, { about, subject: 'Call' }],
        [crm.addNote, { about, text: 'Hello' }],
        [crm.logCall, { ...call, about, direction: 'outbound', outcome: 'busy' }],
      ] as never;
      for (const [nth, [effect, input]] of writes.entries())
        for (const executes of [false, true]) {
          const ref = `r${nth}-${executes}`;
          const caller = new AbortController();
          const { struck } = fake.order({ do: kind, status: 502, executes });
          const outcome = expect(effect.attempt(input as never, { ref, signal: caller.signal })).rejects.toMatchObject({
            outcome: 'unknown',
          });
          await struck;
          if (kind === 'hang') caller.abort();
          await outcome;
          const onUnknown = onUnknownOf(effect, input);
          if (onUnknown.do !== 'look_up') throw new Error('cannot be looked up');
          expect(onUnknown.settleMs).toBe(75_000);
          // After a page in answer to a batch, its methods wait.
          if (kind === 'garbage') later(600_000);
          const found = await onUnknown.find({ ref, input: input as never, attemptedAt: 0 }, signal);
          if (executes) expect(found).not.toBeNull();
          else expect(found).toBeNull();
        }
      expect([1, 2].map((type) => fake.items.all(type).length)).toEqual([1, 1]);
      expect([fake.items.all(3).length, fake.tasks.length]).toEqual([2, 1]);
    }
  },
);

test.each([
  ['https://example.bitrix24.ru/rest/1/abc123def/', true],
  ['https://example.bitrix24.ru/rest/1/abc123def', true],
  ['http://127.0.0.1:8080/rest/1/abc123def/', true],
  ['http://localhost/rest/1/abc123def/', true],
  ['http://example.bitrix24.ru/rest/1/abc123def/', false],
  ['http://127.0.0.1.example.com/rest/1/abc123def/', false],
  ['https://example.bitrix24.ru/', false],
  ['https://example.bitrix24.ru/rest/admin/abc123def/', false],
])('the webhook URL %s is accepted: %s', (url, isAccepted) => {
  expect(bitrixSettings.safeParse({ BITRIX24_WEBHOOK_URL: url }).success).toBe(isAccepted);
});

test('an unknown status and a missing stage are refused, and settings without an address name what is missing', async () => {
  for (const stages of ['new', 'new=', 'other=D', 'new=NEW,in_process=A,converted=B,dead=C,new=D'])
    expect(bitrixSettings.safeParse({ BITRIX24_LEAD_STAGES: stages }).success).toBe(false);
  const { deps } = await started();
  for (const settings of [{}, { BITRIX24_PORTAL_URL: 'https://example.bitrix24.ru', BITRIX24_CLIENT_ID: 'x' }])
    expect(() => bitrixCrm(bitrixSettings.parse(settings), deps)).toThrow(expect.objectContaining({ reason: 'bad_settings' }));
});
