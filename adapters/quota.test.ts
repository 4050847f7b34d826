import { expect, test } from '@jest/globals';
import { PolybError } from '../contracts/kit/errors.ts';
import { memoryCache } from './cache/memory.ts';
import type { Cache, Http, HttpAnswer } from './deps.ts';
import { type HttpLimits, limitedHttp, type Quota } from './quota.ts';

const quota: Quota = { bucket: 'vendor', limit: 1, windowMs: 20 };
function setup(rules: Partial<HttpLimits> = {}, answerOf: (nth: number) => Partial<HttpAnswer> = () => ({})) {
  const memory = memoryCache({ now: Date.now });
  let taken = 0;
  const cache: Cache = {
    ...memory,
    take(...asked) {
      taken += 1;
      return memory.take(...asked);
    },
  };
  const sentAt: number[] = [];
  const http: Http = async ({ signal }) => {
    if (signal.aborted) throw new PolybError('cancelled', 'cancelled before it was sent');
    sentAt.push(performance.now());
    return { status: 200, headers: {}, bytes: new Uint8Array(), text: () => '', json: () => ({}), ...answerOf(sentAt.length) };
  };
  const client = () => limitedHttp(http, { cache, now: Date.now }, { limits: () => [quota], cooldownsOf: () => [], ...rules });
  const send = (through: Http, url = 'https://vendor.example/', signal = AbortSignal.timeout(10_000)) =>
    through({ method: 'GET', url, signal });
  return { client, send, sentAt, takes: () => taken };
}

test('requests of two processes go out one after the other, spaced as the provider wants', async () => {
  const { client, send, sentAt } = setup();
  const [one, other] = [client(), client()];
  const began = performance.now();
  await Promise.all(Array.from({ length: 20 }, (_, nth) => send(nth % 2 === 0 ? one : other)));
  // 20 requests in windows of 20 ms: a bucket in each process would take half the time.
  expect((sentAt.at(-1) ?? 0) - began).toBeGreaterThanOrEqual(19 * 20 - 25);
});

test('a request takes its turn ahead and waits for it, so that each turn is asked for once', async () => {
  const { client, send, sentAt, takes } = setup();
  const one = client();
  await Promise.all(Array.from({ length: 10 }, () => send(one)));
  expect(sentAt).toHaveLength(10);
  // Takes that are refused until the time has come would be about 19.
  expect(takes()).toBeLessThan(15);
});

test('a request that would wait longer than three seconds is refused at once, unsent, with the time', async () => {
  const { client, send, sentAt } = setup({ limits: () => [{ ...quota, windowMs: 60_000 }] });
  const one = client();
  const [, second] = await Promise.allSettled([send(one), send(one)]);
  expect(second).toMatchObject({ reason: { code: 'resource_exhausted', reason: 'rate_limited', outcome: 'not_executed' } });
  expect((second as PromiseRejectedResult).reason.retryAfterMs).toBeGreaterThan(50_000);
  expect(sentAt).toHaveLength(1);
});

test('a burst that the bucket allows goes out at once, and what exceeds it is refused without waiting behind the others', async () => {
  const { client, send, sentAt } = setup({ limits: () => [{ ...quota, limit: 50, windowMs: 50 * 60_000 }] });
  const one = client();
  const ends = await Promise.allSettled(Array.from({ length: 60 }, () => send(one)));
  expect(sentAt).toHaveLength(50);
  expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(10);
});

test('a request whose caller goes away while it waits is not sent, and gives its turn to the next', async () => {
  const { client, send, sentAt } = setup({ limits: () => [{ ...quota, windowMs: 200 }] });
  const one = client();
  const leaving = new AbortController();
  const all = Promise.allSettled([send(one), send(one, undefined, leaving.signal), send(one)]);
  leaving.abort();
  const ends = await all;
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(ends[1]).toMatchObject({ reason: { code: 'cancelled' } });
  expect(sentAt).toHaveLength(2);
});

test('an answer that closes a bucket stops the next request in every process, and only requests that the bucket covers', async () => {
  const { client, send, sentAt } = setup(
    {
      limits: () => [],
      covers: ({ url }) => [`vendor:${new URL(url).pathname}`],
      cooldownsOf: ({ status }, { url }) => (status === 429 ? [{ bucket: `vendor:${new URL(url).pathname}`, ms: 60_000 }] : []),
    },
    (nth) => ({ status: nth === 1 ? 429 : 200 }),
  );
  const [one, other] = [client(), client()];
  expect((await send(one, 'https://vendor.example/add')).status).toBe(429);
  for (const each of [one, other])
    await expect(send(each, 'https://vendor.example/add')).rejects.toMatchObject({ reason: 'rate_limited', outcome: 'not_executed' });
  expect((await send(other, 'https://vendor.example/list')).status).toBe(200);
  expect(sentAt).toHaveLength(2);
});

test('a request that waits while the bucket closes is not sent', async () => {
  const { client, send, sentAt } = setup(
    { limits: () => [{ ...quota, windowMs: 50 }], cooldownsOf: ({ status }) => (status === 429 ? [{ bucket: 'vendor', ms: 60_000 }] : []) },
    () => ({ status: 429 }),
  );
  const one = client();
  const [first, second] = await Promise.allSettled([send(one), send(one)]);
  expect(first).toMatchObject({ value: { status: 429 } });
  expect(second).toMatchObject({ reason: { reason: 'rate_limited' } });
  expect(sentAt).toHaveLength(1);
});
