import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHttp } from '../../http.ts';
import { type Grant, requestTokens } from '../../oauth-request.ts';
import { type BitrixFake, bitrixAccess, bitrixFake } from './fake.ts';
import { bitrixCodeIn, bitrixConsentUrl, bitrixOAuth, bitrixProvider } from './oauth.ts';
import { bitrixSettings } from './settings.ts';

let fake: BitrixFake;
let http: ReturnType<typeof createHttp>;
const observed: string[] = [];
let now = Date.UTC(2030, 0, 31);
beforeAll(async () => {
  fake = await bitrixFake({ now: () => now });
  http = createHttp({ allowPrivate: [fake.url], observe: (record) => observed.push(JSON.stringify(record)) });
});
afterAll(async () => {
  await http.close();
  await fake.close();
});
const settings = (more: Readonly<Record<string, string>> = {}) =>
  bitrixSettings.parse({
    BITRIX24_PORTAL_URL: `${fake.url}/`,
    BITRIX24_OAUTH_URL: `${fake.url}/`,
    BITRIX24_CLIENT_ID: bitrixAccess.clientId,
    BITRIX24_CLIENT_SECRET: bitrixAccess.clientSecret,
    BITRIX24_REDIRECT_URI: bitrixAccess.redirectUri,
    ...more,
  });
const ask = (grant: Grant, more?: Readonly<Record<string, string>>) =>
  requestTokens(bitrixProvider(settings(more), http), grant, {}, { now: () => now, timeoutMs: 5_000, retryMs: 1_000 });
/** Consents as a user of the portal, and returns the callback. */
async function consent(): Promise<URLSearchParams> {
  const { headers } = await fetch(bitrixConsentUrl(settings(), 'state-1'), { redirect: 'manual' });
  const back = new URL(headers.get('location') ?? '');
  expect(`${back.origin}${back.pathname}`).toBe(bitrixAccess.redirectUri);
  return back.searchParams;
}

test('a consent gives a code, which gives tokens once and within thirty seconds', async () => {
  const code = bitrixCodeIn(settings(), await consent(), 'state-1');
  const issued = await ask({ type: 'authorization_code', code });
  expect(issued).toMatchObject({
    is: 'issued',
    fresh: { issuedAt: now, expiresAt: now + 3_600_000, account: { memberId: expect.any(String) } },
  });
  expect(await ask({ type: 'authorization_code', code })).toMatchObject({ is: 'refused' });
  const late = bitrixCodeIn(settings(), await consent(), 'state-1');
  now += 30_000;
  expect(await ask({ type: 'authorization_code', code: late })).toMatchObject({ is: 'refused' });
});

test('a refresh token is replaced when it is used, and the old one is dead', async () => {
  const { refreshToken } = fake.tokens.issue();
  const issued = await ask({ type: 'refresh_token', refreshToken });
  expect(issued.is === 'issued' && issued.fresh.refreshToken !== refreshToken).toBe(true);
  expect(await ask({ type: 'refresh_token', refreshToken })).toMatchObject({ is: 'refused', status: 400 });
});

test.each([
  ['PAYMENT_REQUIRED', 402, 'held'],
  ['PAYMENT_REQUIRED', 400, 'held'],
  ['invalid_client', 401, 'held'],
  ['invalid_grant', 400, 'refused'],
])('%s with %d leaves the refresh token %s', async (error, status, is) => {
  fake.order({ do: 'refuse', on: 'GET oauth/token', status, body: { error, error_description: '' } });
  expect(await ask({ type: 'refresh_token', refreshToken: fake.tokens.issue().refreshToken })).toMatchObject({ is });
});

test('a wrong secret of the application keeps the refresh token, and names the setting', async () => {
  const { refreshToken } = fake.tokens.issue();
  const held = await ask({ type: 'refresh_token', refreshToken }, { BITRIX24_CLIENT_SECRET: 'wrong' });
  expect(held).toMatchObject({ is: 'held', problem: { message: expect.stringContaining('BITRIX24_CLIENT_SECRET') } });
  expect(await ask({ type: 'refresh_token', refreshToken })).toMatchObject({ is: 'issued' });
});

test('no request record shows the secret or a token', async () => {
  const { refreshToken } = fake.tokens.issue();
  await ask({ type: 'refresh_token', refreshToken });
  expect(observed.length).toBeGreaterThan(0);
  for (const secret of [bitrixAccess.clientSecret, refreshToken, 'refresh_token']) expect(observed.join()).not.toContain(secret);
});

test.each([
  ['of another portal', { domain: 'evil.example' }],
  ['whose portal only looks like it', { domain: '127.0.0.1.evil.example' }],
  ['of another request', { state: 'state-2' }],
  ['that was declined', { error: 'access_denied' }],
  ['without a code', { code: '' }],
  ['without a portal', { domain: '' }],
])('a consent %s is refused', (_, wrong) => {
  const callback = new URLSearchParams({ code: 'c', state: 'state-1', domain: new URL(fake.url).host, ...wrong });
  expect(() => bitrixCodeIn(settings(), callback, 'state-1')).toThrow(expect.objectContaining({ reason: 'reauthorise' }));
});

test('a webhook has no tokens and takes no consent', () => {
  const webhook = bitrixSettings.parse({ BITRIX24_WEBHOOK_URL: fake.webhookUrl });
  expect(bitrixOAuth(webhook, { http } as never)).toBeUndefined();
});
