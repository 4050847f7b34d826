import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { batched } from '../../adapters/store/batch.ts';
import type { Queries } from '../../bus/service.ts';
import { gateway } from '../../contracts/gateway.ts';
import { startRedis } from '../../scripts/infra/start.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { until } from '../../test/kit/world.ts';
import { createKeys } from './keys.ts';
import { findKeys } from './rows.ts';

let it: GatewayWorld;
beforeAll(async () => {
  it = await gatewayWorld(['crm-connector', 'call-orchestrator', 'telephony-gateway', 'journal', 'pipelines']);
});
afterAll(() => it?.stop());

const path = '/api/v1/calls';
const refusal = (body: unknown) => {
  const { requestId: _, ...rest } = body as Record<string, unknown>;
  return rest;
};

test('X-API-Key and Authorization: Bearer let in alike', async () => {
  const { key } = await it.key(['read']);
  expect((await http(it.origin, key)('GET', path)).status).toBe(200);
  expect((await http(it.origin)('GET', path, undefined, { authorization: `Bearer ${key}` })).status).toBe(200);
  expect((await http(it.origin)('GET', path, undefined, { authorization: `Basic ${key}` })).status).toBe(401);
});

test('no key, a wrong id, a wrong secret, an expired and a revoked key are refused in the same words', async () => {
  const live = await it.key(['read']);
  const expired = await it.key(['read'], { expiresAt: new Date(Date.now() - 1_000).toISOString() });
  const revoked = await it.key(['read']);
  await it.world.bus.call(gateway.revoke_key, { keyId: revoked.keyId });
  const [id, secret] = live.key.split('.');
  const tried = [undefined, '', 'x', `pk_000000000000.${secret}`, `${id}.${'A'.repeat(32)}`, expired.key, revoked.key, `${live.key}x`];
  const answers = await Promise.all(tried.map((key) => http(it.origin, key)('GET', path)));
  for (const { status, headers, body } of answers) {
    expect({ status, asks: headers.get('www-authenticate') }).toEqual({ status: 401, asks: 'Bearer realm="polyb"' });
    expect(refusal(body)).toEqual(refusal(answers[0]?.body));
  }
});

test('a key that was let in a moment ago is refused once it is revoked, in the other gateway too', async () => {
  const other = await it.startGateway();
  const { keyId, key } = await it.key(['read']);
  for (const origin of [it.origin, other.origin]) expect((await http(origin, key)('GET', path)).status).toBe(200);
  await it.world.bus.call(gateway.revoke_key, { keyId });
  // Sooner than the cache of a gateway expires.
  for (const origin of [it.origin, other.origin])
    await until(async () => (await http(origin, key)('GET', path)).status === 401 || null, 3_000);
  expect(await it.world.bus.call(gateway.revoke_key, { keyId })).toMatchObject({ revokedAt: expect.any(String) });
});

test.each([
  [['read'], 'GET', path, 200],
  [['read'], 'POST', '/api/v1/crm/push', 403],
  [['send'], 'GET', path, 403],
  [['read', 'send'], 'GET', '/api/v1/journal', 403],
  [['read', 'send'], 'GET', '/api/v1/sandbox/pending', 200],
  [['read'], 'GET', '/api/v1/sandbox/pending', 403],
  [['admin'], 'GET', path, 200],
  [['admin'], 'GET', '/api/v1/journal', 200],
] as const)('a key for %j may %s %s with %i', async (scopes, verb, where, status) => {
  const client = await it.client(...scopes);
  const answered = await client(verb, where, verb === 'POST' ? {} : undefined);
  expect(answered.status).toBe(status);
  if (status === 403)
    expect(answered.body).toMatchObject({ code: 'permission_denied', detail: 'This API key does not allow this request.' });
});

test('a client holds two live keys and no third, even when they are made at once; a repeat makes none', async () => {
  const client = 'rotating';
  const made = await Promise.allSettled(Array.from({ length: 6 }, () => it.key(['read'], { client })));
  const keys = made.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  expect(keys).toHaveLength(2);
  expect(made.find((each) => each.status === 'rejected')).toMatchObject({ reason: { code: 'conflict', reason: 'two_keys_live' } });
  await it.world.bus.call(gateway.revoke_key, { keyId: keys[0]?.keyId ?? '' });
  await it.key(['read'], { client });
  const { items } = await it.world.bus.call(gateway.list_keys, { client });
  expect(items.map(({ revokedAt }) => revokedAt !== null).sort()).toEqual([false, false, true]);
  const again = { keyId: 'pk_repeated00', secretHash: 'ab'.repeat(32), client: 'repeats', scopes: ['read' as const] };
  expect(await it.world.bus.call(gateway.create_key, again)).toEqual(await it.world.bus.call(gateway.create_key, again));
  await expect(it.world.bus.call(gateway.create_key, { ...again, secretHash: 'cd'.repeat(32) })).rejects.toMatchObject({
    reason: 'key_taken',
  });
});

test('no secret stands in the database, and the last use does once the gateway has noted it', async () => {
  const { keyId, key } = await it.key(['read']);
  const { hosted, origin } = await it.startGateway();
  await http(origin, key)('GET', path);
  await hosted.stop(5_000);
  const { items } = await it.world.bus.call(gateway.list_keys, {});
  expect(items.find((each) => each.keyId === keyId)?.lastUsedAt).not.toBeNull();
  const rows = await it.world.store.query('select * from gateway.api_keys');
  expect(JSON.stringify(rows)).not.toContain(key.split('.')[1]);
});

test('a key may ask so often and no more, and is told what is left', async () => {
  const { origin } = await it.startGateway({ GATEWAY_RATE_LIMIT: '3', GATEWAY_RATE_WINDOW_MS: '600000' });
  const client = http(origin, (await it.key(['read'])).key);
  const answers = [];
  for (let each = 0; each < 4; each += 1) answers.push(await client('GET', path));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
  expect(answers[0]?.headers.get('ratelimit-policy')).toBe('"burst";q=3;w=600');
  expect(answers.map(({ headers }) => /r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1])).toEqual(['2', '1', '0', '0']);
  expect(Number(answers[3]?.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(answers[3]?.body).toMatchObject({ code: 'resource_exhausted', reason: 'rate_limited', retryable: true });
});

test('gateways that share a Redis share the limit of a key', async () => {
  const redis = await startRedis({ dir: temporaryDir(), temporary: true });
  try {
    const shared = { REDIS_URL: redis.url, GATEWAY_RATE_LIMIT: '4', GATEWAY_RATE_WINDOW_MS: '600000' };
    const [one, other] = await Promise.all([it.startGateway(shared), it.startGateway(shared)]);
    const { key } = await it.key(['read']);
    const answers = [];
    for (const { origin } of [one, other, one, other, one]) answers.push((await http(origin, key)('GET', path)).status);
    expect(answers).toEqual([200, 200, 200, 200, 429]);
    await Promise.all([one.hosted.stop(2_000), other.hosted.stop(2_000)]);
  } finally {
    await redis.stop();
  }
});

test('who guesses keys is soon told to wait, and a right key from his address passes, whether it was seen before or not', async () => {
  const { origin } = await it.startGateway();
  const { keyId, key } = await it.key(['read']);
  expect((await http(origin, key)('GET', path)).status).toBe(200);
  const guessed = [
    ...Array.from({ length: 40 }, (_, nth) => `pk_${String(nth).padStart(12, '0')}`),
    ...Array.from({ length: 20 }, () => keyId),
  ];
  const began = performance.now();
  const guesses = await Promise.all(guessed.map((id) => http(origin, `${id}.${'A'.repeat(32)}`)('GET', path)));
  // Thirty per minute: on a busy machine more become allowed during the test.
  const allowed = 30 + Math.ceil((performance.now() - began) / 2_000);
  const wrong = guesses.filter(({ status }) => status === 401).length;
  expect(wrong).toBeGreaterThanOrEqual(30);
  expect(wrong).toBeLessThanOrEqual(allowed);
  const refused = guesses.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(guesses.length - wrong);
  for (const { headers } of refused) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await http(origin, key)('GET', path)).status).toBe(200);
  const neighbour = (await it.key(['read'])).key;
  expect((await http(origin, neighbour)('GET', path)).status).toBe(200);
  const more = await Promise.all(Array.from({ length: 60 }, () => http(origin, `${neighbour}x`)('GET', path)));
  expect(more.some(({ status }) => status === 429)).toBe(true);
});

test('a flood of wrong keys asks the database a few times, not once a key', async () => {
  let statements = 0;
  const db: Queries = {
    query: async (text, values) => {
      statements += 1;
      return it.world.store.query(text, values);
    },
  };
  const keys = createKeys({ find: batched((keyIds) => findKeys(db, keyIds)), now: Date.now });
  const { keyId, key } = await it.key(['read']);
  const wrong = Array.from({ length: 1_000 }, (_, nth) => `pk_${String(nth).padStart(12, '0')}.${'A'.repeat(32)}`);
  const [right, ...others] = await Promise.all([key, ...wrong].map((each) => keys.identify(each)));
  expect(right?.keyId).toBe(keyId);
  expect(others.every((each) => each === null)).toBe(true);
  expect(statements).toBeLessThanOrEqual(10);
});
