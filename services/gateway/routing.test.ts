import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { aliases } from '../../contracts/aliases.ts';
import { inbox } from '../../contracts/inbox.ts';
import { type Client, type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { inputOf } from './input.ts';
import { readContracts } from './read-contracts.ts';
import { callableBy, routesOf } from './routes.ts';

const lead = { firstName: 'Иван', lastName: 'Иванов', phoneNumber: '+79995553322' };
let it: GatewayWorld;
let ask: Client;
let admin: Client;
beforeAll(async () => {
  it = await gatewayWorld(['crm-connector', 'call-orchestrator', 'telephony-gateway', 'journal', 'pipelines']);
  [ask, admin] = await Promise.all([it.client('read', 'send'), it.client('admin')]);
});
afterAll(() => it?.stop());

test('no two methods of the contracts claim one route, and none that only others may call is routed', async () => {
  const methods = callableBy('gateway', await readContracts());
  const routes = routesOf(methods, aliases);
  expect(routes.map(({ verb, path }) => `${verb} ${path}`)).toEqual(
    expect.arrayContaining(['POST /api/v1/crm/push', 'GET /api/v1/calls/{callId}', 'POST /leads', 'GET /api/v1/sandbox/pending']),
  );
  expect(methods.map(({ address }) => address)).not.toContain('telephony.dial');
});

test('the phrases that decide intents are read by who may read, and changed only by who administers', async () => {
  const routes = routesOf(callableBy('gateway', await readContracts()), aliases).filter(({ path }) =>
    path.startsWith('/api/v1/intents/patterns'),
  );
  expect(Object.fromEntries(routes.map(({ verb, path, scope }) => [`${verb} ${path}`, scope]))).toEqual({
    'GET /api/v1/intents/patterns': 'read',
    'PUT /api/v1/intents/patterns/{patternId}': 'admin',
    'DELETE /api/v1/intents/patterns/{patternId}': 'admin',
  });
  expect(await ask('PUT', '/api/v1/intents/patterns/ok', { phrase: '= ок', intent: 'confirmation' })).toMatchObject({ status: 403 });
});

test.each([
  ['PUT', '/api/v1/crm/push', 'POST'],
  ['DELETE', '/api/v1/calls/call_1', 'GET, HEAD'],
  ['POST', '/api/v1/stream', 'GET, HEAD'],
  ['PATCH', '/docs/anything', 'GET, HEAD'],
])('%s %s is 405, and Allow says what is offered', async (verb, path, allow) => {
  const { status, headers, body } = await ask(verb, path);
  expect({ status, allow: headers.get('allow'), body }).toMatchObject({
    status: 405,
    allow,
    body: { status: 405, reason: 'method_not_allowed' },
  });
});

test.each(['0000-01-01T00:00:00Z', '2026-11-28', '2026-11-28T09:00:00+03:00'])(
  'a time that is none is refused with an example: %s',
  async (since) => {
    const { status, body } = await admin('GET', `/api/v1/journal?since=${since}`);
    expect({ status, body }).toMatchObject({ status: 400, body: { code: 'invalid_argument' } });
    if (!since.startsWith('0'))
      expect((body as { detail: string }).detail).toContain('e.g. 2026-11-28T09:00:00Z (a + in a URL is written %2B)');
  },
);

test('a keyed POST answers the output and shows the key that was made for it', async () => {
  const { status, headers, body } = await ask('POST', '/api/v1/crm/push', lead);
  expect({ status, body }).toMatchObject({ status: 200, body: { status: 'pushed', phoneNumber: '+79995553322' } });
  expect(headers.get('idempotency-key')).toMatch(/^[0-9a-f-]{36}$/);
  expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
});

test('a repeat with the same Idempotency-Key answers the same, another body under it is a conflict, another client has keys of its own', async () => {
  const headers = { 'idempotency-key': '"form-1"' };
  const one = await ask('POST', '/api/v1/crm/push', lead, headers);
  const again = await ask('POST', '/api/v1/crm/push', lead, headers);
  expect(again.body).toEqual(one.body);
  expect([one, again].map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([null, 'true']);
  expect(one.headers.get('idempotency-key')).toBe('form-1');
  expect(await ask('POST', '/api/v1/crm/push', { ...lead, firstName: 'Пётр' }, headers)).toMatchObject({
    status: 409,
    body: { code: 'conflict', reason: 'key_reused' },
  });
  expect(await (await it.client('send'))('POST', '/api/v1/crm/push', { ...lead, firstName: 'Пётр' }, headers)).toMatchObject({
    status: 200,
  });
});

test('an older route takes the older body', async () => {
  const old = { title: 'Новый лид', name: 'Иван Иванов', phone: '+7 (999) 123-45-67', source: 'phone_call' };
  expect(await ask('POST', '/leads', old)).toMatchObject({ status: 200, body: { phoneNumber: '+79991234567' } });
});

test('a query is read in the types of the schema, and what is not in it is refused by name', async () => {
  expect(await ask('GET', '/api/v1/calls?limit=5&state=ended')).toMatchObject({ status: 200, body: { items: [] } });
  const refused = await ask('GET', '/api/v1/calls?limit=many');
  expect(refused).toMatchObject({
    status: 400,
    body: { code: 'invalid_argument', errors: [{ pointer: '/limit', detail: 'expected an integer' }] },
  });
  expect(await ask('GET', '/api/v1/calls?colour=red')).toMatchObject({ status: 400 });
  expect(await ask('GET', '/api/v1/calls?cursor=bm90b3Vycw')).toMatchObject({ status: 400 });
});

test('a text that looks like a file name or an operator stays a text', async () => {
  const { body } = await admin('GET', '/api/v1/journal?method=%40%2Fetc%2Fpasswd&reason=:x');
  expect(body).toMatchObject({ items: [] });
});

test('a null byte, which cannot be stored, is the caller’s fault', async () => {
  expect(await admin('GET', '/api/v1/journal?reason=%00')).toMatchObject({ status: 400, body: { reason: 'bad_text' } });
});

test('the path names what is asked for, whatever the body says', async () => {
  expect(await admin('POST', '/api/v1/journal/row_aaaaaa/reject', { id: 'row_bbbbbb', why: 'no' })).toMatchObject({
    status: 404,
    body: { detail: expect.stringContaining('row_aaaaaa') },
  });
});

test('a list has a Link to its next page, which ends', async () => {
  for (const each of [1, 2, 3]) await ask('POST', '/api/v1/crm/push', lead, { 'idempotency-key': `page-${each}` });
  const first = await admin('GET', '/api/v1/journal?limit=2&method=crm.push_to_crm');
  expect((first.body as { items: unknown[] }).items).toHaveLength(2);
  const [, next = ''] = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '') ?? [];
  expect(next).toContain('method=crm.push_to_crm');
  const second = await admin('GET', next);
  expect(second.status).toBe(200);
  expect((second.body as { items: { id: string }[] }).items[0]?.id).not.toBe((first.body as { items: { id: string }[] }).items[0]?.id);
  const all = await admin('GET', '/api/v1/journal?limit=200');
  expect(all.headers.get('link')).toBeNull();
});

test.each([
  ['broken JSON', 400, 'bad_body', 'POST', '/api/v1/crm/push', '{', {}],
  ['a body that would change prototypes', 400, 'bad_body', 'POST', '/api/v1/crm/push', '{"__proto__":{"a":1}}', {}],
  ['a form', 415, 'unsupported_media_type', 'POST', '/api/v1/crm/push', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }],
  ['a body of more than a megabyte', 413, 'payload_too_large', 'POST', '/api/v1/crm/push', `"${'x'.repeat(1_100_000)}"`, {}],
  ['a list for an object', 400, undefined, 'POST', '/api/v1/crm/push', '[1]', {}],
  ['no body', 400, undefined, 'POST', '/api/v1/crm/push', '', {}],
  ['a key with a space', 400, 'bad_parameters', 'POST', '/api/v1/crm/push', '{}', { 'idempotency-key': 'a b' }],
  ['a path that is no UTF-8', 400, 'bad_body', 'GET', '/api/v1/calls/%ff', undefined, {}],
  ['a path that nobody has', 404, undefined, 'GET', '/nothing/here', undefined, {}],
] as const)('%s is a problem of status %i', async (_, status, reason, verb, path, body, headers) => {
  const answered = await ask(verb, path, body, { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers });
  expect({ status: answered.status, type: answered.headers.get('content-type') }).toEqual({ status, type: 'application/problem+json' });
  expect(answered.body).toMatchObject({
    status,
    title: expect.any(String),
    requestId: expect.any(String),
    instance: path,
    ...(reason && { reason }),
  });
});

test('a request id of the caller is kept, one that could break a log is not', async () => {
  expect((await ask('GET', '/api/v1/calls', undefined, { 'x-request-id': 'req_7' })).headers.get('x-request-id')).toBe('req_7');
  expect((await ask('GET', '/api/v1/calls', undefined, { 'x-request-id': 'a b' })).headers.get('x-request-id')).not.toBe('a b');
});

test('without the service behind it the answer is 503 with a time to come back, not a wait', async () => {
  const orphan = await gatewayWorld([]);
  try {
    const client = await orphan.client('read');
    expect(await client('GET', '/api/v1/calls')).toMatchObject({ status: 503, body: { code: 'unavailable', reason: 'no_responders' } });
  } finally {
    await orphan.stop();
  }
});

test('the health of the gateway is told without a key, and nothing else is', async () => {
  const open = http(it.origin);
  expect(await open('GET', '/livez')).toMatchObject({ status: 200, body: { status: 'pass' } });
  expect(await open('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'pass' } });
  expect(await open('GET', '/health')).toMatchObject({ status: 200, body: { checks: { 'nats:connection': [{ status: 'pass' }] } } });
  expect(await open('GET', '/api/v1/calls')).toMatchObject({ status: 401 });
});

test.each([
  ['POST /api/v1/telegram/webhook', {}, 'telegram'],
  ['POST /api/v1/whatsapp/webhook', {}, 'whatsapp'],
  ['GET /api/v1/whatsapp/webhook', {}, 'whatsapp'],
  ['POST /api/v1/channels/{channel}/webhook', { channel: 'viber' }, 'viber'],
  ['GET /api/v1/channels/{channel}/webhook', { channel: 'viber' }, 'viber'],
])('%s delivers to its channel, whatever the query says', async (named, params, channel) => {
  const route = routesOf([inbox.channel_webhook], aliases).find(({ verb, path }) => `${verb} ${path}` === named);
  if (route === undefined) throw new Error(`no route ${named}`);
  const query = { channel: 'other', bot: '7', 'hub.mode': 'subscribe' };
  const input = inputOf(route, { params, query, headers: { 'x-secret': 's' }, body: Buffer.from('{}') }, null);
  expect([route.scope, input]).toEqual(['none', { channel, bot: '7', query, headers: { 'x-secret': 's' }, body: Buffer.from('{}') }]);
});
