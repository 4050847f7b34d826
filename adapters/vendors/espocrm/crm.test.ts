import { afterEach, expect, test } from '@jest/globals';
import { quiet } from '../../../runtime/noop-log.ts';
import { crmConformance } from '../../crm/conformance.ts';
import { phoneSpellings } from '../../crm/phone-spellings.ts';
import { createHttp } from '../../http.ts';
import { espoCrm, espoSettings } from './crm.ts';
import { type EspoFakeOptions, espoFake, espoUsers } from './fake.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A separate EspoCRM, with a clock that stops until `later`. */
async function setup(settings: Readonly<Record<string, string>> = {}, fakeOptions: EspoFakeOptions = {}) {
  let now = Date.UTC(2030, 0, 31, 10);
  const fake = await espoFake({ now: () => now, ...fakeOptions });
  const http = createHttp({ allowPrivate: [fake.url] });
  const options = espoSettings.parse({
    ESPOCRM_URL: fake.url,
    ESPOCRM_API_KEY: espoUsers.apiKey,
    ESPOCRM_ASSIGNED_USER_ID: 'user-7',
    ...settings,
  });
  const stop = async () => {
    await http.close();
    await fake.close();
  };
  return {
    fake,
    crm: espoCrm(options, { http, log: quiet, now: () => now }),
    later: (ms = 1500) => {
      now += ms;
    },
    stop,
  };
}
async function started(settings?: Readonly<Record<string, string>>, fakeOptions?: EspoFakeOptions) {
  const it = await setup(settings, fakeOptions);
  closing.push(it.stop);
  return it;
}
const at = (ref: string) => ({ ref, signal: new AbortController().signal });
const { signal } = new AbortController();
const anna = { firstName: 'Anna', lastName: 'Petrova', phoneNumber: '+79990001122' };
const ivan = { firstName: 'Ivan', lastName: 'Petrov', phoneNumber: '+79993334455' };
const lead = { contactId: 'c', ...anna, source: 'website', reuseHours: 0 };

for (const [name, settings] of [
  ['EspoCRM with our reference in the description', {}],
  ['EspoCRM with a field for our reference', { ESPOCRM_REFERENCE_FIELD: 'cPolybRef' }],
] as const)
  crmConformance(name, async () => {
    const { crm, fake, later, stop } = await setup(settings);
    return {
      crm,
      later: () => later(),
      stop,
      addContact: async ({ firstName, phones }) => fake.records.put('Contact', { firstName }, phones).id,
    };
  });

test('trap 1: a create that answers 200 is done, and refusals without a body are typed', async () => {
  const { crm, fake } = await started();
  expect(await crm.createContact.attempt(anna, at('r1'))).toMatchObject({ created: true });
  for (const [status, code] of [
    [401, 'failed_precondition'],
    [403, 'failed_precondition'],
    [404, 'failed_precondition'],
  ] as const) {
    fake.order({ do: 'refuse', status });
    await expect(crm.createContact.attempt(ivan, at('r2'))).rejects.toMatchObject({ code, outcome: 'not_executed' });
  }
  const { crm: stranger } = await started({ ESPOCRM_API_KEY: 'wrong' });
  await expect(stranger.findContacts(anna.phoneNumber, signal)).rejects.toMatchObject({ reason: 'upstream_credentials' });
});

test('trap 2: 409 with a list tells of duplicates, 409 with an object of somebody else’s change', async () => {
  const { crm, fake } = await started();
  const { contactId } = await crm.createContact.attempt(anna, at('r1'));
  expect(await crm.createContact.attempt(anna, at('r2'))).toEqual({ contactId, created: false });
  expect(await crm.createContact.attempt(anna, at('r1'))).toEqual({ contactId, created: true });
  const { leadId } = await crm.createLead.attempt({ ...lead, contactId }, at('r3'));
  const modified = {
    do: 'refuse',
    status: 409,
    headers: { 'X-Status-Reason': 'modified' },
    body: { values: {}, versionNumber: 2 },
  } as const;
  fake.order(modified);
  await expect(crm.updateLeadStatus(leadId, 'dead', signal)).rejects.toMatchObject({ code: 'conflict', outcome: 'not_executed' });
  fake.order(modified);
  await expect(crm.createContact.attempt(ivan, at('r4'))).rejects.toMatchObject({ code: 'conflict', outcome: 'not_executed' });
});

test('trap 3: a list asks for no more than the 200 records that a page may have', async () => {
  const { crm, fake } = await started();
  expect(await crm.findContacts(anna.phoneNumber, signal)).toEqual([]);
  expect(new URLSearchParams(fake.seen[0]?.query).get('maxSize')).toBe('200');
});

test('trap 4: a plus in a query is not taken for a space', async () => {
  const { crm } = await started({ ESPOCRM_REFERENCE_FIELD: 'cPolybRef' });
  const { contactId } = await crm.createContact.attempt(anna, at('form+1'));
  const { onUnknown } = crm.createContact;
  expect(onUnknown.do === 'look_up' && (await onUnknown.find({ ref: 'form+1', input: anna, attemptedAt: Date.now() }, signal))).toEqual({
    contactId,
    created: true,
  });
});

test('trap 5: phones go out as E.164 and are found in whatever spelling they were imported', async () => {
  const { crm, fake } = await started();
  await crm.createContact.attempt(anna, at('r1'));
  expect(fake.records.all('Contact')[0]?.phoneNumber).toBe('+79990001122');
  const spellings = ['8 (999) 333-44-55', '79993334455', '9993334455', '8-999-333-44-55'];
  const ids = spellings.map((spelling) => fake.records.put('Contact', { firstName: 'Ivan' }, ['+74951112233', spelling]).id);
  const found = await crm.findContacts(ivan.phoneNumber, signal);
  expect(found.map(({ contactId }) => contactId)).toEqual(ids);
  expect(found[0]?.phones).toEqual(['+74951112233', '+79993334455']);
});

test('finds each number of the table of spellings, and nobody else', async () => {
  const { crm, fake } = await started();
  // EspoCRM keeps ASCII digits only for its search.
  const spellings = Object.values(phoneSpellings)
    .flat()
    .filter(({ written, country }) => country === undefined && !/[\uff10-\uff19\u0660-\u0669]/.test(written));
  expect(spellings.length).toBeGreaterThanOrEqual(60);
  const ids = spellings.map(({ written, numbers }) => [fake.records.put('Contact', { firstName: 'Anna' }, [written]).id, numbers] as const);
  for (const number of new Set(spellings.flatMap(({ numbers }) => numbers))) {
    const expected = ids.flatMap(([id, numbers]) => (numbers.includes(number) ? [id] : [])).slice(0, 50);
    expect([number, (await crm.findContacts(number, signal)).map(({ contactId }) => contactId)]).toEqual([number, expected]);
  }
});

test('trap 6: a task and a call are assigned to the user of the settings', async () => {
  const { crm, fake } = await started();
  const { leadId } = await crm.createLead.attempt(lead, at('r1'));
  await crm.createTask.attempt({ about: { kind: 'lead', id: leadId }, subject: 'Call back' }, at('r2'));
  const call = { leadId, callId: 'call_1', phoneNumber: anna.phoneNumber, startedAt: '2030-01-31T10:00:00.000Z', durationMs: 0 };
  await crm.logCall.attempt({ ...call, direction: 'outbound', outcome: 'no_answer' }, at('r3'));
  const made = [...fake.records.all('Task'), ...fake.records.all('Call')];
  expect(made.map(({ assignedUserId, parentId }) => [assignedUserId, parentId])).toEqual([
    ['user-7', leadId],
    ['user-7', leadId],
  ]);
});

test('trap 7: times go out and come in as UTC without a zone', async () => {
  const { crm, fake } = await started();
  const { leadId, created } = await crm.createLead.attempt(lead, at('r1'));
  const { contactId } = await crm.createContact.attempt(anna, at('r2'));
  const call = { leadId, callId: 'call_1', phoneNumber: anna.phoneNumber, startedAt: '2030-01-31T13:30:00.000+03:00', durationMs: 90_000 };
  await crm.logCall.attempt({ ...call, direction: 'outbound', outcome: 'answered' }, at('r3'));
  const [logged] = fake.records.all('Call');
  expect([logged?.dateStart, logged?.dateEnd, logged?.status]).toEqual(['2030-01-31 10:30:00', '2030-01-31 10:31:30', 'Held']);
  expect(await crm.findOpenLead(contactId, new Date('2030-01-31T10:00:00.000Z'), signal)).toEqual({
    leadId,
    createdById: espoUsers.userId,
    createdAt: '2030-01-31T10:00:00.000Z',
  });
  expect(created).toBe(true);
});

test('trap 8: a namesake with another phone is not taken for the contact, and one with the phone as a further number is', async () => {
  const { crm, fake } = await started();
  const namesake = fake.records.put('Contact', { firstName: 'Anna', lastName: 'Petrova' }, ['+79998887766']);
  const { id } = fake.records.put('Contact', { firstName: 'Anna', lastName: 'Petrova' }, ['+74951112233', '8 (999) 000-11-22']);
  expect(namesake.id).not.toBe(id);
  expect(await crm.createContact.attempt(anna, at('r1'))).toEqual({ contactId: id, created: false });
  expect(fake.seen.filter(({ headers }) => 'x-skip-duplicate-check' in headers)).toEqual([]);
});

test('two people of one name become two contacts, each asked of the duplicate check once', async () => {
  const { crm, fake } = await started();
  const first = await crm.createContact.attempt(anna, at('r1'));
  const second = await crm.createContact.attempt({ ...anna, phoneNumber: ivan.phoneNumber, email: 'anna@example.com' }, at('r2'));
  const third = await crm.createContact.attempt({ ...anna, phoneNumber: '+79995556677', email: 'anna@example.com' }, at('r3'));
  expect([first.created, second.created, third.created]).toEqual([true, true, true]);
  expect(fake.records.all('Contact').map(({ phoneNumber }) => phoneNumber)).toEqual(['+79990001122', '+79993334455', '+79995556677']);
  expect(fake.seen.map(({ headers }) => headers['x-skip-duplicate-check'])).toEqual([undefined, undefined, 'true', undefined, 'true']);
  // Repeated, each is its own again.
  expect(await crm.createContact.attempt({ ...anna, phoneNumber: ivan.phoneNumber }, at('r2'))).toEqual(second);
});

test('a create past the duplicate check that is cut leaves its outcome unknown, and is found by its reference', async () => {
  const { crm, fake } = await started();
  fake.records.put('Contact', { firstName: 'Anna', lastName: 'Petrova' }, ['+79998887766']);
  fake.order({ do: 'slow', ms: 0, on: 'POST Contact' });
  fake.order({ do: 'cut', on: 'POST Contact', executes: true });
  await expect(crm.createContact.attempt(anna, at('r1'))).rejects.toMatchObject({ outcome: 'unknown' });
  const { onUnknown } = crm.createContact;
  expect(onUnknown.do === 'look_up' && (await onUnknown.find({ ref: 'r1', input: anna, attemptedAt: Date.now() }, signal))).toMatchObject({
    created: true,
  });
});

test('a server error, a cut and an answer that is not EspoCRM’s leave the outcome unknown, and the record is found by its reference', async () => {
  const { crm, fake, later } = await started();
  const { onUnknown } = crm.createLead;
  if (onUnknown.do !== 'look_up') throw new Error('a lead cannot be looked up');
  expect(onUnknown.settleMs).toBe(75_000);
  const faults = [{ do: 'cut' }, { do: 'garbage' }, { do: 'refuse', status: 502 }, { do: 'refuse', status: 503 }] as const;
  for (const [nth, fault] of faults.entries())
    for (const executes of [false, true]) {
      later();
      const ref = `r${nth}-${executes}`;
      fake.order({ ...fault, executes, on: 'POST Lead' });
      const attempt = crm.createLead.attempt({ ...lead, firstName: ref }, at(ref));
      await expect(attempt).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
      const made = fake.records.all('Lead').find(({ firstName }) => firstName === ref);
      expect((await onUnknown.find({ ref, input: lead, attemptedAt: Date.now() }, signal))?.leadId).toBe(executes ? made?.id : undefined);
    }
});

test('trap 10: a request is signed over its path without the query', async () => {
  const { crm, fake } = await started({ ESPOCRM_API_KEY: espoUsers.hmacKey, ESPOCRM_SECRET_KEY: espoUsers.secretKey });
  const { contactId } = await crm.createContact.attempt(anna, at('r1'));
  expect((await crm.findContacts(anna.phoneNumber, signal))[0]?.contactId).toBe(contactId);
  expect(fake.seen.every(({ headers }) => headers['x-api-key'] === undefined)).toBe(true);
});

test('too many requests are a definite refusal that says when to come again', async () => {
  const { crm, fake } = await started();
  fake.order({ do: 'refuse', status: 429, headers: { 'Retry-After': '7' } });
  const attempt = crm.createContact.attempt(anna, at('r1'));
  await expect(attempt).rejects.toMatchObject({ code: 'resource_exhausted', outcome: 'not_executed', retryAfterMs: 7000 });
});

test('a field that EspoCRM does not take is a refusal that names it and shows no phone', async () => {
  const { crm } = await started();
  const refusal = await crm.createContact.attempt({ ...anna, phoneNumber: '89990001122' }, at('r1')).catch((error: Error) => error);
  expect(refusal).toMatchObject({
    code: 'failed_precondition',
    reason: 'crm_rejected',
    outcome: 'not_executed',
    data: { field: 'phoneNumber', rule: 'valid' },
  });
  expect((refusal as Error).message).toMatch(/field: phoneNumber, type: valid/);
  expect((refusal as Error).message).not.toContain('9990001122');
});

test('a hanging EspoCRM is given up when the caller does', async () => {
  const { crm, fake } = await started();
  const { struck } = fake.order({ do: 'hang', on: 'POST Contact' });
  const caller = new AbortController();
  const attempt = crm.createContact.attempt(anna, { ref: 'r1', signal: caller.signal });
  const outcome = expect(attempt).rejects.toMatchObject({ code: 'cancelled', outcome: 'unknown' });
  await struck;
  caller.abort();
  await outcome;
});

test('a source that EspoCRM does not know is kept in words', async () => {
  const { crm, fake } = await started();
  await crm.createLead.attempt({ ...lead, source: 'telegram', comment: 'Asked for a price.' }, at('r1'));
  expect(fake.records.all('Lead')[0]).toMatchObject({
    source: 'Other',
    description: 'Asked for a price.\nSource: telegram\nPolyB-Ref: r1',
  });
});

test('an amount goes out in whole units of its currency', async () => {
  const { crm, fake } = await started();
  const deal = { contactId: 'c', title: 'Deal', closeAt: '2030-02-01T00:00:00.000+03:00', stage: 'Proposal' };
  await crm.createDeal.attempt({ ...deal, amount: { amountMinor: 150_050, currency: 'RUB' } }, at('r1'));
  expect(fake.records.all('Opportunity')[0]).toMatchObject({
    amount: 1500.5,
    amountCurrency: 'RUB',
    closeDate: '2030-01-31',
    contactsIds: ['c'],
  });
});

test.each([0, 24])('closed leads of a returning customer are not reused, with reuseHours %d', async (reuseHours) => {
  const { crm, fake, later } = await started();
  for (const status of ['Dead', 'Converted', 'Recycled']) {
    fake.records.put('Lead', { firstName: 'Anna', lastName: 'Petrova', status }, [anna.phoneNumber]);
    later();
  }
  const { leadId, created } = await crm.createLead.attempt({ ...lead, reuseHours }, at('r1'));
  expect([
    created,
    fake.records
      .all('Lead')
      .map(({ id }) => id)
      .indexOf(leadId),
  ]).toEqual([true, 3]);
});

test('whether an open lead with the phone is taken instead of a new one is decided by reuseHours alone', async () => {
  const { crm, fake, later } = await started();
  const put = (status: string, phone: string = anna.phoneNumber) =>
    fake.records.put('Lead', { firstName: 'Anna', lastName: 'Petrova', status }, [phone]);
  put('Dead');
  const old = put('New');
  later(3_600_000);
  const open = put('Assigned');
  later();
  put('New', ivan.phoneNumber);
  put('Converted');
  expect(await crm.createLead.attempt({ ...lead, reuseHours: 1 }, at('r1'))).toMatchObject({ leadId: open.id, created: false });
  later(3_600_000);
  expect((await crm.createLead.attempt({ ...lead, reuseHours: 1 }, at('r2'))).created).toBe(true);
  const always = await crm.createLead.attempt(lead, at('r3'));
  expect(always.created).toBe(true);
  expect([open.id, old.id]).not.toContain(always.leadId);
});

test.each([1, 3, 50])(
  'a server whose pages have at most %d records is read in as many pages, and is not taken for wrong credentials',
  async (maxPage) => {
    const { crm, fake, later } = await started({}, { maxPage });
    const ids = Array.from({ length: 7 }, () => {
      later();
      return fake.records.put('Contact', { firstName: 'Anna' }, [anna.phoneNumber]).id;
    });
    expect((await crm.findContacts(anna.phoneNumber, signal)).map(({ contactId }) => contactId)).toEqual(ids);
  },
);

test('a page limit without a number says what to raise', async () => {
  const { crm, fake } = await started();
  fake.order({ do: 'refuse', status: 403, headers: { 'X-Status-Reason': 'Max size should not exceed the limit.' } });
  const refusal = await crm.findContacts(anna.phoneNumber, signal).catch((error: Error) => error);
  expect(refusal).toMatchObject({ code: 'failed_precondition', reason: 'crm_rejected' });
  expect((refusal as Error).message).toMatch(/recordListMaxSizeLimit/);
});
