import { afterEach, describe, expect, test } from '@jest/globals';
import { memoryCache } from '../../cache/memory.ts';
import { createHttp } from '../../http.ts';
import { easyWeekClient } from './client.ts';
import { type EasyWeekFakeOptions, easyWeekFake, easyWeekUser } from './fake.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Time passes instead of a wait for the next turn. */
async function started(options: EasyWeekFakeOptions = {}) {
  let time = Date.UTC(2030, 0, 31, 11);
  const now = () => time;
  const pass = (ms: number) => {
    time += ms;
  };
  const fake = await easyWeekFake({ now, ...options });
  const http = createHttp({ allowPrivate: [fake.url] });
  closing.push(async () => {
    await http.close();
    await fake.close();
  });
  const buckets = memoryCache({ now });
  const take: typeof buckets.take = async (...given) => {
    let taken = await buckets.take(...given);
    while (!taken.isAllowed) {
      pass(taken.retryAfterMs);
      taken = await buckets.take(...given);
    }
    return taken;
  };
  const client = () => easyWeekClient({ url: `${fake.url}/api/public/v2/`, ...easyWeekUser }, { http, cache: { ...buckets, take }, now });
  return { fake, client: client(), other: client(), now, pass };
}
const { signal } = new AbortController();
const read = { path: 'ping', signal, what: 'Asking' };
const write = { method: 'POST', path: 'bookings', body: {}, signal, what: 'Booking' } as const;

describe('a refusal', () => {
  test.each([
    [401, {}, { code: 'failed_precondition', reason: 'upstream_credentials' }],
    [403, { message: 'Forbidden.' }, { code: 'failed_precondition', reason: 'upstream_credentials' }],
    [403, '<html>blocked</html>', { code: 'unavailable', reason: 'blocked' }],
    [404, {}, { code: 'not_found' }],
    [422, { message: 'x', errors: { customer_phone: ['invalid'] } }, { reason: 'crm_rejected', data: { field: 'customer_phone' } }],
    [422, 'no JSON', { reason: 'crm_rejected' }],
    [429, {}, { code: 'resource_exhausted', reason: 'rate_limited', retryAfterMs: 60_000 }],
  ])('with status %i and body %j is definite', async (status, body, error) => {
    const { fake, client } = await started();
    fake.order({ do: 'refuse', status, body });
    await expect(client.call(write)).rejects.toMatchObject({ ...error, outcome: 'not_executed' });
  });
  test('shows no phone, key or text of the reply', async () => {
    const { fake, client } = await started();
    fake.order({ do: 'refuse', status: 422, body: { message: 'Анна Петрова +79990001122', errors: { customer_phone: ['+79990001122'] } } });
    const error = (await client.call(write).catch((thrown: Error) => thrown)) as Error;
    expect(error.message).not.toMatch(/9990001122|Петрова|fake-/);
  });
});

describe('a reply that cannot be used', () => {
  test.each([
    ['an HTML page', '<!doctype html><p>Hello'],
    ['XML', '<?xml version="1.0"?><reply/>'],
    ['a truncated body', '{"data": {'],
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
  test.each([{ error: 'x' }, { data: {} }, 'null', ''])('a list that is %j is one typed error', async (body) => {
    const { fake, client } = await started();
    fake.order({ do: 'refuse', status: 200, body });
    await expect(client.rows({ ...read, path: 'customers' }, 5)).rejects.toMatchObject({ code: 'upstream_failed', reason: 'bad_reply' });
  });
  test('a server error, a redirect and 5 MB leave the outcome of a write unknown', async () => {
    const { fake, client } = await started();
    fake.order({ do: 'refuse', status: 503 });
    fake.order({ do: 'refuse', status: 302, headers: { Location: `${fake.url}/api/public/v2/ping` } });
    fake.order({ do: 'refuse', status: 200, body: 'x'.repeat(5_000_000) });
    for (let nth = 0; nth < 3; nth += 1)
      await expect(client.call(write)).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
    expect(fake.seen).toHaveLength(3);
  });
});

describe('the limit', () => {
  test('of a key is kept by two connections together, and used to nine tenths', async () => {
    const { fake, client, other, now } = await started();
    const from = now();
    for (let nth = 0; nth < 200; nth += 1) await [client, other][nth % 2]?.call(read);
    expect(fake.seen).toHaveLength(200);
    expect((200 * 60_000) / (60 * (now() - from))).toBeGreaterThan(0.9);
  });
  test('stops all connections for the time that the reply names', async () => {
    const { fake, client, other, pass } = await started();
    fake.order({ do: 'refuse', status: 429, headers: { 'Retry-After': '17' } });
    await expect(client.call(read)).rejects.toMatchObject({ reason: 'rate_limited', retryAfterMs: 17_000, outcome: 'not_executed' });
    pass(16_000);
    await expect(other.call(read)).rejects.toMatchObject({ reason: 'rate_limited', outcome: 'not_executed' });
    expect(fake.seen).toHaveLength(1);
    pass(1_001);
    expect(await other.call(read)).toMatchObject({ ping: 'pong' });
  });
  test('of the fake is 60 requests a minute', async () => {
    const fake = await easyWeekFake({ now: () => 0 });
    closing.push(() => fake.close());
    const statuses: number[] = [];
    for (let nth = 0; nth < 61; nth += 1) {
      const answer = await fetch(`${fake.url}/api/public/v2/ping`, {
        headers: { Authorization: `Bearer ${easyWeekUser.apiKey}`, Workspace: easyWeekUser.workspace },
      });
      statuses.push(answer.status);
      await answer.text();
    }
    expect(statuses.lastIndexOf(200)).toBe(59);
    expect(statuses.at(-1)).toBe(429);
  });
});
