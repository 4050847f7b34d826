import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inbox } from '../../../contracts/inbox.ts';
import type { PersonRole } from '../../../contracts/kit/define.ts';
import { people } from '../../../contracts/people.ts';
import { type Answered, type GatewayWorld, gatewayWorld, http, sameOrigin } from '../../../test/kit/gateway.ts';
import { until } from '../../../test/kit/world.ts';
import { codeAt } from './second-factor.ts';

let it: GatewayWorld;
beforeAll(async () => {
  it = await gatewayWorld(['journal', 'collector', 'call-orchestrator', 'telephony-gateway', 'crm-connector']);
});
afterAll(() => it?.stop());

const password = 'корова прыгает высоко';
const ids = Array.from({ length: 200 }, (_, n) => `p${n}`).values();
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function invited(role: PersonRole, personId = ids.next().value ?? '') {
  const token = randomBytes(32).toString('base64url');
  await it.world.bus.call(people.invite, { personId, name: `Анна ${personId}`, role, tokenHash: sha256(token) });
  return { personId, token };
}
const cookieOf = ({ headers }: Answered): string => (headers.get('set-cookie') ?? '').split(';')[0] ?? '';
/** Asks as a browser that is logged in. */
const browser =
  (cookie: string, origin = it.origin) =>
  (verb: string, path: string, body?: unknown, headers: Record<string, string> = sameOrigin) =>
    http(origin)(verb, path, body, { cookie, ...headers });
async function person(role: PersonRole) {
  const { personId, token } = await invited(role);
  const accepted = await http(it.origin)('POST', '/api/v1/session/accept', { token, password }, sameOrigin);
  expect(accepted.status).toBe(200);
  return { personId, cookie: cookieOf(accepted), ask: browser(cookieOf(accepted)) };
}
const logIn = (login: string, given: string, code?: string, headers: Record<string, string> = sameOrigin) =>
  http(it.origin)('POST', '/api/v1/session', { login, password: given, ...(code === undefined ? {} : { code }) }, headers);
const words = ({ status, body }: Answered) => {
  const { requestId: _, instance: __, ...rest } = body as Record<string, unknown>;
  return { status, rest };
};

test('an invited person chooses a password once, and logs in with it', async () => {
  const { personId, token } = await invited('manager');
  const [listed] = (await it.world.bus.call(people.list_people, { limit: 200 })).items.filter((each) => each.personId === personId);
  expect(listed).toMatchObject({ state: 'invited', role: 'manager', lastSeenAt: null });
  const accepted = await http(it.origin)('POST', '/api/v1/session/accept', { token, password }, sameOrigin);
  expect(accepted.body).toMatchObject({ person: { personId, role: 'manager' }, needsSecondFactor: false });
  expect(accepted.headers.get('set-cookie')).toMatch(/^polyb_session=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax$/);
  const again = await http(it.origin)('POST', '/api/v1/session/accept', { token, password: 'другой пароль, длинный' }, sameOrigin);
  expect(again).toMatchObject({ status: 409, body: { reason: 'invitation_over' } });
  const logged = await logIn(` ${personId.toUpperCase()} `, password);
  expect(logged.status).toBe(200);
  const shown = await browser(cookieOf(logged))('GET', '/api/v1/session');
  expect(shown.body).toMatchObject({ person: { personId }, permissions: expect.arrayContaining(['inbox.list_messages']) });
  expect((shown.body as { permissions: string[] }).permissions).not.toContain('people.invite');
});

test('the token of the cookie and the password are nowhere in the database', async () => {
  const { cookie } = await person('manager');
  const token = cookie.split('=')[1] ?? '';
  const rows = await it.world.store.query<{ row: string }>(
    'select p::text as row from gateway.people p union all select s::text from gateway.sessions s union all select a::text from gateway.audit a',
  );
  const stored = rows.map(({ row }) => row).join('\n');
  expect(stored).toContain('argon2id$19456,2,1$');
  for (const secret of [token, password, Buffer.from(token, 'base64url').toString('hex')]) expect(stored).not.toContain(secret);
});

test('a wrong name, a wrong password, an invited and a disabled person, and a missing code are refused in the same words and no sooner', async () => {
  const { personId } = await person('manager');
  const gone = await person('manager');
  await it.world.bus.call(people.disable, { personId: gone.personId });
  const guarded = await withSecondFactor();
  const { personId: fresh } = await invited('manager');
  const tried = await Promise.all(
    [
      [personId, 'wrong'],
      ['nobody', password],
      ['<img onerror>', password],
      [gone.personId, password],
      [fresh, password],
      [guarded.personId, password],
      [guarded.personId, password, '000000'],
    ].map(async ([login = '', given = '', code]) => {
      const began = performance.now();
      const answered = await logIn(login, given, code);
      return { answered, ms: performance.now() - began };
    }),
  );
  for (const { answered, ms } of tried) {
    expect(words(answered)).toEqual(words(tried[0]?.answered as Answered));
    expect(ms).toBeGreaterThan(399);
  }
  expect(tried[0]?.answered).toMatchObject({ status: 401, body: { reason: 'log_in_refused' } });
});

async function withSecondFactor() {
  const { personId, ask } = await person('director');
  const { uri } = (await ask('POST', '/api/v1/session/second-factor')).body as { uri: string };
  const secret = fromBase32(new URL(uri).searchParams.get('secret') ?? '');
  const step = Math.floor(Date.now() / 30_000);
  const confirmed = await ask('POST', '/api/v1/session/second-factor/confirm', { code: codeAt(secret, step - 1) });
  return { personId, ask, secret, step, recoveryCodes: (confirmed.body as { recoveryCodes: string[] }).recoveryCodes };
}
function fromBase32(text: string): Buffer {
  const bits = [...text].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

test('a code of the app lets in once, and so does each recovery code', async () => {
  const { personId, secret, step, recoveryCodes } = await withSecondFactor();
  const now = codeAt(secret, step);
  expect((await logIn(personId, password, now)).status).toBe(200);
  expect((await logIn(personId, password, now)).status).toBe(401);
  const [code = ''] = recoveryCodes;
  expect(recoveryCodes).toHaveLength(10);
  expect((await logIn(personId, password, code.toUpperCase())).status).toBe(200);
  expect((await logIn(personId, password, code)).status).toBe(401);
});

test('without the second factor that the system requires, a person may only set it up', async () => {
  const { personId } = await person('admin');
  const { hosted, origin } = await it.startGateway({ PEOPLE_SECOND_FACTOR: 'true' });
  const logged = await http(origin)('POST', '/api/v1/session', { login: personId, password }, sameOrigin);
  expect(logged.body).toMatchObject({ needsSecondFactor: true, permissions: [] });
  const ask = browser(cookieOf(logged), origin);
  expect(await ask('GET', '/api/v1/people')).toMatchObject({ status: 403, body: { reason: 'second_factor_required' } });
  const { uri } = (await ask('POST', '/api/v1/session/second-factor')).body as { uri: string };
  const code = codeAt(fromBase32(new URL(uri).searchParams.get('secret') ?? ''), Math.floor(Date.now() / 30_000));
  expect((await ask('POST', '/api/v1/session/second-factor/confirm', { code })).status).toBe(200);
  expect((await ask('GET', '/api/v1/people')).status).toBe(200);
  await hosted.stop(0);
});

test('a change with the cookie is refused unless the page is ours', async () => {
  const { ask } = await person('admin');
  const change = (headers: Record<string, string>) => ask('POST', '/api/v1/journal/row_none/reject', { why: 'x' }, headers);
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    {},
  ] as Record<string, string>[])
    expect(await change(headers)).toMatchObject({ status: 403, body: { reason: 'cross_site' } });
  for (const headers of [sameOrigin, { 'sec-fetch-site': 'none' }, { origin: it.origin }] as Record<string, string>[])
    expect((await change(headers)).status).toBe(404);
  const forged = await logIn('nobody', password, undefined, { origin: 'https://evil.example' });
  expect(forged).toMatchObject({ status: 403, body: { reason: 'cross_site' } });
});

test.each([
  ['manager', 'GET', '/api/v1/messages', 200],
  ['manager', 'GET', '/api/v1/sandbox/pending', 200],
  ['manager', 'GET', '/api/v1/people', 403],
  ['manager', 'GET', '/api/v1/keys', 403],
  ['manager', 'POST', '/api/v1/people/none/disable', 403],
  ['director', 'GET', '/api/v1/people', 200],
  ['director', 'POST', '/api/v1/people/none/disable', 403],
  ['admin', 'POST', '/api/v1/people/none/disable', 404],
  ['admin', 'GET', '/api/v1/keys', 200],
  ['operator', 'GET', '/api/v1/journal', 200],
  ['operator', 'GET', '/api/v1/sandbox/pending', 200],
  ['operator', 'POST', '/api/v1/sandbox/row_none/approve', 403],
  ['operator', 'GET', '/api/v1/keys', 403],
  ['admin', 'GET', '/api/v1/webhooks', 403],
] as const)('as %s, %s %s answers %i', async (role, verb, path, status) => {
  const { ask } = await person(role);
  const answered = await ask(verb, path, verb === 'POST' ? {} : undefined);
  expect(answered.status).toBe(status);
  if (status === 403) expect(answered.body).toMatchObject({ code: 'permission_denied', reason: 'role' });
});

test('a disabled person, one with another role, and one whose session was ended are out at once, in every gateway', async () => {
  const other = await it.startGateway();
  const acts = [
    (personId: string) => it.world.bus.call(people.disable, { personId }),
    (personId: string) => it.world.bus.call(people.set_role, { personId, role: 'director' }),
    async (personId: string) => {
      const [session] = (await it.world.bus.call(people.list_sessions, { personId })).items;
      await it.world.bus.call(people.end_session, { sessionId: session?.sessionId ?? '' });
    },
  ];
  for (const act of acts) {
    const { personId, cookie } = await person('manager');
    for (const origin of [it.origin, other.origin]) expect((await browser(cookie, origin)('GET', '/api/v1/calls')).status).toBe(200);
    await act(personId);
    for (const origin of [it.origin, other.origin])
      await until(async () => (await browser(cookie, origin)('GET', '/api/v1/calls')).status === 401 || null, 2_500);
    expect((await it.world.bus.call(people.list_sessions, { personId })).items).toEqual([]);
  }
  await other.hosted.stop(0);
});

test('who logs out, or changes the password, ends sessions; the stream of an ended session closes', async () => {
  const { personId, cookie, ask } = await person('manager');
  const second = await logIn(personId, password);
  const stream = await fetch(`${it.origin}/api/v1/stream?topics=approvals`, { headers: { cookie: cookieOf(second) } });
  expect(stream.status).toBe(200);
  expect(await ask('POST', '/api/v1/session/password', { current: 'wrong', next: 'новый длинный пароль' })).toMatchObject({
    status: 400,
    body: { reason: 'wrong_password' },
  });
  expect((await ask('POST', '/api/v1/session/password', { current: password, next: 'новый длинный пароль' })).status).toBe(200);
  await stream.text(); // Ends only if the server ends it.
  expect((await browser(cookieOf(second))('GET', '/api/v1/session')).status).toBe(401);
  expect((await browser(cookie)('GET', '/api/v1/session')).status).toBe(200);
  const left = await ask('DELETE', '/api/v1/session');
  expect(left.headers.get('set-cookie')).toContain('Max-Age=0');
  expect((await browser(cookie)('GET', '/api/v1/session')).status).toBe(401);
  expect((await logIn(personId, password)).status).toBe(401);
});

test('too many guesses for one person close neither the person’s own address nor other people out', async () => {
  const { personId } = await person('manager');
  const other = await person('manager');
  const from = (address: string) => ({ ...sameOrigin, 'x-forwarded-for': address });
  const { hosted, origin } = await it.startGateway({ GATEWAY_TRUSTED_PROXIES: '127.0.0.1' });
  const tryFrom = (address: string, login: string, given: string) =>
    http(origin)('POST', '/api/v1/session', { login, password: given }, { ...from(address), 'x-forwarded-proto': 'https' });
  expect((await tryFrom('10.0.0.1', personId, password)).status).toBe(200);
  const guesses = Array.from({ length: 60 }, (_, n) => tryFrom(`10.1.0.${n % 6}`, personId, `guess ${n}`));
  for (const { status } of await Promise.all(guesses)) expect(status).toBe(401);
  // Even the right password does not let the guesser's address in now.
  expect((await tryFrom('10.1.0.1', personId, password)).status).toBe(401);
  expect((await tryFrom('10.0.0.1', personId, password)).status).toBe(200);
  expect((await tryFrom('10.1.0.1', other.personId, password)).status).toBe(200);
  await hosted.stop(0);
});

test('over plain http from elsewhere no password is taken', async () => {
  const { hosted, origin } = await it.startGateway({ GATEWAY_TRUSTED_PROXIES: '127.0.0.1' });
  const answered = await http(origin)(
    'POST',
    '/api/v1/session',
    { login: 'anna', password },
    { ...sameOrigin, 'x-forwarded-for': '10.0.0.9' },
  );
  expect(answered).toMatchObject({ status: 409, body: { reason: 'plain_http' } });
  const { token } = await invited('manager');
  const secure = { ...sameOrigin, 'x-forwarded-for': '10.0.0.9', 'x-forwarded-proto': 'https' };
  const accepted = await http(origin)('POST', '/api/v1/session/accept', { token, password }, secure);
  expect(accepted.headers.get('set-cookie')).toMatch(/^__Host-polyb=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure$/);
  await hosted.stop(0);
});

test('the last admin stays, and a link belongs to one person', async () => {
  const admins = (await it.world.bus.call(people.list_people, { role: 'admin', limit: 200 })).items;
  const [kept, ...others] = [...admins.filter(({ state }) => state === 'active').map(({ personId }) => personId)];
  for (const personId of others) await it.world.bus.call(people.set_role, { personId, role: 'director' });
  const refused = { code: 'failed_precondition', reason: 'last_admin' };
  await expect(it.world.bus.call(people.disable, { personId: kept ?? '' })).rejects.toMatchObject(refused);
  await expect(it.world.bus.call(people.set_role, { personId: kept ?? '', role: 'manager' })).rejects.toMatchObject(refused);
  const [one, two] = [await invited('manager'), await invited('manager')];
  const link = { kind: 'telegram' as const, value: '4242' };
  expect(await it.world.bus.call(people.link, { personId: one.personId, ...link })).toMatchObject({ links: [link] });
  await expect(it.world.bus.call(people.link, { personId: two.personId, ...link })).rejects.toMatchObject({
    code: 'conflict',
    reason: 'link_taken',
  });
  expect(await it.world.bus.call(people.unlink, { personId: one.personId, ...link })).toMatchObject({ links: [] });
  expect(await it.world.bus.call(people.link, { personId: two.personId, ...link })).toMatchObject({ links: [link] });
});

test('a key that is linked to a person acts as that person', async () => {
  const { keyId, key } = await it.key(['admin']);
  const { personId } = await invited('manager');
  await it.world.bus.call(people.link, { personId, kind: 'key', value: keyId });
  await http(it.origin, key)('POST', '/api/v1/people/none/disable', {});
  const audited = await it.world.store.query('select person from gateway.audit where key_id = $1', [keyId]);
  expect(audited).toEqual([{ person: personId }]);
});

test('what a person changes is in the audit with their name', async () => {
  const { personId, ask } = await person('admin');
  await ask('POST', '/api/v1/people/none/disable', {});
  const { body } = await ask('GET', '/api/v1/audit?client=staff&limit=200');
  const own = (body as { items: { person: string; method: string; code: string; target: string | null }[] }).items.filter(
    (each) => each.person === personId,
  );
  expect(own.map(({ method, code, target }) => [method, code, target])).toEqual([
    ['people.disable', 'not_found', 'none'],
    ['session.log_in', 'ok', null],
  ]);
});

test('an operator is shown no name, phone or text, until they ask for it, and the audit has that', async () => {
  const canary = { name: 'Канарейка Жёлтая', phoneNumber: '+79990001122', text: 'Мой пароль от шкафа 7788' };
  const words = ['Канарейка', '79990001122', '7788'];
  await it.world.bus.call(inbox.put_message, { from: 'canary', ...canary }, { key: 'canary-1' });
  const operator = await person('operator');
  const director = await person('director');
  for (const path of ['/api/v1/messages?limit=200', '/api/v1/clients?limit=200']) {
    const [masked, whole] = await Promise.all([operator.ask('GET', path), director.ask('GET', path)]);
    expect([masked.status, whole.status]).toEqual([200, 200]);
    for (const word of words) expect(JSON.stringify(masked.body)).not.toContain(word);
    expect(JSON.stringify(whole.body)).toContain('Канарейка');
  }
  const asked = await operator.ask('GET', '/api/v1/messages?limit=200', undefined, { 'x-show-personal-data': 'yes' });
  expect(JSON.stringify(asked.body)).toContain('7788');
  const shown = await it.world.store.query('select method from gateway.audit where person = $1 and reason = $2', [
    operator.personId,
    'personal_data_shown',
  ]);
  expect(shown).toEqual([{ method: 'inbox.list_messages' }]);
  const [row] = await it.world.store.query<{ id: string }>('select id from journal.rows limit 1');
  const id = row?.id ?? '';
  for (const reveal of [false, true]) expect((await operator.ask('GET', `/api/v1/journal/${id}?reveal=${reveal}`)).status).toBe(200);
  const revealed = await it.world.store.query('select target from gateway.audit where person = $1 and method = $2', [
    operator.personId,
    'journal.get',
  ]);
  expect(revealed).toEqual([{ target: id }]);
});
