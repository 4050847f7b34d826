import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { read } from '../../../config/read.ts';
import { crmConformance } from '../../crm/conformance.ts';
import { phoneSpellings } from '../../crm/phone-spellings.ts';
import { createHttp } from '../../http.ts';
import { onecClient } from './client.ts';
import { onecCrm, onecSettings } from './crm.ts';
import { type OnecFakeOptions, onecFake, onecUser } from './fake.ts';
import { standardMapping } from './mapping.ts';
import { textOf } from './odata.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
const { signal } = new AbortController();
const at = (ref: string) => ({ ref, signal });
const anna = { firstName: 'Анна', lastName: 'Петрова', phoneNumber: '+79990001122' };
const standard = JSON.parse(readFileSync(standardMapping, 'utf8')) as { contacts: { phones: { text: string } }; leads?: object };
const partners = encodeURIComponent('Catalog_Партнеры');

/** A separate 1C, with a clock that stops until `later`. */
async function setup(settings: Readonly<Record<string, string>> = {}, fakeOptions: OnecFakeOptions = {}) {
  let now = Date.UTC(2030, 0, 31, 10);
  const fake = await onecFake({ now: () => now, ...fakeOptions });
  const http = createHttp({ allowPrivate: [new URL(fake.url).origin] });
  const options = onecSettings.parse({ ONEC_URL: fake.url, ONEC_USER: onecUser.user, ONEC_PASSWORD: onecUser.password, ...settings });
  const client = (url: string = `${fake.url}/`) =>
    onecClient({ http, url, user: onecUser.user, password: onecUser.password, timeoutMs: options.ONEC_TIMEOUT_MS });
  return {
    fake,
    client,
    crm: onecCrm(options, { http, now: () => now }),
    addContact: (name: string, phones: readonly string[], more: object = {}) =>
      fake.records.create('Catalog_Партнеры', {
        Description: name,
        КонтактнаяИнформация: phones.map((text, nth) => ({
          LineNumber: String(nth + 1),
          Тип: 'Телефон',
          Представление: text,
          НомерТелефона: text.replace(/\D/g, '').slice(0, 20),
        })),
        ...more,
      }).Ref_Key,
    later: (ms = 1500) => {
      now += ms;
    },
    stop: async () => {
      await http.close();
      await fake.close();
    },
  };
}
async function started(settings?: Readonly<Record<string, string>>, fakeOptions?: OnecFakeOptions) {
  const it = await setup(settings, fakeOptions);
  closing.push(it.stop);
  return it;
}
type It = Awaited<ReturnType<typeof setup>>;
const partnersOf = (it: It) => it.fake.records.all('Catalog_Партнеры');

for (const [name, fakeOptions] of [
  ['1C by the shipped mapping', {}],
  ['1C that hides records, answers errors in XML and checks versions', { hidesRecords: true, hasXmlErrors: true, isStaleAccepted: false }],
] as const)
  crmConformance(name, async () => {
    const { crm, addContact, later, stop } = await setup({}, fakeOptions);
    return { crm, later: () => later(), stop, addContact: async ({ firstName, phones }) => addContact(firstName, phones) };
  });

describe('requests', () => {
  test('every request asks for JSON, signs in as UTF-8 and encodes spaces as %20, writes too', async () => {
    const { crm, fake } = await started();
    const { contactId } = await crm.createContact.attempt(anna, at('r1'));
    await crm.updateContact.attempt({ contactId, phoneNumber: '+79993334455' }, at('r2'));
    await crm.findContacts(anna.phoneNumber, signal);
    expect(new Set(fake.seen.map(({ method }) => method))).toEqual(new Set(['GET', 'POST', 'PATCH']));
    for (const { query, headers } of fake.seen) {
      expect(query.split('&')).toContain('$format=json');
      expect(query).not.toContain('+');
      expect(Buffer.from(String(headers.authorization).slice(6), 'base64').toString()).toBe('Обмен:пароль-1');
    }
  });

  test('a quote in a value is doubled and finds its record', async () => {
    const { crm, fake } = await started();
    await crm.createContact.attempt(anna, at("it's"));
    const { onUnknown } = crm.createContact;
    const found = onUnknown.do === 'look_up' ? await onUnknown.find({ ref: "it's", input: anna, attemptedAt: 0 }, signal) : null;
    expect(found).toEqual({ contactId: partnersOf({ fake } as It)[0]?.Ref_Key, created: true });
  });

  test('a request may take longer than the start of an idle infobase, and its outcome settles after that', () => {
    const { ONEC_TIMEOUT_MS, ONEC_SETTLE_MS } = onecSettings.parse({ ONEC_URL: 'https://1c.example/trade', ONEC_USER: 'u' });
    expect(ONEC_TIMEOUT_MS).toBeGreaterThan(30_000);
    expect(ONEC_SETTLE_MS).toBeGreaterThan(ONEC_TIMEOUT_MS);
  });

  test.each([{ do: 'cut' }, { do: 'refuse', status: 503 }] as const)(
    'a read that fails with $do is sent once more, a write is not',
    async (fault) => {
      const { crm, fake } = await started();
      fake.order({ ...fault, on: 'GET' });
      expect(await crm.findContacts(anna.phoneNumber, signal)).toEqual([]);
      fake.order({ ...fault, on: 'GET', times: 2 });
      await expect(crm.findContacts(anna.phoneNumber, signal)).rejects.toMatchObject({ code: 'upstream_failed' });
      fake.order({ ...fault, on: 'POST' });
      await expect(crm.createContact.attempt(anna, at('r1'))).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
      expect(fake.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
    },
  );
});

describe('errors', () => {
  test.each([false, true])('each code has its error, XML: %s', async (hasXmlErrors) => {
    const it = await started({}, { hasXmlErrors, unpublished: ['Document_ЗаказКлиента'] });
    const client = it.client();
    const filtered = (filter: string) => client.list('Catalog_Партнеры', { filter }, signal);
    const contactId = it.addContact('Анна', []);
    const deal = { contactId, title: 'Заказ', amount: { amountMinor: 100, currency: 'RUB' }, closeAt: '2030-02-01T00:00:00.000Z' };
    const unpublished = await it.crm.createDeal.attempt(deal, at('r1')).catch((error: Error) => error);
    expect(unpublished).toMatchObject({ code: 'failed_precondition', reason: 'crm_rejected', outcome: 'not_executed' });
    expect((unpublished as Error).message).toMatch(/УстановитьСоставСтандартногоИнтерфейсаOData/);
    await expect(filtered('Нет eq true')).rejects.toMatchObject({ message: expect.stringMatching(/code 10.*ONEC_MAPPING/) });
    await expect(filtered('Description eq')).rejects.toMatchObject({ code: 'failed_precondition', reason: 'crm_rejected' });
    await expect(filtered("tolower(Description) eq 'x'")).rejects.toMatchObject({ code: 'failed_precondition' });
    expect(await client.get('Catalog_Партнеры', '00000000-0000-0000-0000-00000000000a', signal)).toBeNull();
    const bad = client.create('Catalog_Партнеры', { ЮрФизЛицо: 'Никто' }, signal);
    await expect(bad).rejects.toMatchObject({ reason: 'crm_rejected', outcome: 'not_executed' });
  });

  test.each([
    ['15', 400, { code: 'conflict', reason: 'duplicate' }],
    ['20', 401, { code: 'failed_precondition', reason: 'upstream_credentials', message: expect.stringContaining('rights') }],
    ['-1', 500, { code: 'failed_precondition', reason: 'crm_rejected' }],
  ])('code %s with status %d is a definite refusal, sent once', async (code, status, error) => {
    const { client, fake } = await started();
    const body = { 'odata.error': { code, message: { lang: 'ru', value: 'Анна, 8 999 000 11 22' } } };
    fake.order({ do: 'refuse', status, body });
    const refusal = await client()
      .create('Catalog_Партнеры', {}, signal)
      .catch((thrown: Error) => thrown);
    expect(refusal).toMatchObject({ ...error, outcome: 'not_executed' });
    expect((refusal as Error).message).not.toContain('000 11 22');
    fake.order({ do: 'refuse', status, body });
    await expect(client().get('Catalog_Партнеры', '00000000-0000-0000-0000-00000000000a', signal)).rejects.toMatchObject(error);
    expect(fake.seen).toHaveLength(2);
  });

  test.each([
    ['a page with 200', { status: 200, headers: { 'Content-Type': 'text/html' }, body: '<html></html>' }],
    ['an empty 200', { status: 200 }],
    ['an empty 204', { status: 204 }],
    ['Atom instead of JSON', { status: 200, headers: { 'Content-Type': 'application/atom+xml' }, body: '<?xml version="1.0"?><feed/>' }],
    ['a truncated body', { status: 200, body: '{"Ref_Key":"0000' }],
    ['a list for a record', { status: 200, body: [] }],
    ['an error that is a number', { status: 200, body: { 'odata.error': 1 } }],
    ['an error that is a text', { status: 200, body: { 'odata.error': '' } }],
    ['an error that is a list', { status: 200, body: { 'odata.error': [] } }],
    ['a record without a key', { status: 201, body: { Description: 'x' } }],
  ])('%s is one typed error: a write may have happened, a read failed', async (_, reply) => {
    const { client, fake } = await started();
    fake.order({ do: 'refuse', ...reply });
    const write = client().create('Catalog_Партнеры', {}, signal);
    await expect(write).rejects.toMatchObject({ name: 'PolybError', code: 'upstream_failed', outcome: 'unknown' });
    fake.order({ do: 'refuse', ...reply });
    const reading = client().get('Catalog_Партнеры', '00000000-0000-0000-0000-00000000000a', signal);
    await expect(reading).rejects.toMatchObject({
      name: 'PolybError',
      reason: expect.stringMatching(/^(bad_reply|upstream_credentials)$/),
    });
    expect(fake.seen).toHaveLength(2);
  });

  test.each([true, false])('wrong credentials are reported as such, with a login page and status 200: %s', async (hasLoginPage) => {
    const { crm } = await started({ ONEC_PASSWORD: 'другой' }, { hasLoginPage });
    await expect(crm.findContacts(anna.phoneNumber, signal)).rejects.toMatchObject({
      code: 'failed_precondition',
      reason: 'upstream_credentials',
    });
  });

  test('an address without an infobase names the setting', async () => {
    const { client, fake } = await started();
    const reading = client(`${new URL(fake.url).origin}/nothing`).get('Catalog_Партнеры', '00000000-0000-0000-0000-00000000000a', signal);
    await expect(reading).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('ONEC_URL') });
  });

  test('text in windows-1251 is read as such, from the header or from the XML declaration', () => {
    const xml = (encoding: string) => Buffer.from([...Buffer.from(`<?xml version="1.0" encoding="${encoding}"?><a>`), 0xc0, 0xed]);
    const answer = { status: 400, bytes: xml('windows-1251'), text: () => '', json: () => null };
    expect(textOf({ ...answer, headers: {} })).toMatch(/Ан$/);
    expect(textOf({ ...answer, bytes: Buffer.from([0xc0, 0xed]), headers: { 'content-type': 'text/plain; charset=windows-1251' } })).toBe(
      'Ан',
    );
  });
});

describe('lists', () => {
  test('a list is read in pages ordered by key, at most five, and ends at a page without a new record', async () => {
    const { client, fake } = await started();
    for (let nth = 0; nth < 450; nth += 1) fake.records.create('Catalog_Валюты', { Description: 'X' });
    const all = { filter: "Description eq 'X'" };
    expect(new Set((await client().list('Catalog_Валюты', all, signal)).map(({ Ref_Key }) => Ref_Key)).size).toBe(450);
    expect(fake.seen.map(({ query }) => [/orderby=(\w+)/.exec(query)?.[1], /skip=(\d+)/.exec(query)?.[1]])).toEqual([
      ['Ref_Key', undefined],
      ['Ref_Key', '200'],
      ['Ref_Key', '400'],
    ]);
    const [page] = [fake.records.list('Catalog_Валюты', { $top: '200' })];
    fake.order({ do: 'refuse', status: 200, body: { value: page }, times: 9 });
    expect(await client().list('Catalog_Валюты', all, signal)).toHaveLength(200);
    expect(fake.seen).toHaveLength(5);
  });

  test('a server that ignores filters shows at most five pages of strangers, and none of them matches', async () => {
    const it = await started({}, { ignoresFilters: true });
    for (let nth = 0; nth < 1200; nth += 1) it.addContact(`Чужой ${nth}`, ['+7 495 000-00-00']);
    expect(await it.crm.findContacts(anna.phoneNumber, signal)).toEqual([]);
    expect(it.fake.seen).toHaveLength(5);
    const { onUnknown } = it.crm.createContact;
    expect(onUnknown.do === 'look_up' && (await onUnknown.find({ ref: 'r1', input: anna, attemptedAt: 0 }, signal))).toBeNull();
    expect(await it.crm.findOpenLead(partnersOf(it)[0]?.Ref_Key ?? '', new Date(0), signal)).toBeNull();
  });

  test('filters that find nothing, not even a known record, are an error and not "nobody"', async () => {
    const it = await started({}, { findsNothing: true });
    it.addContact('Анна', [anna.phoneNumber]);
    await expect(it.crm.findContacts(anna.phoneNumber, signal)).rejects.toMatchObject({
      code: 'failed_precondition',
      message: expect.stringContaining('compatibility mode'),
    });
  });

  test('filters are checked once', async () => {
    const it = await started();
    it.addContact('Иван', ['+7 495 111-22-33']);
    expect(await it.crm.findContacts(anna.phoneNumber, signal)).toEqual([]);
    const { length } = it.fake.seen;
    expect(await it.crm.findContacts(anna.phoneNumber, signal)).toEqual([]);
    expect(it.fake.seen.length - length).toBe(1);
  });
});

describe('writes', () => {
  test('an attribute that 1C does not have, and one that it cuts, are refusals that name it, and the record is marked for deletion', async () => {
    const it = await started();
    const client = it.client();
    for (const [body, data] of [
      [
        { Description: 'Анна', Нет: 'x' },
        { field: 'Нет', rule: 'ignored' },
      ],
      [{ Description: 'А'.repeat(101) }, { field: 'Description', rule: 'cut' }],
      [
        { КонтактнаяИнформация: [{ LineNumber: '1', НомерТелефона: '9'.repeat(21) }] },
        { field: 'КонтактнаяИнформация.НомерТелефона', rule: 'cut' },
      ],
    ] as const)
      await expect(client.create('Catalog_Партнеры', body, signal)).rejects.toMatchObject({
        code: 'failed_precondition',
        reason: 'crm_rejected',
        outcome: 'not_executed',
        data,
      });
    expect(partnersOf(it).map(({ DeletionMark }) => DeletionMark)).toEqual([true, true, true]);
  });

  test('a change that is not stored as sent is reverted', async () => {
    const it = await started();
    const key = it.addContact('Анна', []);
    const before = (await it.client().get('Catalog_Партнеры', key, signal)) as never;
    const change = it.client().change('Catalog_Партнеры', before, { Description: 'Б'.repeat(200) }, signal);
    await expect(change).rejects.toMatchObject({ reason: 'crm_rejected', data: { field: 'Description', rule: 'cut' } });
    expect(partnersOf(it)[0]?.Description).toBe('Анна');
  });

  test('a record that cannot be read back leaves the outcome unknown, and is found by its reference', async () => {
    const it = await started();
    for (const [nth, fault] of [{ do: 'cut' }, { do: 'refuse', status: 401 }, { do: 'garbage' }].entries()) {
      const ref = `r${nth}`;
      it.fake.order({ ...fault, on: `GET ${partners}(`, times: 2 } as never);
      await expect(it.crm.createContact.attempt(anna, at(ref))).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
      if (fault.do !== 'cut') it.fake.order({ do: 'slow', ms: 0, on: `GET ${partners}(` });
      const { onUnknown } = it.crm.createContact;
      if (onUnknown.do !== 'look_up') throw new Error('a contact cannot be looked up');
      expect(await onUnknown.find({ ref, input: anna, attemptedAt: 0 }, signal)).toEqual({
        contactId: partnersOf(it)[nth]?.Ref_Key,
        created: true,
      });
    }
  });

  test.each([true, false])(
    'a record that changed since it was read is a version conflict, although 1C takes a stale version: %s',
    async (isStaleAccepted) => {
      const it = await started({}, { isStaleAccepted });
      const client = it.client();
      const key = it.addContact('Анна', []);
      const before = await client.get('Catalog_Партнеры', key, signal);
      it.fake.records.change('Catalog_Партнеры', key, { Description: 'Анна Ким' }, undefined);
      const change = client.change('Catalog_Партнеры', before as never, { Description: 'Ольга' }, signal);
      await expect(change).rejects.toMatchObject({ code: 'conflict', reason: 'version_conflict', outcome: 'not_executed' });
      expect(partnersOf(it)[0]?.Description).toBe('Анна Ким');
    },
  );

  test('412 is a version conflict', async () => {
    const it = await started();
    const key = it.addContact('Анна', []);
    it.fake.order({ do: 'refuse', status: 412, on: 'PATCH' });
    const change = it.crm.updateContact.attempt({ contactId: key, phoneNumber: anna.phoneNumber }, at('r1'));
    await expect(change).rejects.toMatchObject({ code: 'conflict', reason: 'version_conflict' });
  });

  test('rows of a tabular part go out whole and numbered without gaps, and those that were there stay', async () => {
    const it = await started();
    const contactId = it.addContact('Анна', ['8 (495) 111-22-33 доб. 5', '+7 495 222-33-44']);
    await it.crm.updateContact.attempt({ contactId, phoneNumber: anna.phoneNumber, email: 'anna@example.com' }, at('r1'));
    const rows = partnersOf(it)[0]?.КонтактнаяИнформация as Record<string, unknown>[];
    expect(rows.map(({ LineNumber, Тип, Представление }) => [LineNumber, Тип, Представление])).toEqual([
      ['1', 'Телефон', '8 (495) 111-22-33 доб. 5'],
      ['2', 'Телефон', '+7 495 222-33-44'],
      ['3', 'Телефон', anna.phoneNumber],
      ['4', 'АдресЭлектроннойПочты', 'anna@example.com'],
    ]);
    const [kinds] = [it.fake.records.all('Catalog_ВидыКонтактнойИнформации')];
    expect(rows.slice(2).map((row) => row.Вид_Key)).toEqual(kinds.map(({ Ref_Key }) => Ref_Key));
  });

  test('a record about nothing is refused before it is written: 1C would accept a broken reference', async () => {
    const { crm, fake } = await started();
    const nobody = '00000000-0000-0000-0000-00000000000a';
    const lead = { contactId: nobody, ...anna, source: 'website', reuseHours: 0 };
    await expect(crm.createLead.attempt(lead, at('r1'))).rejects.toMatchObject({ reason: 'crm_rejected', data: { field: 'contactId' } });
    const note = { about: { kind: 'lead', id: nobody }, text: 'x' } as const;
    await expect(crm.addNote.attempt(note, at('r2'))).rejects.toMatchObject({ reason: 'crm_rejected', outcome: 'not_executed' });
    expect(fake.seen.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  test('times are clock times of the infobase, and references of a composite type carry their type', async () => {
    const it = await started();
    const contactId = it.addContact('Анна', []);
    const call = {
      about: { kind: 'contact', id: contactId },
      callId: 'call_1',
      phoneNumber: anna.phoneNumber,
      durationMs: 61_500,
    } as const;
    await it.crm.logCall.attempt({ ...call, startedAt: '2030-01-31T10:30:00.000Z', direction: 'inbound', outcome: 'answered' }, at('r1'));
    expect(it.fake.records.all('Document_ТелефонныйЗвонок')[0]).toMatchObject({
      Date: '2030-01-31T13:30:00',
      Входящий: true,
      Предмет: contactId,
      Предмет_Type: 'StandardODATA.Catalog_Партнеры',
      Описание: 'PolyB call call_1: answered, 62 s\nPolyB-Ref: r1',
    });
  });

  test('a deal in another currency than the mapped one is refused before any request', async () => {
    const { crm, fake } = await started();
    const deal = { contactId: 'c', title: 'Заказ', amount: { amountMinor: 100, currency: 'EUR' }, closeAt: '2030-02-01T00:00:00.000Z' };
    await expect(crm.createDeal.attempt(deal, at('r1'))).rejects.toMatchObject({ reason: 'crm_rejected', data: { field: 'amount' } });
    expect(fake.seen).toEqual([]);
  });
});

describe('people', () => {
  test('finds each number of the table of spellings, and nobody else', async () => {
    const it = await started();
    // Full-width and Arabic digits are not digits to a filter of 1C, and it has no setting for other countries here.
    const spellings = Object.values(phoneSpellings)
      .flat()
      .filter(({ written, country }) => country === undefined && !/[\uff10-\uff19\u0660-\u0669\u200b]/.test(written));
    expect(spellings.length).toBeGreaterThanOrEqual(60);
    const ids = new Map(spellings.map(({ written, numbers }) => [it.addContact(written.slice(0, 50) || '-', [written]), numbers]));
    for (const number of new Set(spellings.flatMap(({ numbers }) => numbers))) {
      const expected = [...ids].flatMap(([id, numbers]) => (numbers.includes(number) ? [id] : [])).slice(0, 50);
      expect([number, (await it.crm.findContacts(number, signal)).map(({ contactId }) => contactId)]).toEqual([number, expected]);
    }
  });

  test('a contact marked for deletion is not found', async () => {
    const it = await started();
    it.addContact('Анна', [anna.phoneNumber], { DeletionMark: true });
    expect(await it.crm.findContacts(anna.phoneNumber, signal)).toEqual([]);
  });

  test('both people behind one switchboard are found, and digits in another kind of row are not a phone', async () => {
    const it = await started();
    const ids = [it.addContact('Анна', ['8 (495) 111-22-33 доб. 5']), it.addContact('Олег', ['8 (495) 111-22-33 доб. 6'])];
    it.fake.records.create('Catalog_Партнеры', {
      Description: 'Инна',
      КонтактнаяИнформация: [{ LineNumber: '1', Тип: 'АдресЭлектроннойПочты', Представление: '84951112233@example.com' }],
    });
    expect((await it.crm.findContacts('+74951112233', signal)).map(({ contactId }) => contactId)).toEqual(ids);
  });

  test('a name in the order of the mapping is read as it was written', async () => {
    const { crm, fake } = await started();
    await crm.createContact.attempt({ ...anna, firstName: 'Анна Мария' }, at('r1'));
    expect(fake.records.all('Catalog_Партнеры')[0]?.Description).toBe('Петрова Анна Мария');
    expect(await crm.findContacts(anna.phoneNumber, signal)).toMatchObject([{ firstName: 'Анна Мария', lastName: 'Петрова' }]);
  });
});

describe('the mapping', () => {
  const mapped = (mapping: unknown) => ({ ONEC_URL: 'https://1c.example', ONEC_USER: 'u', ONEC_MAPPING: JSON.stringify(mapping) });
  const problems = (settings: Readonly<Record<string, string>>) => {
    const found = (name: string) => (settings[name] === undefined ? undefined : { value: settings[name], from: 'a file' });
    try {
      read([{ name: '1C', settings: onecSettings }], (...names) => names.map(found).find((each) => each !== undefined));
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };

  test('three mistakes are named, all three', () => {
    const contacts = { ...standard.contacts, entity: 'Партнеры', phones: { ...standard.contacts.phones, text: 'не имя' }, surname: 'x' };
    const message = problems(mapped({ ...standard, contacts }));
    expect(message).toMatch(/contacts\.entity as an OData resource/);
    expect(message).toMatch(/contacts\.phones\.text as the name of an attribute/);
    expect(message).toMatch(/contacts as no such key as surname/);
    expect(problems(mapped(standard))).toBe('');
  });

  test('text that is not JSON is a mistake too', () => {
    expect(problems({ ...mapped({}), ONEC_MAPPING: '{' })).toMatch(/ONEC_MAPPING/);
  });

  test('a section that is left out makes its methods unsupported, without a request', async () => {
    const { contacts } = standard;
    const { crm, fake } = await started({ ONEC_MAPPING: JSON.stringify({ contacts }) });
    expect(Object.entries(crm.capabilities().methods).filter(([, support]) => support === 'unsupported')).toHaveLength(11);
    const refusal = { code: 'unimplemented', reason: 'unsupported', outcome: 'not_executed' };
    await expect(crm.createLead.attempt({ contactId: 'c', ...anna, source: 'website', reuseHours: 0 }, at('r1'))).rejects.toMatchObject(
      refusal,
    );
    await expect(crm.findOpenLead('c', new Date(0), signal)).rejects.toMatchObject(refusal);
    await expect(crm.updateLeadStatus('l', 'dead', signal)).rejects.toMatchObject(refusal);
    await expect(crm.addNote.attempt({ about: { kind: 'contact', id: 'c' }, text: 'x' }, at('r2'))).rejects.toMatchObject(refusal);
    expect(fake.seen).toEqual([]);
  });

  test('a constant that names a record which is not there says so', async () => {
    const text = JSON.stringify(standard).replace('ТелефонПартнера', 'НетТакого');
    const { crm } = await started({ ONEC_MAPPING: text });
    await expect(crm.createContact.attempt(anna, at('r1'))).rejects.toMatchObject({
      reason: 'crm_rejected',
      outcome: 'not_executed',
      message: expect.stringContaining('НетТакого'),
    });
  });

  test('a reference may have an attribute of its own', async () => {
    const text = JSON.stringify(standard).replaceAll('"attribute":"Комментарий","as":"line"', '"attribute":"Комментарий","as":"value"');
    const { crm, fake } = await started({ ONEC_MAPPING: text });
    const output = await crm.createContact.attempt(anna, at('r1'));
    expect(fake.records.all('Catalog_Партнеры')[0]?.Комментарий).toBe('r1');
    const { onUnknown } = crm.createContact;
    expect(onUnknown.do === 'look_up' && (await onUnknown.find({ ref: 'r1', input: anna, attemptedAt: 0 }, signal))).toEqual(output);
  });
});
