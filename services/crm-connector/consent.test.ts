import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type AmoFake, amoFake, amoIntegration } from '../../adapters/vendors/amocrm/fake.ts';
import { type BitrixFake, bitrixAccess, bitrixFake } from '../../adapters/vendors/bitrix24/fake.ts';
import { connections } from '../../contracts/connections.ts';
import { crm } from '../../contracts/crm.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import service from './service.ts';

let it: World;
let fake: AmoFake;
let portal: BitrixFake;
beforeAll(async () => {
  it = await world();
  // The page of consent is fetched past the limiter of the connection.
  fake = await amoFake({ limit: 1_000 });
  portal = await bitrixFake();
  await it.start('crm-connector', service, {
    CRM_KIND: 'amocrm',
    AMOCRM_SUBDOMAIN: 'fake',
    AMOCRM_URL: fake.url,
    AMOCRM_OAUTH_URL: `${fake.url}/oauth`,
    AMOCRM_CLIENT_ID: amoIntegration.clientId,
    AMOCRM_CLIENT_SECRET: amoIntegration.clientSecret,
    AMOCRM_REDIRECT_URI: amoIntegration.redirectUri,
    CRM_CONNECTIONS: 'main,own,portal',
    PORTAL_CRM_KIND: 'bitrix24',
    PORTAL_BITRIX24_PORTAL_URL: portal.url,
    PORTAL_BITRIX24_OAUTH_URL: portal.url,
    PORTAL_BITRIX24_CLIENT_ID: bitrixAccess.clientId,
    PORTAL_BITRIX24_CLIENT_SECRET: bitrixAccess.clientSecret,
    PORTAL_BITRIX24_REDIRECT_URI: bitrixAccess.redirectUri,
    HTTP_ALLOW_PRIVATE: `${fake.url},${portal.url}`,
  });
});
afterAll(async () => {
  await it.stop();
  await fake.close();
  await portal.close();
});

/** The query of the callback of a person who consents. */
async function consent(): Promise<Record<string, string>> {
  const { url, redirectUri } = await it.bus.call(connections.begin_consent, {});
  expect(redirectUri).toBe(amoIntegration.redirectUri);
  const [, link = ''] = /href="([^"]+)"/.exec(await (await fetch(url)).text()) ?? [];
  return Object.fromEntries(new URL(link.replaceAll('&amp;', '&')).searchParams);
}
const find = () => it.bus.call(crm.find_contact, { phoneNumber: '+79995553322' }, { retry: false });
const stateOf = async () => (await it.bus.call(connections.list, {})).items.find(({ kind }) => kind === 'crm');

test('a connection works from the consent on, until it is revoked, and then says what to do and sends nothing more', async () => {
  expect(await stateOf()).toMatchObject({ state: 'needs_reauthorisation' });
  await expect(find()).rejects.toMatchObject({ code: 'failed_precondition', reason: 'reauthorise' });
  expect(await stateOf()).toMatchObject({ state: 'needs_reauthorisation', detail: expect.stringContaining('polyb crm connect amocrm') });
  expect(await it.bus.call(connections.finish_consent, { callback: await consent() })).toEqual({ system: 'amocrm' });
  expect(await find()).toEqual({ contacts: [], isAmbiguous: false });
  expect(await until(async () => ((await stateOf())?.state === 'ok' ? 'ok' : null))).toBe('ok');

  fake.revoke();
  // The token is young, so its refusal counts as that of the credentials at first; the refresh token is dead for good.
  await it.store.query("update crm_connector.tokens set issued_at = now() - interval '1 hour'");
  await until(async () => ((await find().catch(({ reason }) => reason)) === 'reauthorise' ? true : null));
  const before = fake.seen.length;
  for (let nth = 0; nth < 5; nth += 1) await expect(find()).rejects.toMatchObject({ reason: 'reauthorise', outcome: 'not_executed' });
  expect(fake.seen.length).toBe(before);
  expect(await stateOf()).toMatchObject({ state: 'needs_reauthorisation', detail: expect.stringContaining('polyb crm connect amocrm') });
});

test('a callback of another request, of another account, or with a used code is refused', async () => {
  const callback = await consent();
  const finish = (more: Record<string, string>) => it.bus.call(connections.finish_consent, { callback: { ...callback, ...more } });
  const refused = { code: 'failed_precondition', reason: 'reauthorise' };
  await expect(finish({ state: callback.state?.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A')) ?? '' })).rejects.toMatchObject(refused);
  await expect(finish({ state: '' })).rejects.toMatchObject(refused);
  await expect(finish({ referer: 'thief.example' })).rejects.toMatchObject(refused);
  await finish({});
  await expect(finish({})).rejects.toMatchObject(refused);
});

test('a connection without OAuth is told so', async () => {
  const asked = it.bus.call(connections.begin_consent, { connection: 'own' });
  await expect(asked).rejects.toMatchObject({ code: 'unimplemented', reason: 'unsupported' });
});

test('an application of Bitrix24 works from the consent on, and renews a token that expired', async () => {
  const find = () => it.bus.call(crm.find_contact, { connection: 'portal', phoneNumber: '+79995553322' }, { retry: false });
  await expect(find()).rejects.toMatchObject({ code: 'failed_precondition', reason: 'reauthorise' });
  const { url, redirectUri } = await it.bus.call(connections.begin_consent, { connection: 'portal' });
  expect(redirectUri).toBe(bitrixAccess.redirectUri);
  const { headers } = await fetch(url, { redirect: 'manual' });
  const callback = Object.fromEntries(new URL(headers.get('location') ?? '').searchParams);
  const elsewhere = it.bus.call(connections.finish_consent, { connection: 'portal', callback: { ...callback, domain: 'evil.example' } });
  await expect(elsewhere).rejects.toMatchObject({ reason: 'reauthorise' });
  expect(await it.bus.call(connections.finish_consent, { connection: 'portal', callback })).toEqual({ system: 'bitrix24' });
  expect(await find()).toEqual({ contacts: [], isAmbiguous: false });
  // A token that was issued less than a minute ago is not renewed.
  await it.store.query("update crm_connector.tokens set issued_at = now() - interval '2 minutes' where connection = 'portal'");
  portal.tokens.expire();
  expect(await find()).toEqual({ contacts: [], isAmbiguous: false });
  expect(portal.tokens.refreshes()).toBe(1);
});
