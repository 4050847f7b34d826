import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createMetrics } from '../../../bus/telemetry/metrics.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { memoryCache } from '../../cache/memory.ts';
import { createHttp } from '../../http.ts';
import { amoCrm } from './crm.ts';
import { type AmoFake, type AmoFakeOptions, amoFake, amoIntegration } from './fake.ts';
import { amoSettings } from './settings.ts';

let fake: AmoFake;
let http: ReturnType<typeof createHttp>;
let cache: ReturnType<typeof memoryCache>;
async function begin(options: AmoFakeOptions = {}) {
  fake = await amoFake({ limit: 1000, ...options });
  http = createHttp({ allowPrivate: [fake.url] });
  cache = memoryCache({ now: Date.now });
}
const end = () => Promise.all([http.close(), fake.close()]);
beforeEach(() => begin());
afterEach(end);

function connected({ token = amoIntegration.token as string, perSecond = 1000, with: own = cache } = {}) {
  const settings = { AMOCRM_SUBDOMAIN: 'fake', AMOCRM_URL: fake.url, AMOCRM_TOKEN: token, AMOCRM_REQUESTS_PER_SECOND: String(perSecond) };
  return amoCrm(amoSettings.parse(settings), {
    http,
    httpStream: http.stream,
    log: quiet,
    now: Date.now,
    cache: own,
    connection: 'main',
    metrics: createMetrics({ now: Date.now, log: quiet }),
    db: { query: () => Promise.reject(new Error('no tokens')), transaction: () => Promise.reject(new Error('no tokens')) },
    secretKey: () => new Uint8Array(32),
  });
}
const { signal } = new AbortController();
const anna = { firstName: 'Anna', lastName: 'Petrova', phoneNumber: '+79990001122' };
const create = (crm = connected()) => crm.createContact.attempt(anna, { ref: 'r1', signal });
const page = '<html><body><h1>Forbidden</h1></body></html>';

test('an empty search is 204 without a body, and finds nobody', async () => {
  expect(await connected().findContacts(anna.phoneNumber, signal)).toEqual([]);
  expect(fake.seen[0]?.query).toContain('query=9990001122');
});

test('wrong credentials, an unpaid account and missing rights are failures of the settings, not executed', async () => {
  const refused = { code: 'failed_precondition', reason: 'upstream_credentials', outcome: 'not_executed' };
  await expect(create(connected({ token: 'wrong' }))).rejects.toMatchObject(refused);
  fake.order({ do: 'refuse', on: 'POST', status: 402, body: { title: 'Payment Required', status: 402 } });
  await expect(create()).rejects.toMatchObject({ ...refused, message: expect.stringMatching(/not paid/) });
  fake.order({ do: 'refuse', on: 'POST', status: 403, body: { title: 'Forbidden', status: 403 } });
  await expect(create()).rejects.toMatchObject(refused);
});

test('a page with 403 is a block of the address: no connection sends anything for a while', async () => {
  fake.order({ do: 'refuse', on: 'POST', status: 403, body: page });
  await expect(create()).rejects.toMatchObject({ code: 'unavailable', reason: 'blocked', outcome: 'not_executed', retryAfterMs: 600_000 });
  for (const crm of [connected(), connected({ token: 'of another integration' })])
    await expect(create(crm)).rejects.toMatchObject({ code: 'resource_exhausted', outcome: 'not_executed' });
  expect(fake.seen).toHaveLength(1);
});

test.each([
  ['with a time', { title: 'Too Many Requests', status: 429, retry_after: 7 }, 7000],
  ['without a time', { title: 'Too Many Requests', status: 429 }, 1000],
  ['without JSON', page, 1000],
])('429 %s pauses the integration, and is not executed', async (_, body, retryAfterMs) => {
  fake.order({ do: 'refuse', on: 'POST', status: 429, body });
  await expect(create()).rejects.toMatchObject({
    code: 'resource_exhausted',
    reason: 'rate_limited',
    outcome: 'not_executed',
    retryAfterMs,
  });
  await expect(create()).rejects.toMatchObject({ code: 'resource_exhausted', reason: 'rate_limited' });
  expect(fake.seen).toHaveLength(1);
  expect(await create(connected({ token: 'of another integration' })).catch(({ reason }) => reason)).toBe('upstream_credentials');
});

test('Kommo counts by address: what one account was refused pauses another', async () => {
  const kommo = (name: string) => {
    const base = `https://${name}.kommo.com`;
    const settings = { AMOCRM_SUBDOMAIN: name, AMOCRM_URL: base, AMOCRM_TOKEN: name, AMOCRM_REQUESTS_PER_SECOND: '1000' };
    const at = (request: Parameters<typeof http>[0]) => http({ ...request, url: request.url.replace(base, fake.url) });
    return amoCrm(amoSettings.parse(settings), { http: at, cache, now: Date.now } as never);
  };
  fake.order({ do: 'refuse', on: 'POST', status: 429 });
  await expect(create(kommo('one'))).rejects.toMatchObject({ reason: 'rate_limited' });
  await expect(create(kommo('other'))).rejects.toMatchObject({ reason: 'rate_limited' });
  expect(fake.seen).toHaveLength(1);
});

test('a refused field is named with its rule, and the error shows neither phone nor name', async () => {
  const error = await create(
    amoCrm(
      amoSettings.parse({
        AMOCRM_SUBDOMAIN: 'fake',
        AMOCRM_URL: fake.url,
        AMOCRM_TOKEN: amoIntegration.token,
        AMOCRM_CONTACT_REFERENCE_FIELD_ID: '1',
        AMOCRM_REQUESTS_PER_SECOND: '1000',
      }),
      {
        http,
        cache,
        now: Date.now,
      } as never,
    ),
  ).catch((thrown: Error) => thrown);
  expect(error).toMatchObject({
    code: 'failed_precondition',
    reason: 'crm_rejected',
    outcome: 'not_executed',
    data: { field: 'custom_fields_values.1.field_id', rule: 'NotSupportedChoice' },
  });
  expect(JSON.stringify(error) + (error as Error).message).not.toMatch(/9990001122|Anna|Petrova/);
});

test.each([
  ['a page', page],
  ['nothing', ''],
  ['XML', '<?xml version="1.0"?><contacts/>'],
  ['half of a body', '{"_embedded":{"contacts":[{"id":1'],
  ['an array', []],
  ['a number', 7],
  ['null', 'null'],
  ['no list', { _embedded: { contacts: {} } }],
  ['an error that is a number', { error: 100 }],
  ['an error that is a string', { error: 'NOT_FOUND' }],
  ['an error that is empty', { error: '' }],
  ['an error that is an array', { error: [] }],
  ['records without ids', { _embedded: { contacts: [{ name: 'Anna' }] } }],
  ['ids of another kind', { _embedded: { contacts: [{ id: 'x' }] } }],
])('200 with %s is a typed error; a create may have happened', async (_, body) => {
  for (const on of ['GET', 'POST']) fake.order({ do: 'refuse', on, status: 200, body });
  const crm = connected();
  await expect(crm.findContacts(anna.phoneNumber, signal)).rejects.toMatchObject({ code: 'upstream_failed', reason: 'bad_reply' });
  await expect(create(crm)).rejects.toMatchObject({ code: 'upstream_failed', reason: 'bad_reply', outcome: 'unknown' });
});

test('204 to a create is a typed error with an unknown outcome', async () => {
  fake.order({ do: 'refuse', on: 'POST', status: 204 });
  await expect(create()).rejects.toMatchObject({ code: 'upstream_failed', reason: 'bad_reply', outcome: 'unknown' });
});

test('a reply of 50 MB is refused', async () => {
  fake.order({ do: 'refuse', on: 'GET', status: 200, body: ' '.repeat(50_000_000) });
  await expect(connected().findContacts(anna.phoneNumber, signal)).rejects.toMatchObject({
    code: 'upstream_failed',
    reason: 'reply_too_large',
  });
});

test('a redirect is not followed', async () => {
  fake.order({ do: 'refuse', on: 'GET', status: 302, headers: { Location: `${fake.url}/oauth` } });
  await expect(connected().findContacts(anna.phoneNumber, signal)).rejects.toMatchObject({ code: 'upstream_failed' });
  expect(fake.seen).toHaveLength(1);
});

test('a caller that gives up ends the request', async () => {
  const { struck } = fake.order({ do: 'hang', on: 'POST' });
  const caller = new AbortController();
  const attempt = connected().createContact.attempt(anna, { ref: 'r1', signal: caller.signal });
  const outcome = expect(attempt).rejects.toMatchObject({ code: 'cancelled', outcome: 'unknown' });
  await struck;
  caller.abort();
  await outcome;
});

/** Calls until each has a reply, as the journal does. */
async function storm(crms: readonly ReturnType<typeof connected>[], calls: number): Promise<void> {
  const call = async (nth: number): Promise<void> => {
    for (;;) {
      const failed = await crms[nth % crms.length]?.findOpenLead('1', new Date(0), signal).then(
        () => undefined,
        (error: { retryAfterMs?: number }) => error,
      );
      if (failed === undefined) return;
      if (failed.retryAfterMs === undefined || failed.retryAfterMs > 60_000) throw failed;
      await new Promise((resolve) => setTimeout(resolve, failed.retryAfterMs));
    }
  };
  await Promise.all(Array.from({ length: calls }, (_, nth) => call(nth)));
}
test('two processes with one bucket stay below the limit; with a bucket each, several are refused, then blocked', async () => {
  await end();
  // The fake allows twice the rate of one bucket, so that a slow machine, on which requests arrive in bunches, makes no difference.
  const perSecond = 50;
  await begin({ limit: 2 * perSecond, blockedAfter: 5 });
  const statuses: number[] = [];
  const watched = http;
  http = Object.assign(
    async (request: Parameters<typeof watched>[0]) => {
      const answer = await watched(request);
      statuses.push(answer.status);
      return answer;
    },
    { stream: watched.stream, close: watched.close },
  );
  await storm([connected({ perSecond }), connected({ perSecond })], 75);
  expect(new Set(statuses)).toEqual(new Set([204]));
  const own = Array.from({ length: 6 }, () => connected({ perSecond, with: memoryCache({ now: Date.now }) }));
  await expect(storm(own, 600)).rejects.toMatchObject({ retryAfterMs: expect.any(Number) });
  expect(statuses).toContain(403);
});
