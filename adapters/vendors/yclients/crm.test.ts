import { afterEach, describe, expect, test } from '@jest/globals';
import { crm as contract } from '../../../contracts/crm.ts';
import type { Effect } from '../../../contracts/kit/define.ts';
import { vendorWorld } from '../../../test/kit/vendor-deps.ts';
import { yclientsCrm } from './crm.ts';
import { type SalonFakeOptions, salonFake, salonUser } from './fake.ts';
import { yclientsCrmSettings } from './settings.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function started(options: SalonFakeOptions = {}) {
  const it = await vendorWorld(Date.UTC(2030, 0, 31, 10), (now) => salonFake({ now, isLimited: false, ...options }));
  closing.push(it.stop);
  const settings = yclientsCrmSettings.parse({
    YCLIENTS_URL: `${it.fake.url}/api/v1/`,
    YCLIENTS_PARTNER_TOKEN: salonUser.partnerToken,
    YCLIENTS_USER_TOKEN: salonUser.userToken,
    YCLIENTS_COMPANY_ID: salonUser.companyId,
  });
  return { ...it, crm: yclientsCrm(settings, it.deps) };
}
type Started = Awaited<ReturnType<typeof started>>;

const { signal } = new AbortController();
const at = (ref: string) => ({ ref, signal });
const phoneNumber = '+79990001122';
const anna = { firstName: 'Anna', lastName: 'Petrova', phoneNumber, email: 'anna@example.com' };
const add = ({ fake }: Started, more: object = {}) => String(fake.location.addClient({ name: 'Anna', phone: '79990001122', ...more }).id);
const textsOf = ({ fake }: Started) => fake.location.comments.map(({ text }) => String(text));
async function lookUp(effect: Effect, ref: string, input: unknown): Promise<unknown> {
  const { onUnknown } = effect;
  if (onUnknown.do !== 'look_up') throw new Error('cannot be looked up');
  return onUnknown.find({ ref, input, attemptedAt: 0 }, signal);
}

test('a contact that was created is found by its phone with all its fields, and nobody by another phone', async () => {
  const it = await started();
  const { contactId, created } = await it.crm.createContact.attempt(anna, at('r1'));
  expect(created).toBe(true);
  expect(it.fake.location.clients[0]).toMatchObject({ phone: '79990001122', name: 'Anna', surname: 'Petrova' });
  const contacts = await it.crm.findContacts(phoneNumber, signal);
  expect(contacts).toEqual([
    { contactId, firstName: 'Anna', lastName: 'Petrova', phones: [phoneNumber], email: 'anna@example.com', timeZone: null },
  ]);
  expect(contract.find_contact.output.parse({ contacts }).contacts).toEqual(contacts);
  expect(await it.crm.findContacts('+79990001123', signal)).toEqual([]);
});

test('a search by digits that hits names, e-mail addresses and longer numbers finds the phone alone', async () => {
  const it = await started();
  add(it, { name: 'Order 79990001122', phone: '74951112233' });
  add(it, { email: '79990001122@example.com', phone: '74951112244' });
  add(it, { phone: '4479990001122' });
  const contactId = add(it);
  const second = add(it, { name: 'Ivan' });
  expect((await it.crm.findContacts(phoneNumber, signal)).map((each) => each.contactId)).toEqual([contactId, second]);
});

test.each([79_990_001_122, '79990001122', '+79990001122', '8 (999) 000-11-22'])(
  'a stored phone in the form %p is compared by its number',
  async (phone) => {
    const it = await started();
    it.fake.order({
      do: 'refuse',
      status: 200,
      on: 'POST company',
      body: { success: true, data: [{ id: 5, name: 'Anna', phone, email: '' }], meta: { total_count: 1 } },
    });
    it.fake.order({
      do: 'refuse',
      status: 200,
      on: 'GET client',
      body: { success: true, data: { id: 5, name: 'Anna', phone, custom_fields: [], birth_date: 0 }, meta: [] },
    });
    expect(await it.crm.findContacts(phoneNumber, signal)).toMatchObject([{ contactId: '5', phones: [phoneNumber], email: null }]);
  },
);

test('a masked client is a candidate without phone and e-mail address, and is never compared or changed', async () => {
  const it = await started({ isMasked: true });
  const contactId = add(it, { email: 'anna@example.com' });
  const contacts = await it.crm.findContacts(phoneNumber, signal);
  expect(contacts).toEqual([{ contactId, firstName: 'Anna', lastName: null, phones: [], email: null, timeZone: null, isMasked: true }]);
  const changed = it.crm.updateContact.attempt({ contactId, email: 'other@example.com' }, at('r1'));
  await expect(changed).rejects.toMatchObject({ code: 'failed_precondition', reason: 'crm_rejected', outcome: 'not_executed' });
  expect(it.fake.seen.some(({ method }) => method === 'PUT')).toBe(false);
});

test.each([false, true])(
  'a search that ignores its filter shows strangers: at most 5 requests, nobody is found (masked: %s)',
  async (isMasked) => {
    const it = await started({ isMasked });
    const row = (id: number) => ({ id, name: 'Stranger', phone: isMasked ? '7999***22' : 79_995_550_000 + id, email: '' });
    const pages = Array.from({ length: 9 }, (_, page) => Array.from({ length: 50 }, (__, nth) => row(page * 50 + nth + 1)));
    for (const data of pages)
      it.fake.order({ do: 'refuse', status: 200, on: 'POST company', body: { success: true, data, meta: { total_count: 450 } } });
    expect(await it.crm.findContacts(phoneNumber, signal)).toEqual([]);
    expect(it.fake.seen).toHaveLength(5);
  },
);

test('a search that answers its first page for every page is read twice', async () => {
  const it = await started();
  const data = Array.from({ length: 50 }, (_, nth) => ({ id: nth + 1, name: 'Stranger', phone: 79_995_550_000 + nth }));
  it.fake.order({ do: 'refuse', status: 200, on: 'POST company', times: 9, body: { success: true, data, meta: { total_count: 450 } } });
  expect(await it.crm.findContacts(phoneNumber, signal)).toEqual([]);
  expect(it.fake.seen).toHaveLength(2);
});

test('a contact whose answer is lost is found by its reference, another one with the phone is told as such', async () => {
  for (const kind of ['cut', 'garbage', 'refuse'] as const)
    for (const executes of [true, false]) {
      const it = await started();
      it.fake.order({ do: kind, executes, on: 'POST clients' });
      await expect(it.crm.createContact.attempt(anna, at('r1'))).rejects.toMatchObject({ outcome: 'unknown' });
      it.later(75_000);
      const contactId = String(it.fake.location.clients[0]?.id);
      expect(await lookUp(it.crm.createContact as Effect, 'r1', anna)).toEqual(executes ? { contactId, created: true } : null);
      expect(await lookUp(it.crm.createContact as Effect, 'r', anna)).toEqual(executes ? { contactId, created: false } : null);
    }
});

test('a refusal of a phone that is in use, or that was executed, is the client that there is', async () => {
  const it = await started();
  const refusal = {
    do: 'refuse',
    status: 422,
    on: 'POST clients',
    body: { success: false, data: null, meta: { message: '', errors: { phone: ['taken'] } } },
  } as const;
  it.fake.order({ ...refusal, executes: true });
  const { contactId, created } = await it.crm.createContact.attempt(anna, at('r1'));
  expect(created).toBe(true);
  it.fake.order(refusal);
  expect(await it.crm.createContact.attempt(anna, at('r2'))).toEqual({ contactId, created: false });
  it.fake.order(refusal);
  const other = it.crm.createContact.attempt({ ...anna, phoneNumber: '+79993334455' }, at('r3'));
  await expect(other).rejects.toMatchObject({ reason: 'crm_rejected', data: { field: 'phone' }, outcome: 'not_executed' });
});

describe('update_contact', () => {
  test('adds a first e-mail address and repeats the rest, because the request replaces the client', async () => {
    const it = await started();
    const contactId = add(it, { surname: 'Petrova', comment: 'Likes tea' });
    Object.assign(it.fake.location.clients[0] as object, {
      discount: 15,
      birth_date: '1990-05-01',
      categories: [{ id: 3, title: 'VIP' }],
      custom_fields: { size: 'M' },
    });
    expect(await it.crm.updateContact.attempt({ contactId, email: 'anna@example.com' }, at('r1'))).toEqual({ contactId, changed: true });
    expect(it.fake.seen.filter(({ method }) => method === 'PUT').map(({ body }) => JSON.parse(body))).toMatchObject([
      {
        name: 'Anna',
        surname: 'Petrova',
        phone: '79990001122',
        email: 'anna@example.com',
        comment: 'Likes tea',
        discount: 15,
        birth_date: '1990-05-01',
        categories: [3],
        custom_fields: { size: 'M' },
      },
    ]);
    expect(await it.crm.updateContact.attempt({ contactId, phoneNumber, email: 'anna@example.com' }, at('r2'))).toEqual({
      contactId,
      changed: false,
    });
  });
  test('sends no birth date of 0 and no custom fields as an array, which a client without them has', async () => {
    const it = await started();
    const contactId = add(it);
    expect(await it.crm.updateContact.attempt({ contactId, email: 'anna@example.com' }, at('r1'))).toMatchObject({ changed: true });
  });
  test('never replaces a phone, because a client has one', async () => {
    const it = await started();
    const contactId = add(it);
    const changed = it.crm.updateContact.attempt({ contactId, phoneNumber: '+79993334455' }, at('r1'));
    await expect(changed).rejects.toMatchObject({ reason: 'crm_rejected', data: { field: 'phone' }, outcome: 'not_executed' });
    expect(it.fake.location.clients[0]?.phone).toBe('79990001122');
  });
  test('refuses a client that is not there', async () => {
    const { crm } = await started();
    for (const contactId of ['987654321', 'x/../1'])
      await expect(crm.updateContact.attempt({ contactId, phoneNumber }, at('r1'))).rejects.toMatchObject({
        code: 'failed_precondition',
        reason: 'crm_rejected',
      });
  });
});

describe('notes and calls', () => {
  const call = {
    callId: 'call_1',
    direction: 'outbound',
    outcome: 'answered',
    phoneNumber,
    startedAt: '2030-01-31T10:00:00.000Z',
    durationMs: 61_500,
  } as const;

  test('are comments of a client that carry the reference', async () => {
    const it = await started();
    const about = { kind: 'contact', id: add(it) } as const;
    const { noteId } = await it.crm.addNote.attempt({ about, text: 'Asked\nfor a price.' }, at('r1'));
    const { crmCallId } = await it.crm.logCall.attempt({ ...call, about }, at('r2'));
    expect(textsOf(it)).toEqual([
      'Asked\nfor a price.\nPolyB-Ref: r1',
      'Outbound call 2030-01-31T10:00:00.000Z, answered, 62 s (PolyB call call_1)\nPolyB-Ref: r2',
    ]);
    expect(await lookUp(it.crm.addNote as Effect, 'r1', { about, text: 'Asked\nfor a price.' })).toEqual({ noteId });
    expect(await lookUp(it.crm.logCall as Effect, 'r2', { ...call, about })).toEqual({ crmCallId });
    expect(await lookUp(it.crm.logCall as Effect, 'r', { ...call, about })).toBeNull();
  });
  test('a text that is longer than a comment becomes several, and a repeat after a failure writes the missing ones alone', async () => {
    const it = await started();
    const note = { about: { kind: 'contact', id: add(it) }, text: `${'яблоко 🍏 '.repeat(60)}end` } as const;
    it.fake.order({ do: 'slow', ms: 0, on: 'POST company' });
    it.fake.order({ do: 'cut', on: 'POST company' });
    await expect(it.crm.addNote.attempt(note, at('r1'))).rejects.toMatchObject({ outcome: 'unknown' });
    expect(await lookUp(it.crm.addNote as Effect, 'r1', note)).toBeNull();
    const { noteId } = await it.crm.addNote.attempt(note, at('r1'));
    expect(await lookUp(it.crm.addNote as Effect, 'r1', note)).toEqual({ noteId });
    const texts = textsOf(it);
    expect(texts.every((text) => text.length <= 255)).toBe(true);
    expect(texts.map((text) => text.replace(/\nPolyB-Ref: r1 \d\/\d$/, '')).join('')).toBe(note.text);
  });
  test('about a lead or a deal, or about nobody, are refused before any request', async () => {
    const { crm, fake } = await started();
    const refusal = { code: 'unimplemented', reason: 'unsupported', outcome: 'not_executed' };
    await expect(crm.addNote.attempt({ about: { kind: 'deal', id: '1' }, text: 'x' }, at('r1'))).rejects.toMatchObject(refusal);
    await expect(crm.logCall.attempt({ ...call, leadId: '1' }, at('r2'))).rejects.toMatchObject(refusal);
    await expect(crm.addNote.attempt({ about: { kind: 'contact', id: 'x' }, text: 'x' }, at('r3'))).rejects.toMatchObject({
      reason: 'crm_rejected',
    });
    expect(fake.seen).toEqual([]);
  });
  test('a note about a client that is not there is refused', async () => {
    const { crm } = await started();
    const noted = crm.addNote.attempt({ about: { kind: 'contact', id: '987654321' }, text: 'x' }, at('r1'));
    await expect(noted).rejects.toMatchObject({ code: 'failed_precondition', reason: 'crm_rejected', outcome: 'not_executed' });
  });
});

test('leads, deals and tasks are refused before any request, and the capabilities say so', async () => {
  const { crm, fake } = await started();
  const { methods } = contract.capabilities.output.parse(crm.capabilities());
  const all = Object.values(contract).filter(({ kind, name }) => kind === 'method' && !['capabilities', 'webhook'].includes(name));
  expect(Object.keys(methods).sort()).toEqual(all.map(({ name }) => name).sort());
  const missing = Object.entries(methods).flatMap(([method, support]) => (support === 'unsupported' ? [method] : []));
  expect(missing.sort()).toEqual([
    'create_deal',
    'create_lead',
    'create_task',
    'find_open_lead',
    'list_deals',
    'list_leads',
    'list_tasks',
    'push_to_crm',
    'update_lead_status',
  ]);
  const refused = [crm.findOpenLead('1', new Date(0), signal), crm.updateLeadStatus('1', 'dead', signal)];
  for (const effect of [crm.createLead, crm.createDeal, crm.createTask]) refused.push(effect.attempt({} as never, at('r1')) as never);
  for (const each of refused)
    await expect(each).rejects.toMatchObject({ code: 'unimplemented', reason: 'unsupported', outcome: 'not_executed' });
  expect(fake.seen).toEqual([]);
});
