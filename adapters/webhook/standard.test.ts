import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHttp } from '../http.ts';
import { standardWebhooks } from './standard.ts';

const received: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
let status = 204;
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
  response.writeHead(status, status === 429 ? { 'retry-after': '7' } : {}).end();
});
let origin: string;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

// Source: the test vector of the libraries of Standard Webhooks.
const vector = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  at: 1_614_265_330,
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const other = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
async function post(allowPrivate: readonly string[], secrets: readonly string[]): Promise<void> {
  const http = createHttp({ allowPrivate });
  try {
    const { post } = standardWebhooks({}, { http, now: () => vector.at * 1000 + 999 });
    await post({ url: `${origin}/hook`, id: vector.id, body: vector.body, secrets, signal: AbortSignal.timeout(10_000) });
  } finally {
    await http.close();
  }
}

test('a request is signed as Standard Webhooks has it, with each live secret', async () => {
  status = 204;
  await post([origin], [vector.secret, other]);
  const { headers, body } = received.at(-1) ?? { headers: {}, body: '' };
  expect(body).toBe(vector.body);
  expect(headers).toMatchObject({ 'webhook-id': vector.id, 'webhook-timestamp': String(vector.at), 'content-type': 'application/json' });
  expect(String(headers['webhook-signature']).split(' ')).toEqual([vector.signature, expect.stringMatching(/^v1,[\w+/]{43}=$/)]);
});

test.each([
  [500, { code: 'upstream_failed' }],
  [302, { code: 'upstream_failed' }],
  [410, { code: 'not_found', evidence: expect.objectContaining({ status: 410 }) }],
  [429, { code: 'resource_exhausted', retryAfterMs: 7_000 }],
])('the status %i is no delivery', async (answered, error) => {
  status = answered;
  await expect(post([origin], [other])).rejects.toMatchObject(error);
});

test('an inner address that is not listed gets no request', async () => {
  const before = received.length;
  await expect(post([], [other])).rejects.toMatchObject({ reason: 'address_forbidden' });
  expect(received).toHaveLength(before);
});
