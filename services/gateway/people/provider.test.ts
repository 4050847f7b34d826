/** Logging in through an identity provider: one that answers as the standard says, and one that does not. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { seal } from '../../../adapters/seal.ts';
import { people } from '../../../contracts/people.ts';
import { secretKeyFrom } from '../../../runtime/secret-key.ts';
import { freePort } from '../../../scripts/infra/ready.ts';
import { type Answered, type GatewayWorld, gatewayWorld, http, sameOrigin } from '../../../test/kit/gateway.ts';
import { type HostileIdentityProvider, hostileIdentityProvider } from '../../../test/kit/hostile-identity-provider.ts';
import { type Account, type TestIdentityProvider, testClient, testIdentityProvider } from '../../../test/kit/identity-provider.ts';
import { until } from '../../../test/kit/world.ts';
import { deskPath, returnPath, startPath } from './provider-routes.ts';

let it: GatewayWorld;
let provider: TestIdentityProvider;
let hostile: HostileIdentityProvider;
/** A gateway that trusts the hostile provider. */
let other: string;

const settingsOf = (issuer: string, more: Readonly<Record<string, string>> = {}) => ({
  IDENTITY_KIND: 'oidc',
  OIDC_ISSUER: issuer,
  OIDC_CLIENT_ID: testClient.client_id,
  OIDC_CLIENT_SECRET: testClient.client_secret,
  OIDC_SCOPES: 'profile,roles',
  OIDC_ROLES: 'it=admin,heads=director,sales=manager',
  HTTP_ALLOW_PRIVATE: issuer,
  ...more,
});
beforeAll(async () => {
  hostile = await hostileIdentityProvider();
  const port = await freePort();
  it = await gatewayWorld([], settingsOf(`http://127.0.0.1:${port}`));
  const redirectUris = [`${it.origin}${returnPath}`];
  provider = await testIdentityProvider({ port, redirectUris, logOutUris: [`${it.origin}/desk/`] });
  other = (await it.startGateway(settingsOf(hostile.issuer))).origin;
});
afterAll(async () => {
  await it?.stop();
  await Promise.all([provider?.stop(), hostile?.stop()]);
});
beforeEach(() => {
  hostile.metadata = {};
});

const ids = Array.from({ length: 100 }, (_, n) => `anna${n}`).values();
function account(more: Partial<Account> = {}): Account & { readonly preferred_username: string } {
  const login = ids.next().value ?? '';
  return { sub: `sub of ${login}`, name: 'Анна Петрова', preferred_username: login, roles: ['sales'], ...more };
}
/** Keeps cookies and follows redirects, up to the first page of the desk. */
function newBrowser() {
  const cookies = new Map<string, Map<string, string>>();
  async function visit(address: string): Promise<Response> {
    const { origin } = new URL(address);
    const own = cookies.get(origin) ?? new Map<string, string>();
    cookies.set(origin, own);
    const cookie = [...own].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(address, { redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '' || /Max-Age=0|1970/i.test(line)) own.delete(name);
      else own.set(name, value);
    }
    return response;
  }
  /** The address at which it comes to rest. */
  async function go(address: string, isThere = (url: URL) => url.pathname.startsWith('/desk/')): Promise<string> {
    let at = address;
    for (let hops = 0; hops < 10 && !isThere(new URL(at)); hops += 1) {
      const location = (await visit(at)).headers.get('location');
      if (location === null) break;
      at = new URL(location, at).href;
    }
    return at;
  }
  return {
    visit,
    go,
    cookieOf: (origin: string) => [...(cookies.get(origin) ?? [])].map(([name, value]) => `${name}=${value}`).join('; '),
    /** Up to the end of the log-in, which it does not visit. */
    begin: (origin = it.origin) =>
      go(`${origin}${startPath}?to=/desk/chats`, ({ pathname }) => pathname === returnPath || pathname === '/authorize'),
  };
}
/** A log-in as this person; the address of the desk to which it led, and a client with its cookie. */
async function logIn(as: Account | null, origin = it.origin) {
  provider.account = as;
  const browser = newBrowser();
  const at = (await browser.go(`${origin}${startPath}?to=${encodeURIComponent('/desk/chats?waiting=1')}`)).replace(origin, '');
  const cookie = browser.cookieOf(origin);
  return { at, cookie, ask: (verb: string, path: string) => http(origin)(verb, path, undefined, { cookie, ...sameOrigin }) };
}
const refusalIn = (address: string) => Object.fromEntries(new URLSearchParams(new URL(address, it.origin).hash.slice(1)));
const reasonIn = (address: string) => refusalIn(address).reason;
const audited = async (person: string | null) =>
  (
    await it.world.store.query<{ row: string }>(
      `select concat_ws(' ', method, code, reason, target) as row from gateway.audit where person is not distinct from $1 order by seq`,
      [person],
    )
  ).map(({ row }) => row);
const invited = async (personId: string) => {
  const token = randomBytes(32).toString('base64url');
  const tokenHash = createHash('sha256').update(token).digest('hex');
  await it.world.bus.call(people.invite, { personId, name: 'Другая Анна', role: 'director', tokenHash });
  return token;
};
const personOf = async (id: string) =>
  (await it.world.bus.call(people.list_people, { limit: 200 })).items.find(({ personId }) => personId === id);

test('a new person is added with the role of their claim, and has a session as any other', async () => {
  const anna = account();
  const { at, cookie, ask } = await logIn(anna);
  expect(at).toBe('/desk/chats?waiting=1');
  expect(cookie).toMatch(/^polyb_session=[\w-]{43}$/);
  const shown = await ask('GET', '/api/v1/session');
  expect(shown.body).toMatchObject({
    person: { personId: anna.preferred_username, name: 'Анна Петрова', role: 'manager' },
    hasPassword: false,
    needsSecondFactor: false,
    permissions: expect.arrayContaining(['inbox.list_messages']),
  });
  expect(await personOf(anna.preferred_username)).toMatchObject({
    state: 'active',
    links: [{ kind: 'identity', value: expect.stringMatching(/^[0-9a-f]{64}$/) }],
  });
  expect(await audited(anna.preferred_username)).toEqual(['session.add_person ok manager', 'session.log_in ok']);
  const again = await logIn(anna);
  expect((await again.ask('GET', '/api/v1/session')).body).toMatchObject({ person: { personId: anna.preferred_username } });
  expect((await ask('GET', '/api/v1/session')).status).toBe(200);
});

test('the browser is sent with PKCE, a state and a nonce, and keeps them where neither a page nor another site reads them', async () => {
  const begun = await fetch(`${it.origin}${startPath}`, { redirect: 'manual' });
  const sent = Object.fromEntries(new URL(begun.headers.get('location') ?? '').searchParams);
  expect(sent).toEqual({
    client_id: 'polyb',
    response_type: 'code',
    redirect_uri: `${it.origin}${returnPath}`,
    scope: 'openid profile roles',
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    code_challenge_method: 'S256',
    state: expect.stringMatching(/^[\w-]{43}$/),
    nonce: expect.stringMatching(/^[\w-]{43}$/),
  });
  const cookie = begun.headers.get('set-cookie') ?? '';
  expect(cookie).toMatch(/^polyb_log_in=[\w-]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/);
  for (const secret of [sent.state, sent.nonce])
    expect(Buffer.from(cookie.split(/[=;]/)[1] ?? '', 'base64url').includes(secret ?? '-')).toBe(false);
});

test('another role at the provider is in force with the next log-in, and earlier sessions end; without a role there is no session', async () => {
  const anna = account();
  const login = anna.preferred_username;
  const first = await logIn(anna);
  const second = await logIn({ ...anna, roles: ['heads'] });
  expect((await second.ask('GET', '/api/v1/session')).body).toMatchObject({ person: { role: 'director' } });
  await until(async () => (await first.ask('GET', '/api/v1/session')).status === 401 || null);
  const third = await logIn({ ...anna, roles: ['strangers'] });
  expect([reasonIn(third.at), third.cookie]).toEqual(['no_role', '']);
  await until(async () => (await second.ask('GET', '/api/v1/session')).status === 401 || null);
  expect(await audited(login)).toEqual([
    'session.add_person ok manager',
    'session.log_in ok',
    'session.change_role ok manager to director',
    'session.log_in ok',
    expect.stringMatching(/^session.log_in permission_denied no_role [0-9a-f]{64}$/),
  ]);
});

test('a stranger without a role is neither let in nor added', async () => {
  const stranger = account({ roles: [] });
  expect(reasonIn((await logIn(stranger)).at)).toBe('no_role');
  expect(await personOf(stranger.preferred_username)).toBeUndefined();
});

test('a login of another person is not taken over: an admin links it, and unlinks it', async () => {
  const anna = account();
  const personId = anna.preferred_username;
  await invited(personId);
  const refused = await logIn(anna);
  const { reason, login, identity = '' } = refusalIn(refused.at);
  expect([reason, login, refused.cookie]).toEqual(['login_taken', personId, '']);
  expect(await audited(personId)).toEqual([`session.log_in conflict login_taken ${identity}`]);
  expect(await personOf(personId)).toMatchObject({ state: 'invited', role: 'director' });
  const link = { personId, kind: 'identity', value: identity };
  await it.world.bus.call(people.link, link);
  const { ask } = await logIn(anna);
  expect((await ask('GET', '/api/v1/session')).body).toMatchObject({ person: { personId, name: 'Другая Анна', role: 'manager' } });
  await it.world.bus.call(people.unlink, link);
  expect(reasonIn((await logIn(anna)).at)).toBe('login_taken');
});

test('a login that cannot be one here, a disabled person and a person who declines are refused in words', async () => {
  expect(reasonIn((await logIn(account({ preferred_username: 'Анна Петрова' }))).at)).toBe('no_login');
  expect(reasonIn((await logIn(null)).at)).toBe('provider_refused');
  const anna = account();
  await logIn(anna);
  await it.world.bus.call(people.disable, { personId: anna.preferred_username });
  const refused = await logIn(anna);
  expect([reasonIn(refused.at), refused.cookie]).toEqual(['person_disabled', '']);
});

test('two first log-ins at once are of one person', async () => {
  const anna = account();
  provider.account = anna;
  const browsers = [newBrowser(), newBrowser(), newBrowser()];
  const ends: string[] = [];
  for (const browser of browsers) ends.push(await browser.begin());
  const at = await Promise.all(browsers.map((browser, n) => browser.go(ends[n] ?? '')));
  expect(at.map((address) => address.replace(it.origin, ''))).toEqual(['/desk/chats', '/desk/chats', '/desk/chats']);
  expect((await audited(anna.preferred_username)).filter((row) => row.startsWith('session.add_person'))).toHaveLength(1);
});

test('a log-in ends once, in the browser that began it, within ten minutes, with the code that was given to it', async () => {
  provider.account = account();
  const browser = newBrowser();
  const end = await browser.begin();
  // A page of somebody who wants another to be logged in as them.
  expect(reasonIn(await newBrowser().go(end))).toBe('log_in_lost');
  const kept = browser.cookieOf(it.origin);
  expect((await fetch(end, { method: 'HEAD', redirect: 'manual', headers: { cookie: kept } })).status).toBe(405);
  expect(await browser.go(end)).toBe(`${it.origin}/desk/chats`);
  expect(reasonIn(await browser.go(end))).toBe('log_in_lost');
  const replayed = await fetch(end, { redirect: 'manual', headers: { cookie: kept } });
  expect(reasonIn(replayed.headers.get('location') ?? '')).toBe('log_in_lost');
  expect(replayed.headers.getSetCookie().join()).not.toContain('polyb_session');

  const [one, two] = [newBrowser(), newBrowser()];
  const [stolen, own] = [new URL(await one.begin()), new URL(await two.begin())];
  own.searchParams.set('code', stolen.searchParams.get('code') ?? '');
  expect(reasonIn(await two.go(own.href))).toBe('log_in_lost');

  const attempt = { state: 'state', nonce: 'nonce', verifier: 'v'.repeat(43), to: '/desk/', until: Date.now() - 1 };
  const old = seal(JSON.stringify(attempt), secretKeyFrom('the key of the tests')('log_in'), 'gateway.log_in').toString('base64url');
  const late = await fetch(`${it.origin}${returnPath}?code=x&state=state`, {
    redirect: 'manual',
    headers: { cookie: `polyb_log_in=${old}` },
  });
  expect(reasonIn(late.headers.get('location') ?? '')).toBe('log_in_lost');
});

/** An end of a log-in at the hostile provider: its reply, and the query with which the browser comes back. */
async function hostileEnd(reply: (nonce: string) => string, query: Readonly<Record<string, string>> = {}, origin = other) {
  const browser = newBrowser();
  const begun = new URL(await browser.begin(origin)).searchParams;
  hostile.tokens = () => ({ body: reply(begun.get('nonce') ?? '') });
  const search = new URLSearchParams({ code: 'c', state: begun.get('state') ?? '', iss: hostile.issuer, ...query });
  const at = await browser.go(`${origin}${returnPath}?${search}`);
  return { at: at.replace(origin, ''), cookie: browser.cookieOf(origin) };
}
const now = () => Math.floor(Date.now() / 1000);
const right = () => ({ sub: `u ${ids.next().value}`, preferred_username: ids.next().value, roles: 'sales' });

test('a right reply is accepted, also from a clock that is a little off', async () => {
  for (const claims of [{}, { exp: now() - 10 }, { nbf: now() + 20, iat: now() + 20 }, { aud: ['polyb', 'other'], azp: 'polyb' }]) {
    const { at, cookie } = await hostileEnd((nonce) => hostile.tokenReply({ ...right(), nonce, ...claims }));
    expect([at, cookie]).toEqual(['/desk/chats', expect.stringContaining('polyb_session=')]);
  }
});

test.each<[string, (nonce: string) => string, Record<string, string>?]>([
  ['another nonce', () => hostile.tokenReply({ ...right(), nonce: 'another' })],
  ['no nonce', () => hostile.tokenReply(right())],
  ['a key that the provider does not publish', (nonce) => hostile.tokenReply({ ...right(), nonce }, { isForeign: true })],
  ['no signature', (nonce) => hostile.tokenReply({ ...right(), nonce }, { alg: 'none' })],
  ['the secret of the client as its key', (nonce) => hostile.tokenReply({ ...right(), nonce }, { alg: 'HS256' })],
  ['another issuer in the token', (nonce) => hostile.tokenReply({ ...right(), nonce, iss: 'https://id.example' })],
  ['another issuer in the address', (nonce) => hostile.tokenReply({ ...right(), nonce }), { iss: 'https://id.example' }],
  ['another audience', (nonce) => hostile.tokenReply({ ...right(), nonce, aud: 'other' })],
  ['an end an hour ago', (nonce) => hostile.tokenReply({ ...right(), nonce, exp: now() - 3_600 })],
  ['a beginning in an hour', (nonce) => hostile.tokenReply({ ...right(), nonce, nbf: now() + 3_600 })],
  ['no ID token', () => JSON.stringify({ access_token: 'opaque', token_type: 'Bearer' })],
  ['no JSON', () => '<html>'],
  ['a megabyte', (nonce) => hostile.tokenReply({ ...right(), nonce }).padEnd(1_000_000)],
])('a reply with %s is refused, without a session and a person', async (_, reply, query = {}) => {
  const before = await it.world.store.query('select from gateway.people');
  const { at, cookie } = await hostileEnd(reply, query);
  expect([refusalIn(at), cookie]).toEqual([{ refused: 'upstream_failed', reason: 'provider_reply' }, '']);
  expect(await it.world.store.query('select from gateway.people')).toHaveLength(before.length);
  expect(await it.world.store.query(`select from gateway.audit where reason = 'provider_reply'`)).not.toHaveLength(0);
});

test('a state that is not of this log-in, and a log-in that is repeated, never reach the provider', async () => {
  const asked = hostile.asked.length;
  const { at } = await hostileEnd((nonce) => hostile.tokenReply({ ...right(), nonce }), { state: 'another' });
  expect([reasonIn(at), hostile.asked.length]).toEqual(['log_in_lost', asked]);

  const browser = newBrowser();
  const begun = new URL(await browser.begin(other)).searchParams;
  const cookie = browser.cookieOf(other);
  hostile.tokens = () => ({ body: hostile.tokenReply({ ...right(), nonce: begun.get('nonce') }) });
  const search = new URLSearchParams({ code: 'c', state: begun.get('state') ?? '', iss: hostile.issuer });
  const end = () => fetch(`${other}${returnPath}?${search}`, { redirect: 'manual', headers: { cookie } });
  expect((await end()).headers.getSetCookie().join()).toContain('polyb_session=');
  expect(reasonIn((await end()).headers.get('location') ?? '')).toBe('log_in_lost');
  expect(hostile.asked).toHaveLength(asked + 1);
});

test('neither a token, nor a code, nor the secret of the client is in a log or in the database', async () => {
  const subject = { ...right(), email: 'canary@company.example' };
  const tokens: string[] = [];
  const kept = (reply: string) => {
    tokens.push(...reply.split('"').filter((part) => part.length > 100));
    return reply;
  };
  await hostileEnd((nonce) => kept(hostile.tokenReply({ ...subject, nonce })));
  await hostileEnd(() => kept(hostile.tokenReply({ ...subject, nonce: 'another' })));
  const { rows } = {
    rows: await it.world.store.query<{ row: string }>(
      'select p::text as row from gateway.people p union all select a::text from gateway.audit a',
    ),
  };
  const written = JSON.stringify([rows, it.world.logged]);
  expect(written).toContain('provider_reply');
  expect(tokens).toHaveLength(2);
  for (const secret of [...tokens, ...tokens.flatMap((token) => token.split('.')), testClient.client_secret, 'canary'])
    expect(written).not.toContain(secret);
});

test.each([
  ['/desk/chats?waiting=1', '/desk/chats?waiting=1'],
  ['/desk/a b"<', '/desk/a%20b%22%3C'],
  ['https://evil.example/desk/', '/desk/'],
  ['//evil.example/desk/', '/desk/'],
  ['/\\evil.example/desk/', '/desk/'],
  ['/desk/..//evil.example', '/desk/'],
  ['/desk/%2e%2e//evil.example', '/desk/'],
  ['/desk/../api/v1/session', '/desk/'],
  ['javascript:alert(1)', '/desk/'],
  ['/desk/\r\nset-cookie: a=b', '/desk/set-cookie:%20a=b'],
  [`/desk/${'я'.repeat(100)}`, '/desk/'],
  [['/desk/a', '/desk/b'], '/desk/'],
  [undefined, '/desk/'],
])('a log-in asked to end at %j ends at %s', (to, path) => {
  expect(deskPath(to)).toBe(path);
});

test('while the provider is away a page says so, and a password lets in', async () => {
  const closed = await freePort();
  const token = await invited('parole');
  const { origin, hosted } = await it.startGateway(settingsOf(`http://127.0.0.1:${closed}`));
  const { at } = await logIn(account(), origin);
  expect(at).toBe('/desk/chats?waiting=1#refused=unavailable&reason=provider_away');
  const accepted = await http(origin)('POST', '/api/v1/session/accept', { token, password: 'correct horse battery' }, sameOrigin);
  expect(accepted.status).toBe(200);
  // The provider is asked anew with each log-in, until it responds.
  const later = await testIdentityProvider({ port: closed, redirectUris: [`${origin}${returnPath}`], logOutUris: [] });
  provider.account = null;
  later.account = account();
  expect(await newBrowser().go(`${origin}${startPath}`)).toBe(`${origin}/desk/`);
  await Promise.all([later.stop(), hosted.stop(0)]);
});

test('a plain http issuer that HTTP_ALLOW_PRIVATE does not list is never asked', async () => {
  const { origin, hosted } = await it.startGateway(settingsOf(hostile.issuer, { HTTP_ALLOW_PRIVATE: 'http://127.0.0.1:1' }));
  expect(reasonIn((await logIn(null, origin)).at)).toBe('provider_away');
  expect(it.world.logged.map(({ facts }) => JSON.stringify(facts)).join()).toContain('HTTP_ALLOW_PRIVATE');
  await hosted.stop(0);
});

test('a discovery document of another issuer, or one that leads elsewhere, is refused', async () => {
  const { origin, hosted } = await it.startGateway(settingsOf(hostile.issuer));
  hostile.metadata = { issuer: 'https://id.example' };
  expect(reasonIn((await logIn(null, origin)).at)).toBe('provider_reply');
  hostile.metadata = { token_endpoint: 'http://169.254.169.254/token' };
  expect(reasonIn((await hostileEnd(() => '{}', {}, origin)).at)).toBe('provider_away');
  await hosted.stop(0);
});

test('with passwords off only the provider lets in, and without a provider the gateway does not start', async () => {
  const { origin, hosted } = await it.startGateway({ PEOPLE_PASSWORDS: 'false' });
  const token = await invited('nopassword');
  const off = { status: 403, body: { reason: 'passwords_off' } };
  expect(await http(origin)('POST', '/api/v1/session', { login: 'a', password: 'b' }, sameOrigin)).toMatchObject(off);
  expect(await http(origin)('POST', '/api/v1/session/accept', { token, password: 'correct horse battery' }, sameOrigin)).toMatchObject(off);
  const page = await fetch(`${origin}/desk/`);
  expect(await page.text()).toContain(`<meta name="identity-provider" data-passwords="false" content="${new URL(provider.issuer).host}">`);
  await hosted.stop(0);
  await expect(it.startGateway({ PEOPLE_PASSWORDS: 'false', IDENTITY_KIND: 'none' })).rejects.toMatchObject({ reason: 'bad_settings' });
});

test('the second factor is the provider’s: none is set up here, and its proof can be required', async () => {
  const { origin, hosted } = await it.startGateway(settingsOf(hostile.issuer, { PEOPLE_SECOND_FACTOR: 'true', OIDC_AMR: 'mfa,otp' }));
  const end = (amr: unknown) => hostileEnd((nonce) => hostile.tokenReply({ ...right(), nonce, amr }), {}, origin);
  for (const amr of [undefined, 'pwd', ['pwd'], []]) expect(reasonIn((await end(amr)).at)).toBe('provider_second_factor');
  const { cookie } = await end(['pwd', 'otp']);
  const shown = await http(origin)('GET', '/api/v1/session', undefined, { cookie });
  expect(shown.body).toMatchObject({ needsSecondFactor: false, permissions: expect.arrayContaining(['people.permissions']) });
  await hosted.stop(0);
});

test('who logs out is led to the end of their session at the provider; a person with a password is not', async () => {
  const { ask } = await logIn(account());
  const left = (await ask('DELETE', '/api/v1/session')).body as { providerLogOut: string };
  const address = new URL(left.providerLogOut);
  expect([address.origin, Object.fromEntries(address.searchParams)]).toEqual([
    provider.issuer,
    { client_id: 'polyb', post_logout_redirect_uri: `${it.origin}/desk/` },
  ]);
  expect((await fetch(address)).status).toBe(200);
  expect((await ask('GET', '/api/v1/session')).status).toBe(401);
  const token = await invited('leaver');
  const accepted: Answered = await http(it.origin)(
    'POST',
    '/api/v1/session/accept',
    { token, password: 'correct horse battery' },
    sameOrigin,
  );
  const cookie = (accepted.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  expect((await http(it.origin)('DELETE', '/api/v1/session', undefined, { cookie, ...sameOrigin })).body).toEqual({ providerLogOut: null });
});

test('over plain http from elsewhere nobody is sent to the provider, and over https the cookies are of this host alone', async () => {
  const { origin, hosted } = await it.startGateway(settingsOf(hostile.issuer, { GATEWAY_TRUSTED_PROXIES: '127.0.0.1' }));
  const from = (headers: Record<string, string>) => fetch(`${origin}${startPath}`, { redirect: 'manual', headers });
  const plain = await from({ 'x-forwarded-for': '10.0.0.9' });
  expect(reasonIn(plain.headers.get('location') ?? '')).toBe('plain_http');
  const safe = await from({ 'x-forwarded-for': '10.0.0.9', 'x-forwarded-proto': 'https' });
  expect(safe.headers.get('set-cookie')).toMatch(/^__Host-polyb-log-in=[\w-]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/);
  await hosted.stop(0);
});

test('one address may try 300 times in 15 minutes, and others go on', async () => {
  const { origin, hosted } = await it.startGateway(settingsOf(hostile.issuer, { GATEWAY_TRUSTED_PROXIES: '127.0.0.1' }));
  const from = async (address: string) =>
    (
      await fetch(`${origin}${startPath}`, { redirect: 'manual', headers: { 'x-forwarded-for': address, 'x-forwarded-proto': 'https' } })
    ).headers.get('location') ?? '';
  const at = await Promise.all(Array.from({ length: 310 }, () => from('10.0.0.1')));
  expect(at.filter((location) => location.startsWith(hostile.issuer)).length).toBeGreaterThanOrEqual(300);
  expect(await from('10.0.0.1')).toBe('/desk/#refused=resource_exhausted&reason=rate_limited');
  expect(await from('10.0.0.2')).toContain(hostile.issuer);
  await hosted.stop(0);
});
