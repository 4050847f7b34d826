import { connect } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type BusHost, createBus } from '../../bus/bus.ts';
import type { Log } from '../../bus/service.ts';
import { memoryBroker } from '../../bus/transports/memory.ts';
import { Bytes, Id } from '../../contracts/common.ts';
import { contract, method } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { until } from '../../test/kit/world.ts';
import { createApp } from './app.ts';
import { callableBy, routesOf } from './routes.ts';

const Headers = z.record(z.string().max(64), z.string().max(1024)).meta({ maxProperties: 32 });
const hooks = contract('hooks', '1.0.0', {
  deliver: method({
    summary: 'x',
    input: z.strictObject({ bot: Id, nth: z.int().optional(), headers: Headers, body: Bytes }),
    output: z.object({ stored: z.int() }),
    idempotency: 'idempotent',
    http: { route: 'POST /hooks/{bot}', body: 'raw' },
  }),
  verify: method({
    summary: 'x',
    input: z.record(z.string().max(64), z.string().max(200)).meta({ maxProperties: 10 }),
    output: z.object({ contentType: z.string().max(100), body: Bytes }),
    idempotency: 'read',
    http: { route: 'GET /hooks', reply: 'bytes', scope: 'none' },
  }),
  slow: method({
    summary: 'x',
    input: z.strictObject({}),
    output: z.object({}),
    idempotency: 'read',
    http: { route: 'GET /slow', scope: 'none' },
  }),
  wait: method({
    summary: 'x',
    input: z.strictObject({}),
    output: z.object({}),
    idempotency: 'idempotent',
    http: { route: 'POST /wait', scope: 'none' },
  }),
});
let app: FastifyInstance;
let buses: BusHost[];
let delivered: { bot: string; nth?: number; headers: Record<string, string>; body: Uint8Array }[];
/** Every line of every level, and what was measured. */
let written: string[];
let started: number;
let ended: number;

beforeEach(async () => {
  delivered = [];
  written = [];
  const write = (...parts: readonly unknown[]) => void written.push(inspect(parts, { depth: 10 }));
  const log: Log = { debug: write, info: write, warn: write, error: write };
  started = 0;
  ended = 0;
  const broker = memoryBroker();
  const server = createBus({ transport: broker.connect('hooks'), name: 'hooks', log });
  const client = createBus({ transport: broker.connect('gateway'), name: 'gateway', log });
  buses = [client, server];
  await server.serve(Object.values(hooks), {
    'hooks.deliver': async (input: { readonly body: Uint8Array }) => {
      if (Buffer.from(input.body).toString() === 'boom') throw new Error('the database is away');
      return { stored: delivered.push(input as never) };
    },
    'hooks.verify': async (query: unknown) => ({
      contentType: 'text/plain',
      body: Buffer.from(String((query as Record<string, string>)['hub.challenge'])),
    }),
    'hooks.slow': async (_: unknown, { signal }: { signal: AbortSignal }) => {
      started += 1;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      ended += 1;
      return {};
    },
    'hooks.wait': async () => {
      throw new PolybError('deadline_exceeded', 'It goes on.', { reason: 'pending', data: { rowId: 'row_1/2', state: 'queued' } });
    },
  } as never);
  app = createApp({
    routes: routesOf(callableBy('gateway', [hooks]), []),
    ask: (asked, input, options) => client.call(asked, input, options),
    admit: () => Promise.reject(new PolybError('unauthenticated', 'no key')),
    decided: async () => {},
    owners: { ofChats: async () => new Map(), ofPhones: async () => new Map() },
    changed: () => {},
    observed: write,
    log,
    options: {
      bodyLimitBytes: 300_000,
      requestTimeoutMs: 1_000,
      maxConnections: 10,
      maxInFlight: 2,
      trustedProxies: [],
      requireIfMatch: false,
    },
  });
});
afterEach(async () => {
  await app.close();
  for (const bus of buses) await bus.close();
});

test('a webhook’s bytes arrive untouched, whatever their type says, with its signature and without the caller’s key', async () => {
  const body = Buffer.from([0, 255, 0x7b, 13, 10, 0xd0]);
  for (const type of ['application/json', 'text/plain', undefined])
    expect(
      (
        await app.inject({
          method: 'POST',
          url: '/hooks/main?nth=3&unknown=1',
          headers: {
            ...(type === undefined ? {} : { 'content-type': type }),
            'X-Hub-Signature-256': 'sha256=ab',
            Signature: 'aWQ6YWI=',
            'webhook-id': 'wh_1',
            'Webhook-Timestamp': '1764500000',
            'webhook-signature': 'v1,aWQ=',
            'x-api-key': 'k',
            cookie: 'c',
          },
          payload: body,
        })
      ).json(),
    ).toEqual({ stored: delivered.length });
  for (const { bot, nth, headers, body: came } of delivered) {
    expect({ bot, nth, came: Buffer.from(came).toString('hex') }).toEqual({ bot: 'main', nth: 3, came: body.toString('hex') });
    expect(headers).toMatchObject({ 'x-hub-signature-256': 'sha256=ab', signature: 'aWQ6YWI=' });
    expect(headers).toMatchObject({ 'webhook-id': 'wh_1', 'webhook-timestamp': '1764500000', 'webhook-signature': 'v1,aWQ=' });
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['x-api-key']));
    expect(headers).not.toHaveProperty('cookie');
  }
});

test('no log line and no metric has the path of a webhook, which may contain a secret, whatever becomes of the request', async () => {
  const secret = 'Zm9yIG5vYm9keSBlbHNl';
  const sent = { method: 'POST', url: `/hooks/${secret}`, payload: 'x' } as const;
  const statuses = [];
  for (const request of [
    sent,
    { ...sent, payload: 'boom' },
    { ...sent, payload: Buffer.alloc(300_001) },
    { ...sent, url: `${sent.url}?nth=x` },
    { ...sent, url: `${sent.url}/more` },
    { ...sent, url: `${sent.url}%zz` },
    { ...sent, url: `${sent.url}${'x'.repeat(400)}` },
    { ...sent, method: 'PUT' as const },
  ])
    statuses.push((await app.inject(request)).statusCode);
  expect(statuses).toEqual([200, 500, 413, 400, 404, 400, 400, 405]);
  expect(written.join('\n')).toContain('the database is away');
  expect(written.join('\n')).not.toContain(secret);
});

test('a webhook of more than the limit is 413', async () => {
  expect((await app.inject({ method: 'POST', url: '/hooks/main', payload: Buffer.alloc(300_001) })).statusCode).toBe(413);
});

test('a reply of bytes goes out as they are', async () => {
  const { body, headers, statusCode } = await app.inject('/hooks?hub.mode=subscribe&hub.challenge=1158201444');
  expect({ body, statusCode, type: headers['content-type'] }).toEqual({ body: '1158201444', statusCode: 200, type: 'text/plain' });
});

test('what goes on is 202 with the place where it is asked for', async () => {
  const { statusCode, headers } = await app.inject({ method: 'POST', url: '/wait' });
  expect({ statusCode, location: headers.location }).toEqual({ statusCode: 202, location: '/api/v1/rows/row_1%2F2' });
});

test('a read whose asker has gone is stopped', async () => {
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  const leaving = new AbortController();
  const asked = fetch(`${origin}/slow`, { signal: leaving.signal }).catch(() => undefined);
  await until(() => started === 1 || null);
  leaving.abort();
  await asked;
  await until(() => ended === 1 || null);
});

test('above the requests that may be in flight the answer is 503 with a time to come back', async () => {
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  const leaving = new AbortController();
  const two = [1, 2].map(() => fetch(`${origin}/slow`, { signal: leaving.signal }).catch(() => undefined));
  await until(() => started === 2 || null);
  const { status, headers } = await fetch(`${origin}/hooks?hub.challenge=1`);
  expect([status, headers.get('retry-after')]).toEqual([503, '1']);
  leaving.abort();
  await Promise.all(two);
  await until(() => ended === 2 || null);
});

test('askers that leave before the answer take no place for good', async () => {
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  for (let each = 1; each <= 5; each += 1) {
    const leaving = new AbortController();
    const asked = fetch(`${origin}/slow`, { signal: leaving.signal }).catch(() => undefined);
    await until(() => started === each || null);
    leaving.abort();
    await asked;
    await until(() => ended === each || null);
  }
  expect((await fetch(`${origin}/hooks?hub.challenge=1`)).status).toBe(200);
});

test('who does not finish a request is let go', async () => {
  const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }));
  const socket = connect(Number(port), '127.0.0.1');
  socket.write('POST /hooks/main HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
  let said = '';
  socket.on('data', (data) => (said += String(data)));
  await new Promise((resolve) => socket.once('close', resolve));
  expect(said).toMatch(/^HTTP\/1\.1 40[08]/);
  expect(delivered).toEqual([]);
});
