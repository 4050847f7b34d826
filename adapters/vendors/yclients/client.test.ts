import { afterEach, describe, expect, test } from '@jest/globals';
import { memoryCache } from '../../cache/memory.ts';
import type { Cache } from '../../deps.ts';
import { createHttp } from '../../http.ts';
import { salonClient } from './client.ts';
import { type SalonFakeOptions, salonFake, salonUser } from './fake.ts';
import { yclientsPlatform } from './platform.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const options = { ...salonUser, timeZone: undefined, currency: undefined, fallbackEmail: undefined, settleMs: 0 };
async function started(
  more: {
    readonly fake?: SalonFakeOptions;
    readonly cache?: Cache;
    readonly now?: () => number;
    readonly userToken?: string | undefined;
  } = {},
) {
  const { now = () => Date.UTC(2030, 0, 31, 10) } = more;
  const fake = await salonFake({ now, isLimited: false, ...more.fake });
  const http = createHttp({ allowPrivate: [fake.url] });
  closing.push(async () => {
    await http.close();
    await fake.close();
  });
  const cache = more.cache ?? {
    ...memoryCache({ now }),
    take: async () => ({ isAllowed: true, remaining: 1, resetMs: 0, retryAfterMs: 0 }),
  };
  const own = { ...options, url: `${fake.url}/api/v1`, ...('userToken' in more && { userToken: more.userToken }) };
  return {
    fake,
    client: salonClient(yclientsPlatform, own, { http, cache, now }),
    other: () => salonClient(yclientsPlatform, own, { http, cache, now }),
  };
}
const { signal } = new AbortController();
const read = { path: 'client/4564/1', signal, what: 'Reading a client' };
const write = { method: 'POST', path: 'records/4564', body: {}, signal, what: 'Booking' } as const;

test('both tokens are one header with a comma, and online booking is sent as the partner', async () => {
  const { fake, client } = await started();
  await client.find(read);
  await client.call({ ...read, path: 'book_staff/4564' });
  expect(fake.seen.map(({ headers }) => [headers.authorization, headers.accept, headers['content-type']])).toEqual([
    ['Bearer fake-partner-token, User fake-user-token', 'application/vnd.yclients.v2+json', 'application/json'],
    ['Bearer fake-partner-token', 'application/vnd.yclients.v2+json', 'application/json'],
  ]);
});

describe('a refusal', () => {
  const body = (meta: unknown) => ({ success: false, data: null, meta });
  test.each([
    [401, body({ message: 'Необходима авторизация' }), { code: 'failed_precondition', reason: 'reauthorise' }],
    [403, body({ message: 'Недостаточно прав' }), { code: 'failed_precondition', reason: 'upstream_credentials' }],
    [404, body([]), { code: 'not_found' }],
    [400, body([]), { code: 'failed_precondition', reason: 'crm_rejected' }],
    [402, body([]), { code: 'failed_precondition', reason: 'crm_rejected' }],
    [
      422,
      body({ message: '', errors: { surname: ['too long'] } }),
      { code: 'failed_precondition', reason: 'crm_rejected', data: { field: 'surname' } },
    ],
    [200, body({ message: 'Нельзя' }), { code: 'failed_precondition', reason: 'crm_rejected' }],
    [429, body([]), { code: 'resource_exhausted', reason: 'rate_limited', retryAfterMs: 60_000 }],
    [403, '<html>blocked</html>', { code: 'unavailable', reason: 'blocked', retryAfterMs: 60_000 }],
  ])('with status %i and body %j is definite', async (status, given, error) => {
    const { fake, client } = await started();
    fake.order({ do: 'refuse', status, body: given });
    await expect(client.call(write)).rejects.toMatchObject({ ...error, outcome: 'not_executed' });
  });
  test('of a request without a user is about the partner token', async () => {
    const { fake, client } = await started({ userToken: undefined });
    fake.order({ do: 'refuse', status: 401, body: body([]) });
    await expect(client.call({ ...write, path: 'book_check/4564' })).rejects.toMatchObject({
      reason: 'upstream_credentials',
      outcome: 'not_executed',
    });
  });
  const rejected = (field: string) => ({ reason: 'crm_rejected', data: { field } });
  const codes = [
    [431, rejected('phone')],
    [432, rejected('code')],
    [433, { code: 'conflict', reason: 'slot_busy' }],
    [434, { reason: 'client_blocked' }],
    [435, rejected('name')],
    [436, { code: 'conflict', reason: 'slot_busy' }],
    [437, { code: 'conflict', reason: 'slot_busy' }],
    [438, rejected('services')],
  ] as const;
  test.each(codes)('of online booking with code %i has its reason, wherever the reply names the code', async (code, error) => {
    const { fake, client } = await started();
    const status = code === 434 ? 403 : 422;
    const places = [
      { code: String(code) },
      { errors: { code, message: '' } },
      { errors: [{ id: 1, code }] },
      body({ message: '', code }),
      body({ message: '', errors: { code } }),
    ];
    for (const place of places) {
      fake.order({ do: 'refuse', status, body: place });
      await expect(client.call(write)).rejects.toMatchObject({ ...error, outcome: 'not_executed' });
    }
  });
});

describe('a reply that cannot be used', () => {
  test.each([
    ['an HTML page', '<!doctype html><p>Hello'],
    ['nothing', undefined],
    ['XML', '<?xml version="1.0"?><reply/>'],
    ['a truncated body', '{"success": true, "data": ['],
    ['an error as a number', { error: 5 }],
    ['an error as text', { error: 'internal' }],
    ['an empty error', { error: '' }],
    ['an error as an array', { error: [] }],
    ['a bare list', []],
    ['null', null],
  ])('%s with 200 is one typed error, and the outcome of a write is unknown', async (_, body) => {
    const { fake, client } = await started();
    fake.order({ do: 'refuse', status: 200, body });
    await expect(client.call(write)).rejects.toMatchObject({ code: 'upstream_failed', reason: 'bad_reply', outcome: 'unknown' });
  });
  test('an empty 204 is a reply to a DELETE alone', async () => {
    const { fake, client } = await started();
    fake.order({ do: 'refuse', status: 204, times: 2 });
    await expect(client.call(write)).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
    expect(await client.call({ ...read, method: 'DELETE' })).toEqual({ data: null, meta: {} });
  });
  test.each([500, 502, 503])('status %i leaves the outcome of a write unknown', async (status) => {
    const { fake, client } = await started();
    fake.order({ do: 'refuse', status, body: '<html>' });
    await expect(client.call(write)).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
  });
  test('a redirect inward is not followed', async () => {
    const { fake, client } = await started();
    fake.order({ do: 'refuse', status: 302, headers: { Location: `${fake.url}/api/v1/company/4564` } });
    await expect(client.call(write)).rejects.toMatchObject({ code: 'upstream_failed' });
    expect(fake.seen).toHaveLength(1);
  });
  test('a body of 5 MB is given up', async () => {
    const { fake, client } = await started();
    fake.order({ do: 'refuse', status: 200, body: 'x'.repeat(5_000_000) });
    await expect(client.call(write)).rejects.toMatchObject({ code: 'upstream_failed', reason: 'reply_too_large' });
  });
});

test('an error shows no phone, token or text of the reply', async () => {
  const { fake, client } = await started();
  fake.order({
    do: 'refuse',
    status: 422,
    body: { success: false, data: null, meta: { message: 'Клиент Анна Петрова +79990001122', errors: { phone: ['+79990001122'] } } },
  });
  const error = (await client.call({ ...write, what: 'Booking' }).catch((thrown: Error) => thrown)) as Error;
  expect(JSON.stringify([error.message, (error as { data?: unknown }).data])).not.toMatch(/9990001122|Петрова|fake-/);
});

describe('the limit', () => {
  /** Each reading takes some time, so that waits end. */
  const running = () => {
    let time = Date.UTC(2030, 0, 31, 10);
    return {
      now: () => time,
      pass: (ms: number) => {
        time += ms;
      },
    };
  };
  test('two connections behind one address make one stream of requests, which the location never refuses', async () => {
    const { now, pass } = running();
    const cache = memoryCache({ now });
    const { fake, client, other } = await started({
      now,
      cache: {
        ...cache,
        // The clock moves on instead of a wait for the next turn, also for a turn that is taken one ahead.
        take: async (bucket, limit) => {
          let taken = await cache.take(bucket, limit);
          while (!taken.isAllowed) {
            pass(taken.retryAfterMs);
            taken = await cache.take(bucket, limit);
          }
          const aheadMs = Math.max(0, taken.resetMs - (limit.windowMs - limit.windowMs / limit.limit));
          pass(aheadMs);
          return { ...taken, resetMs: taken.resetMs - aheadMs };
        },
      },
      fake: { isLimited: true },
    });
    const clients = [client, other()];
    const from = now();
    for (let nth = 0; nth < 400; nth += 1) await (clients[nth % 2] as typeof client).call({ ...read, path: 'book_staff/4564' });
    expect(fake.seen).toHaveLength(400);
    const allowed = (200 / 60_000) * (now() - from);
    expect(400 / allowed).toBeGreaterThan(0.9);
  });
  test.each([
    ['a 429', 429, undefined],
    ['a page', 403, '<html>blocked</html>'],
    ['a page with 200', 200, '<html>prove that you are human</html>'],
  ])('%s stops the requests of all connections for a minute', async (_, status, body) => {
    const { now, pass } = running();
    const { fake, client, other } = await started({ now });
    fake.order({ do: 'refuse', status, body });
    await expect(client.call(read)).rejects.toThrow();
    pass(59_000);
    for (const each of [client, other()])
      await expect(each.call(read)).rejects.toMatchObject({ reason: 'rate_limited', outcome: 'not_executed' });
    expect(fake.seen).toHaveLength(1);
    pass(1_001);
    expect(await client.find(read)).toBeNull();
  });
  test('the fake refuses the sixth request of a second, and shows a page to whoever goes on', async () => {
    const fake = await salonFake({ now: () => 0 });
    closing.push(() => fake.close());
    const statuses: number[] = [];
    for (let nth = 0; nth < 10; nth += 1) {
      const answer = await fetch(`${fake.url}/api/v1/company/4564`);
      statuses.push(answer.status);
      await answer.text();
    }
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429, 429, 429, 403, 403]);
  });
});
