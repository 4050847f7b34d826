import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestStore, testStore } from '../test/kit/store.ts';
import type { Database, Http, Log } from './deps.ts';
import { type FakeServer, fakeServer } from './fake-server.ts';
import { createHttp } from './http.ts';
import { connectionState, type OAuthProvider, type TokenPace, tokenStore, withAccess } from './oauth.ts';

let store: TestStore;
let server: FakeServer;
let http: Http & { close(): Promise<void> };
/** The one refresh token of each account that works, by connection. */
const alive = new Map<string, string>();
let issued = 0;
const secrets: string[] = [];

beforeAll(async () => {
  store = await testStore();
  server = await fakeServer({}, ({ path, body }) => {
    const { code, refresh_token: token } = JSON.parse(body) as { code?: string; refresh_token?: string };
    if (code !== 'consent' && (token === undefined || alive.get(path) !== token))
      return { status: 401, body: { hint: 'Token has been revoked', status: 401 } };
    issued += 1;
    const pair = { access_token: `access-${issued}-of-${path}`, refresh_token: `refresh-${issued}-of-${path}` };
    secrets.push(pair.access_token, pair.refresh_token);
    alive.set(path, pair.refresh_token);
    return { body: { ...pair, expires_in: 86_400 } };
  });
  http = createHttp({ allowPrivate: [server.url] });
});
afterAll(async () => {
  await http.close();
  await server.close();
  await store.close();
});

const { signal } = new AbortController();
const key = randomBytes(32);
const dayMs = 86_400_000;
const lines: string[] = [];
const log = Object.fromEntries(
  ['debug', 'info', 'warn', 'error'].map((level) => [level, (facts: object, text: string) => lines.push(JSON.stringify([facts, text]))]),
) as unknown as Log;
let named = 0;

/** A connection of its own, with a clock that stops. */
function account(connection = `c${++named}`) {
  let now = Date.UTC(2030, 0, 31, 10);
  const provider: OAuthProvider = {
    vendor: 'fake',
    request: (grant, _, at) =>
      http({
        method: 'POST',
        url: `${server.url}/${connection}`,
        body: JSON.stringify(grant.type === 'refresh_token' ? { refresh_token: grant.refreshToken } : { code: grant.code }),
        signal: at,
      }),
    tokensIn: (body) => {
      const { access_token, refresh_token, expires_in } = body as Record<string, string>;
      return access_token && refresh_token
        ? { accessToken: access_token, refreshToken: refresh_token, expiresInMs: Number(expires_in) * 1000 }
        : null;
    },
  };
  return {
    connection,
    provider,
    /** The store of another process. */
    process({
      db = store.db,
      secretKey = key,
      ask = provider.request,
      problemOf = () => undefined,
      ...pace
    }: Partial<TokenPace> & {
      db?: Database;
      secretKey?: Buffer;
      ask?: OAuthProvider['request'];
      problemOf?: OAuthProvider['problemOf'];
    } = {}) {
      return tokenStore(
        { ...provider, request: ask, problemOf },
        { db, now: () => now, log, connection, secretKey: () => secretKey },
        { leaseMs: 60_000, waitMs: 10_000, pollMs: 5, requestMs: 5_000, retryMs: 0, ...pace },
      );
    },
    later(ms: number) {
      now += ms;
    },
    asked: () => server.seen.filter(({ path }) => path === connection).length,
    on: `POST ${connection}`,
    state: () => connectionState(store.db, { connection, vendor: 'fake' }, () => now),
    /** Changes the row as another process would. */
    set: (what: string) => store.db.query(`update crm_connector.tokens set ${what} where connection = '${connection}'`),
  };
}
/** A connection whose access token has expired; a person consented a day ago. */
async function expired() {
  const it = account();
  await it.process().connect({ code: 'consent' }, signal);
  it.later(dayMs);
  return { ...it, asked: () => it.asked() - 1 };
}
const refused = { code: 'failed_precondition', reason: 'reauthorise', outcome: 'not_executed' };

test('50 calls at once on an expired token in two processes send one refresh', async () => {
  const it = await expired();
  const processes = [it.process(), it.process()];
  const all = await Promise.all(Array.from({ length: 50 }, (_, nth) => processes[nth % 2]?.access({ signal })));
  expect(it.asked()).toBe(1);
  expect(new Set(all.map((each) => each?.accessToken))).toEqual(new Set([`access-${issued}-of-${it.connection}`]));
});

test('control: without the lock two processes refresh at once', async () => {
  const it = await expired();
  const both = Promise.withResolvers<void>();
  let asking = 0;
  const ask: OAuthProvider['request'] = async (...at) => {
    asking += 1;
    if (asking === 2) both.resolve();
    await both.promise;
    return it.provider.request(...at);
  };
  const processes = [it.process({ ask, leaseMs: 0 }), it.process({ ask, leaseMs: 0 })];
  await Promise.allSettled(Array.from({ length: 50 }, (_, nth) => processes[nth % 2]?.access({ signal })));
  expect(it.asked()).toBeGreaterThan(1);
});

test('a token is refreshed 60 s before it expires, and not before', async () => {
  const it = account();
  const process = it.process();
  await process.connect({ code: 'consent' }, signal);
  const first = await process.access({ signal });
  it.later(dayMs - 60_001);
  expect(await process.access({ signal })).toEqual(first);
  it.later(1);
  expect((await process.access({ signal })).accessToken).not.toBe(first.accessToken);
  expect(it.asked()).toBe(2);
});

test('the lock of a dead process holds until its lease ends', async () => {
  const it = await expired();
  await it.set(`locked_by = 'dead', locked_until = now() + interval '1 hour'`);
  await expect(it.process({ waitMs: 0 }).access({ signal })).rejects.toMatchObject({ code: 'unavailable', outcome: 'not_executed' });
  expect(it.asked()).toBe(0);
  await it.set('locked_until = now()');
  await it.process({ waitMs: 0 }).access({ signal });
  expect(it.asked()).toBe(1);
});

/** A database in which `then` happens once, right after the first statement that matches. */
function after(statement: RegExp, then: () => Promise<unknown>): Database {
  let isDone = false;
  return {
    ...store.db,
    async query<Row>(text: string, values?: readonly unknown[]) {
      const found = await store.db.query<Row>(text, values);
      if (!isDone && statement.test(text)) {
        isDone = true;
        await then();
      }
      return found;
    },
  };
}
test('a process reads what another has stored before it got the lock', async () => {
  const it = await expired();
  const process = it.process({ db: after(/^select/, () => it.process().access({ signal })) });
  await process.access({ signal });
  expect(it.asked()).toBe(1);
});

test('a process reads what another has stored when its wait for the lock ran out', async () => {
  const it = await expired();
  await it.set(`locked_by = 'other', locked_until = now() + interval '1 hour'`);
  const other = async () => {
    await it.set('locked_by = null, locked_until = null');
    await it.process().access({ signal });
  };
  const process = it.process({ waitMs: 0, db: after(/^update .* set locked_by = \$3/, other) });
  expect((await process.access({ signal })).accessToken).toBe(`access-${issued}-of-${it.connection}`);
  expect(it.asked()).toBe(1);
});

test('a token that is about to expire serves while another process refreshes it', async () => {
  const it = account();
  await it.process().connect({ code: 'consent' }, signal);
  const old = await it.process().access({ signal });
  it.later(dayMs - 1000);
  await it.set(`locked_by = 'other', locked_until = now() + interval '1 hour'`);
  expect(await it.process().access({ signal })).toEqual(old);
  it.later(1000);
  await expect(it.process({ waitMs: 0 }).access({ signal })).rejects.toMatchObject({ code: 'unavailable' });
});

test('a process killed between the reply and its commit costs one more refresh, then the connection waits for a person without a request', async () => {
  const it = await expired();
  const at = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const program = `
    const { openPostgres } = await import(${at('store/postgres.ts')});
    const { tokenStore } = await import(${at('oauth.ts')});
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const request = async (grant) => {
      await (await fetch('${server.url}/${it.connection}', { method: 'POST', body: JSON.stringify({ refresh_token: grant.refreshToken }) })).text();
      process.kill(process.pid, 'SIGKILL');
    };
    const db = openPostgres({ url: '${store.url}', name: 'killed', log });
    const secretKey = () => Buffer.from('${key.toString('hex')}', 'hex');
    const deps = { db, now: () => ${Date.UTC(2030, 1, 2)}, log, connection: '${it.connection}', secretKey };
    await tokenStore({ vendor: 'fake', request, tokensIn: () => null }, deps).access({ signal: new AbortController().signal });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
  expect(it.asked()).toBe(1);
  const successor = it.process({ waitMs: 0 });
  await expect(successor.access({ signal })).rejects.toMatchObject({ code: 'unavailable' });
  await it.set('locked_until = now()');
  for (let call = 0; call < 3; call += 1) await expect(successor.access({ signal })).rejects.toMatchObject(refused);
  expect(it.asked()).toBe(2);
  expect(await it.state()).toMatchObject({ state: 'needs_reauthorisation', until: null });
});

test.each([400, 401])('a refresh refused in JSON with %d is the last request until a person connects again', async (status) => {
  const it = await expired();
  server.order({ do: 'refuse', on: it.on, status, body: { title: 'Некорректный запрос', hint: 'Token has been revoked', status } });
  for (const process of [it.process(), it.process()])
    for (let call = 0; call < 3; call += 1) await expect(process.access({ signal })).rejects.toMatchObject(refused);
  expect(it.asked()).toBe(1);
  const process = it.process();
  await process.connect({ code: 'consent' }, signal);
  expect(await it.state()).toMatchObject({ state: 'ok' });
  expect((await process.access({ signal })).accessToken).toBe(`access-${issued}-of-${it.connection}`);
});

test('a connection that nobody has connected asks for a person', async () => {
  const it = account();
  await expect(it.process().access({ signal })).rejects.toMatchObject(refused);
  await expect(it.process().connect({ code: 'old' }, signal)).rejects.toMatchObject(refused);
  expect(await it.state()).toMatchObject({ state: 'needs_reauthorisation' });
});

const html = '<html><body>Forbidden</body></html>';
test.each([
  ['403 with a page', 403, html],
  ['403 with JSON', 403, { title: 'Forbidden' }],
  ['401 with a page', 401, html],
  ['400 without a body', 400, undefined],
  ['200 with a page', 200, html],
])('%s blocks the connection for a while, and its refresh token works afterwards', async (_, status, body) => {
  const it = await expired();
  server.order({ do: 'refuse', on: it.on, status, body });
  const process = it.process();
  for (let call = 0; call < 3; call += 1)
    await expect(process.access({ signal })).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'blocked',
      outcome: 'not_executed',
      retryAfterMs: 600_000,
    });
  expect(it.asked()).toBe(1);
  const { state, until } = await it.state();
  expect(state).toBe('blocked');
  it.later(600_000);
  expect(await it.state()).toMatchObject({ state: 'ok' });
  expect(until).not.toBeNull();
  await process.access({ signal });
  expect(it.asked()).toBe(2);
});

const problems = [
  ['429 with JSON', { do: 'refuse', status: 429, body: { title: 'Too Many Requests', retry_after: 0 } }],
  ['429 with a page', { do: 'refuse', status: 429, body: html }],
  ['503', { do: 'refuse', status: 503 }],
  ['a cut', { do: 'cut' }],
  ['a reply without tokens', { do: 'refuse', status: 200, body: {} }],
] as const;
test.each(problems)('after %s the same token is tried once more', async (_, fault) => {
  const it = await expired();
  server.order({ ...fault, on: it.on });
  await it.process().access({ signal });
  expect(it.asked()).toBe(2);
});

test.each(problems)(
  'after %s twice, calls fail without a request for a while; a token that has not expired is used meanwhile',
  async (_, fault) => {
    const it = account();
    const process = it.process();
    await process.connect({ code: 'consent' }, signal);
    it.later(dayMs - 5000);
    server.order({ ...fault, on: it.on, times: 2 });
    for (let call = 0; call < 3; call += 1) await process.access({ signal });
    expect(it.asked()).toBe(3);
    it.later(4999);
    await process.access({ signal });
    expect(it.asked()).toBe(3);
    server.order({ ...fault, on: it.on, times: 2 });
    it.later(1);
    for (let call = 0; call < 3; call += 1)
      await expect(process.access({ signal })).rejects.toMatchObject({
        code: fault.do === 'refuse' && fault.status === 429 ? 'resource_exhausted' : 'unavailable',
        outcome: 'not_executed',
        retryAfterMs: 5000,
      });
    expect(it.asked()).toBe(5);
  },
);

test('a limit that names a long time is waited for, not tried again', async () => {
  const it = await expired();
  server.order({ do: 'refuse', on: it.on, status: 429, body: { retry_after: 90 } });
  const process = it.process();
  for (let call = 0; call < 2; call += 1)
    await expect(process.access({ signal })).rejects.toMatchObject({ reason: 'rate_limited', retryAfterMs: 90_000 });
  expect(it.asked()).toBe(1);
  it.later(90_000);
  await process.access({ signal });
  expect(it.asked()).toBe(2);
});

test('a refresh whose reply was lost after the token was used ends with a person, not with a loop', async () => {
  const it = await expired();
  server.order({ do: 'cut', on: it.on, executes: true });
  const process = it.process();
  for (let call = 0; call < 3; call += 1) await expect(process.access({ signal })).rejects.toMatchObject(refused);
  expect(it.asked()).toBe(2);
});

test('what another process has stored during a failed refresh is used instead of a second try', async () => {
  const it = await expired();
  const ask: OAuthProvider['request'] = async () => {
    await it.process().connect({ code: 'consent' }, signal);
    throw new Error('cut');
  };
  expect((await it.process({ ask }).access({ signal })).accessToken).toBe(`access-${issued}-of-${it.connection}`);
  expect(it.asked()).toBe(1);
});

test('the tokens of a process that was slower than its lease are kept, although its successor was refused', async () => {
  const it = await expired();
  const slow: OAuthProvider['request'] = async (...at) => {
    const answer = await it.provider.request(...at);
    await it.set('locked_until = now()');
    await expect(it.process().access({ signal })).rejects.toMatchObject(refused);
    return answer;
  };
  const { accessToken } = await it.process({ ask: slow }).access({ signal });
  expect(await it.state()).toMatchObject({ state: 'ok' });
  expect(await it.process().access({ signal })).toMatchObject({ accessToken });
});

test.each([
  ['tokens', []],
  ['a refusal', [{ do: 'refuse', status: 401, body: { hint: 'Token has been revoked' } }]],
  ['a block', [{ do: 'refuse', status: 403 }]],
] as const)('%s for a refresh that come after a person has connected again change nothing', async (_, faults) => {
  const it = await expired();
  for (const fault of faults) server.order({ ...fault, on: it.on });
  let consented = '';
  const ask: OAuthProvider['request'] = async (...at) => {
    const answer = await it.provider.request(...at);
    await it.process().connect({ code: 'consent' }, signal);
    consented = `access-${issued}-of-${it.connection}`;
    return answer;
  };
  expect(await it.process({ ask }).access({ signal })).toMatchObject({ accessToken: consented });
  expect(await it.process().access({ signal })).toMatchObject({ accessToken: consented });
});

test('tokens are stored although PostgreSQL fails right after the reply', async () => {
  const it = await expired();
  let failures = 3;
  const db: Database = {
    ...store.db,
    query: async <Row>(text: string, values?: readonly unknown[]) => {
      if (/version = version \+ 1/.test(text) && failures-- > 0) throw new Error('away');
      return store.db.query<Row>(text, values);
    },
  };
  const { accessToken } = await it.process({ db }).access({ signal });
  expect(await it.process().access({ signal })).toMatchObject({ accessToken });
  expect(it.asked()).toBe(1);
});

test('a caller that gives up leaves the refresh to the others', async () => {
  const it = await expired();
  const caller = new AbortController();
  const started = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const process = it.process({
    ask: async (...at) => {
      started.resolve();
      await go.promise;
      return it.provider.request(...at);
    },
  });
  const [left, stayed] = [process.access({ signal: caller.signal }), process.access({ signal })];
  await started.promise;
  caller.abort();
  await expect(left).rejects.toMatchObject({ code: 'cancelled', outcome: 'not_executed' });
  go.resolve();
  expect((await stayed).accessToken).toBe(`access-${issued}-of-${it.connection}`);
});

test('a request that the provider refuses for its token is sent once more with a new one, and a new token that is refused is not renewed', async () => {
  const it = account();
  const process = it.process();
  await process.connect({ code: 'consent' }, signal);
  const sent: string[] = [];
  const send = (refuses: (token: string) => boolean) =>
    withAccess(process, signal, async ({ accessToken }) => {
      sent.push(accessToken);
      return { status: refuses(accessToken) ? 401 : 200, headers: {}, bytes: new Uint8Array(), text: () => '', json: () => ({}) };
    });
  const first = `access-${issued}-of-${it.connection}`;
  expect((await send((token) => token === first)).status).toBe(200);
  expect(sent).toEqual([first, `access-${issued}-of-${it.connection}`]);
  expect(it.asked()).toBe(2);
  await expect(send(() => true)).rejects.toMatchObject({ code: 'failed_precondition', reason: 'upstream_credentials' });
  expect(it.asked()).toBe(2);
});

test.each([
  ['behind', -3_600_000, 2],
  ['ahead', 3_600_000, 1],
])('a process whose clock is an hour %s costs at most one more refresh', async (_, offMs, refreshes) => {
  const it = account();
  const other = account(it.connection);
  await it.process().connect({ code: 'consent' }, signal);
  it.later(dayMs);
  other.later(dayMs + offMs);
  const expiredToken = `access-${issued}-of-${it.connection}`;
  const [right, wrong] = [it.process(), other.process()];
  for (let call = 0; call < 3; call += 1)
    for (const process of [wrong, right, wrong])
      await withAccess(process, signal, async ({ accessToken }) => {
        const status = accessToken === expiredToken ? 401 : 200;
        return { status, headers: {}, bytes: new Uint8Array(), text: () => '', json: () => ({}) };
      });
  expect(it.asked() - 1).toBeLessThanOrEqual(refreshes);
});

test('a refusal that a consent does not end is no dead token', async () => {
  const it = await expired();
  server.order({ do: 'refuse', on: it.on, status: 400, body: { error: 'PAYMENT_REQUIRED' } });
  const unpaid = { code: 'failed_precondition', reason: 'upstream_credentials', message: 'The account is not paid.' } as const;
  const process = it.process({
    problemOf: (body) => ((body as { error?: string }).error === 'PAYMENT_REQUIRED' ? unpaid : undefined),
  });
  await expect(process.access({ signal })).rejects.toMatchObject(unpaid);
  expect(await it.state()).toMatchObject({ state: 'ok' });
});

test('tokens are stored encrypted, and open only with their key and in their row', async () => {
  const [one, other] = [await expired(), await expired()];
  await expect(one.process({ secretKey: randomBytes(32) }).access({ signal })).rejects.toMatchObject({
    ...refused,
    message: expect.stringMatching(/POLYB_SECRET_KEY_FILE/),
  });
  await one.set(`sealed = (select sealed from crm_connector.tokens where connection = '${other.connection}')`);
  await expect(one.process().access({ signal })).rejects.toMatchObject(refused);
  expect(one.asked()).toBe(0);
});

// The last test: it looks through what the others have left.
test('no row, no log line and no error shows a token', async () => {
  const rows = await store.db.query<{ text: string }>(`select t::text || encode(sealed, 'escape') as text from crm_connector.tokens t`);
  const it = await expired();
  server.order({ do: 'refuse', on: it.on, status: 500, body: { access_token: alive.get(it.connection) }, times: 2 });
  const error = await it
    .process()
    .access({ signal })
    .catch((thrown: Error) => thrown);
  const shown = [...rows.map(({ text }) => text), ...lines, JSON.stringify(error), String((error as Error).stack)].join('\n');
  expect(lines.length).toBeGreaterThan(10);
  expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
});
