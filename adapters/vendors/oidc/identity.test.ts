import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type HostileIdentityProvider, hostileIdentityProvider } from '../../../test/kit/hostile-identity-provider.ts';
import { testClient } from '../../../test/kit/identity-provider.ts';
import type { Http, HttpRequest } from '../../deps.ts';
import { oidc } from './identity.ts';
import { oidcSettings } from './settings.ts';

let provider: HostileIdentityProvider;
beforeAll(async () => {
  provider = await hostileIdentityProvider();
});
afterAll(() => provider.stop());
beforeEach(() => {
  provider.metadata = {};
});

const secrets = { state: 'state', nonce: 'nonce', verifier: 'v'.repeat(43) };
/** An adapter that reaches the provider as if it were at this address. */
function setup(issuer: string) {
  const requests: HttpRequest[] = [];
  const http: Http = async (request) => {
    requests.push(request);
    const { method, headers, body } = request;
    const path = request.url.replace(issuer, '');
    const answered = await fetch(`${provider.issuer}${path}`, { method, ...(headers && { headers }), ...(body !== undefined && { body }) });
    const text = await answered.text();
    const bytes = Buffer.from(text);
    return {
      status: answered.status,
      headers: Object.fromEntries(answered.headers),
      bytes,
      text: () => text,
      json: () => JSON.parse(text),
    };
  };
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const settings = oidcSettings.parse({
    OIDC_ISSUER: issuer,
    OIDC_CLIENT_ID: testClient.client_id,
    OIDC_CLIENT_SECRET: testClient.client_secret,
    OIDC_ROLES: 'sales=manager',
  });
  const identity = oidc(settings, { http, log, now: Date.now });
  const endpoints = { authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` };
  provider.metadata = { issuer, ...endpoints, authorization_response_iss_parameter_supported: false };
  const end = (iss: string) => {
    provider.tokens = () => ({
      body: provider.tokenReply({ iss, nonce: 'nonce', tid: 'another', roles: ['sales'], preferred_username: 'anna' }),
    });
    return identity.finish(secrets, new URL('https://desk.example/return?code=c&state=state'));
  };
  return { end, requests };
}

test('of a provider of many organisations only the one that the setting names is trusted', async () => {
  const issuer = 'https://login.microsoftonline.com/common/v2.0';
  const { end } = setup(issuer);
  provider.metadata = { ...provider.metadata, issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0' };
  await expect(end('https://login.microsoftonline.com/another/v2.0')).rejects.toMatchObject({
    code: 'upstream_failed',
    reason: 'provider_reply',
  });
});

test.each([
  ['as the standard has it where the provider names no way', undefined, true],
  ['in the header where the provider takes both', ['client_secret_post', 'client_secret_basic'], true],
  ['in the body where the provider takes it there alone', ['client_secret_post'], false],
])('the secret is sent %s', async (_, ways, isInHeader) => {
  const { end, requests } = setup('https://id.example');
  provider.metadata = { ...provider.metadata, token_endpoint_auth_methods_supported: ways };
  expect(await end('https://id.example')).toMatchObject({ login: 'anna', role: 'manager' });
  const [sent] = requests.filter(({ url }) => url.endsWith('/token'));
  expect(sent?.headers?.authorization?.startsWith('Basic ') ?? false).toBe(isInHeader);
  expect(new URLSearchParams(String(sent?.body)).get('client_secret')).toBe(isInHeader ? null : testClient.client_secret);
});

test('an issuer on https is never asked without it, whatever its document says', async () => {
  const { end, requests } = setup('https://id.example');
  provider.metadata = { ...provider.metadata, token_endpoint: 'http://id.example/token' };
  await expect(end('https://id.example')).rejects.toMatchObject({ reason: 'provider_reply' });
  expect(requests.map(({ url }) => url)).toEqual(['https://id.example/.well-known/openid-configuration']);
});
