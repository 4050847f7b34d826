import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createMetrics } from '../../../bus/telemetry/metrics.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { type TestStore, testStore } from '../../../test/kit/store.ts';
import { memoryCache } from '../../cache/memory.ts';
import type { Deps } from '../../deps.ts';
import { createHttp } from '../../http.ts';
import { connectionState } from '../../oauth.ts';
import { amoCrm } from './crm.ts';
import { type AmoFake, amoFake, amoIntegration } from './fake.ts';
import { amoCodeIn, amoConsentUrl, amoTokens } from './oauth.ts';
import { amoSettings } from './settings.ts';

let store: TestStore;
let fake: AmoFake;
let http: ReturnType<typeof createHttp>;
let now = Date.now();
beforeAll(async () => {
  store = await testStore();
  fake = await amoFake({ now: () => now, limit: 1000 });
  http = createHttp({ allowPrivate: [fake.url] });
});
afterAll(async () => {
  await http.close();
  await fake.close();
  await store.close();
});
const { signal } = new AbortController();
const phone = '+79990001122';
const settings = () =>
  amoSettings.parse({
    AMOCRM_SUBDOMAIN: 'fake',
    AMOCRM_URL: fake.url,
    AMOCRM_OAUTH_URL: `${fake.url}/oauth`,
    AMOCRM_CLIENT_ID: amoIntegration.clientId,
    AMOCRM_CLIENT_SECRET: amoIntegration.clientSecret,
    AMOCRM_REDIRECT_URI: amoIntegration.redirectUri,
    AMOCRM_REQUESTS_PER_SECOND: '1000',
  });
const depsOf = (connection: string): Deps => ({
  http,
  httpStream: http.stream,
  db: store.db,
  cache: memoryCache({ now: Date.now }),
  connection,
  now: () => now,
  log: quiet,
  metrics: createMetrics({ now: Date.now, log: quiet }),
  secretKey: () => new Uint8Array(32).fill(7),
});
/** Follows the link on the consent page as an administrator does, and stores the tokens. */
async function consent(connection: string): Promise<void> {
  const page = await (await fetch(amoConsentUrl(settings(), 'state-1'))).text();
  const link = new URL((/href="([^"]+)"/.exec(page)?.[1] ?? '').replaceAll('&amp;', '&'));
  expect(`${link.origin}${link.pathname}`).toBe(amoIntegration.redirectUri);
  await amoTokens(settings(), depsOf(connection)).connect({ code: amoCodeIn(settings(), link.searchParams, 'state-1') }, signal);
}
const tokenRequests = () => fake.seen.filter(({ path }) => path === 'oauth2/access_token');
const state = (connection: string) => connectionState(store.db, { connection, vendor: 'amocrm' }, () => now);

test('a connection works after the consent, and a day later with tokens that were refreshed once', async () => {
  await consent('day');
  const processes = [amoCrm(settings(), depsOf('day')), amoCrm(settings(), depsOf('day'))];
  for (const crm of processes) expect(await crm.findContacts(phone, signal)).toEqual([]);
  now += 86_400_000;
  const before = tokenRequests().length;
  await Promise.all(Array.from({ length: 20 }, (_, nth) => processes[nth % 2]?.findOpenLead('1', new Date(0), signal)));
  const refreshes = tokenRequests().slice(before);
  expect(refreshes.map(({ body }) => JSON.parse(body))).toEqual([
    {
      client_id: amoIntegration.clientId,
      client_secret: amoIntegration.clientSecret,
      grant_type: 'refresh_token',
      refresh_token: expect.any(String),
      redirect_uri: amoIntegration.redirectUri,
    },
  ]);
});

test.each([0, 1])(
  'a consent that is revoked %d hours later asks for a person after one refresh, and a new one heals the connection',
  async (hours) => {
    await consent('revoked');
    const crm = amoCrm(settings(), depsOf('revoked'));
    await crm.findContacts(phone, signal);
    now += hours * 3_600_000;
    fake.revoke();
    const before = tokenRequests().length;
    for (let call = 0; call < 3; call += 1)
      await expect(crm.findContacts(phone, signal)).rejects.toMatchObject({
        code: 'failed_precondition',
        reason: 'reauthorise',
        outcome: 'not_executed',
        message: expect.stringMatching(/polyb crm connect amocrm/),
      });
    expect(tokenRequests().length - before).toBe(1);
    expect(await state('revoked')).toMatchObject({ state: 'needs_reauthorisation' });
    await consent('revoked');
    expect(await crm.findContacts(phone, signal)).toEqual([]);
    expect(await state('revoked')).toMatchObject({ state: 'ok' });
  },
);

test('a block of the address at the token endpoint keeps the refresh token, which works afterwards', async () => {
  await consent('blocked');
  const crm = () => amoCrm(settings(), depsOf('blocked'));
  now += 86_400_000;
  fake.order({ do: 'refuse', on: 'POST oauth2', status: 403, body: '<html>Forbidden</html>' });
  await expect(crm().findContacts(phone, signal)).rejects.toMatchObject({ code: 'unavailable', reason: 'blocked' });
  expect(await state('blocked')).toMatchObject({ state: 'blocked', until: now + 600_000 });
  now += 600_000;
  expect(await crm().findContacts(phone, signal)).toEqual([]);
});

test.each([
  ['of another account', { referer: 'evil.example' }],
  ['whose account only looks like ours', { referer: 'fake.amocrm.ru.evil.example' }],
  ['of another request', { state: 'state-2' }],
  ['that was declined', { error: 'access_denied' }],
  ['without a code', { code: '' }],
  ['without an account', { referer: '' }],
])('a consent %s is refused', (_, wrong) => {
  const callback = new URLSearchParams({ code: 'c', state: 'state-1', referer: new URL(fake.url).host, ...wrong });
  expect(() => amoCodeIn(settings(), callback, 'state-1')).toThrow(expect.objectContaining({ reason: 'reauthorise' }));
});

test('an integration without its secret is named when the connection is opened', () => {
  const bare = amoSettings.parse({ AMOCRM_SUBDOMAIN: 'fake', AMOCRM_CLIENT_ID: 'x' });
  expect(() => amoCrm(bare, depsOf('bare'))).toThrow(expect.objectContaining({ code: 'failed_precondition', reason: 'bad_settings' }));
});
