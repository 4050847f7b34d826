import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type BusHost, createBus } from '../../bus/bus.ts';
import type { Context } from '../../bus/service.ts';
import { memoryBroker } from '../../bus/transports/memory.ts';
import { Id, Phone, Viewer } from '../../contracts/common.ts';
import { contract, stream } from '../../contracts/kit/define.ts';
import { exported, openApi } from '../../contracts/kit/describe.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { until } from '../../test/kit/world.ts';
import { createApp } from './app.ts';
import type { Identity } from './keys.ts';
import { type OpenStreams, openStreams } from './open-streams.ts';
import { openableBy, streamRoutesOf } from './routes.ts';

const radio = contract('radio', '1.0.0', {
  news: stream({
    summary: 'x',
    input: z.strictObject({ stationId: Id, how: Id, count: z.int().default(2), viewer: Viewer }),
    up: z.strictObject({}),
    down: z.object({ n: z.int(), by: z.string().max(64).optional() }),
    http: { route: 'GET /radio/{stationId}/news', reply: 'events', viewer: 'viewer' },
  }),
  sound: stream({
    summary: 'x',
    input: z.strictObject({ how: Id, count: z.int().default(2) }),
    up: z.strictObject({}),
    down: z.instanceof(Uint8Array),
    http: { route: 'GET /radio/sound', reply: 'stream', contentType: 'audio/basic', scope: 'none' },
  }),
  calls: stream({
    summary: 'x',
    input: z.strictObject({ how: Id }),
    up: z.strictObject({}),
    down: z.object({ n: z.int(), phoneNumber: Phone.optional() }),
    http: { route: 'GET /radio/calls', reply: 'events' },
  }),
  hidden: stream({ summary: 'x', input: z.strictObject({}), up: z.strictObject({}), down: z.object({}) }),
});
const hidden = '+79995553322';
let app: FastifyInstance;
let origin: string;
let buses: BusHost[];
let open: OpenStreams;
let ended: number;
let made: number;
let identity: Identity;

/** Plays as `how` says. */
async function* play<T>(how: string, count: number, item: (n: number) => T, { signal }: Context): AsyncGenerator<T> {
  try {
    if (how === 'gone') throw new PolybError('not_found', 'There is no such station.');
    for (made = 0; made < count; made += 1) yield item(made);
    if (how === 'fails') throw new PolybError('failed_precondition', 'The station is off the air.', { reason: 'off' });
    if (how === 'silent') await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  } finally {
    ended += 1;
  }
}
beforeEach(async () => {
  ended = 0;
  made = 0;
  identity = {
    keyId: 'pk_1',
    actor: 'reader',
    client: 'reader',
    namespace: 'reader',
    person: null,
    allows: () => true,
  } as unknown as Identity;
  const broker = memoryBroker();
  const server = createBus({ transport: broker.connect('radio'), name: 'radio', log: quiet });
  const client = createBus({ transport: broker.connect('gateway'), name: 'gateway', log: quiet });
  buses = [client, server];
  await server.serve(Object.values(radio), {
    'radio.news': (({ how, count, viewer }: z.output<typeof radio.news.input>, _: unknown, context: Context) =>
      play(how, count, (n) => ({ n, ...(viewer && { by: viewer.personId }) }), context)) as never,
    'radio.sound': (({ how, count }: z.output<typeof radio.sound.input>, _: unknown, context: Context) =>
      play(how, count, (n) => (how === 'large' ? new Uint8Array(200_000) : Uint8Array.of(n, 255)), context)) as never,
    'radio.calls': (({ how }: { how: string }, _: unknown, context: Context) =>
      play(how, 2, (n) => ({ n, ...(n === 1 && { phoneNumber: hidden }) }), context)) as never,
    'radio.hidden': async function* () {} as never,
  });
  open = openStreams(async () => true, 3);
  app = createApp({
    routes: [],
    streams: {
      routes: streamRoutesOf(openableBy('gateway', [radio])),
      open: (entry, input, options) => client.open(entry, input, (async function* () {})(), options),
      openStreams: open,
      heartbeatMs: 20,
      silenceMs: 300,
    },
    ask: async () => null,
    admit: async () => identity,
    decided: async () => {},
    owners: { ofChats: async () => new Map(), ofPhones: async (phones) => new Map(phones.map((phone) => [phone, ['oleg']])) },
    changed: () => {},
    observed: () => {},
    log: quiet,
    options: {
      bodyLimitBytes: 10_000,
      requestTimeoutMs: 1_000,
      maxConnections: 20,
      maxInFlight: 20,
      trustedProxies: [],
      requireIfMatch: false,
    },
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await app.close();
  for (const bus of buses) await bus.close({ graceMs: 0 });
});
const manager = { viewer: { personId: 'vera', role: 'manager' } } as const;
const news = (query: string, signal?: AbortSignal) => fetch(`${origin}/radio/r1/news?${query}`, signal === undefined ? {} : { signal });
/** Without heartbeats. */
const events = async (reply: Response) => (await reply.text()).split('\n\n').filter((event) => event !== '' && !event.startsWith(':'));

test('a stream is server-sent events with ids, and an end', async () => {
  const reply = await news('how=ends&count=3');
  expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  expect(await events(reply)).toEqual([...[0, 1, 2].map((n) => `id: ${n + 1}\nevent: item\ndata: {"n":${n}}`), 'event: end\ndata: {}']);
  await until(() => ended === 1);
});

test('the viewer is the person who looks, whatever the request says', async () => {
  expect((await news('how=ends&count=1&viewer=boss')).status).toBe(400);
  expect((await events(await news('how=ends&count=1')))[0]).toContain('data: {"n":0}');
  identity = { ...identity, ...manager };
  expect((await events(await news('how=ends&count=1')))[0]).toContain('data: {"n":0,"by":"vera"}');
});

test('a stream that cannot be opened is a problem, and one that fails later an event', async () => {
  expect((await news('how=ends&count=many')).status).toBe(400);
  const gone = await events(await news('how=gone'));
  expect(gone).toEqual([expect.stringContaining('"code":"not_found"')]);
  const fails = await events(await news('how=fails&count=1'));
  expect(fails).toEqual(['id: 1\nevent: item\ndata: {"n":0}', expect.stringMatching(/^event: error\ndata: .*"reason":"off"/)]);
});

test('an idle stream is open at once, and has heartbeats until its client leaves', async () => {
  const leaving = new AbortController();
  const reply = await news('how=silent&count=0', leaving.signal);
  expect(reply.status).toBe(200);
  const reader = (reply.body as ReadableStream<Uint8Array>).getReader();
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toContain(': alive\n\n');
  expect(ended).toBe(0);
  leaving.abort();
  await until(() => ended === 1);
});

test('a stream ends with the key or the session of its client, and there are as many as the limit allows', async () => {
  const replies = await Promise.all([1, 2, 3].map(() => news('how=silent&count=0')));
  expect((await news('how=silent&count=0')).status).toBe(503);
  open.endOf('pk_other');
  expect((await news('how=silent&count=0')).status).toBe(503);
  open.endOf('pk_1');
  await Promise.all(replies.map((reply) => reply.text().catch(() => {})));
  await until(() => ended === 3);
  expect((await news('how=ends')).status).toBe(200);
});

test('an item with the phone of another manager’s client ends the stream of a manager before it is sent', async () => {
  const calls = async () => events(await fetch(`${origin}/radio/calls?how=phones`));
  expect((await calls()).join('\n')).toContain(hidden);
  identity = { ...identity, ...manager };
  const [first, ...rest] = await calls();
  expect(first).toContain('{"n":0}');
  expect(rest).toEqual([expect.stringMatching(/^event: error\ndata: .*"reason":"no_client"/)]);
  await until(() => ended === 2);
});

test('a stream of bytes is a chunked reply of its content type', async () => {
  const reply = await fetch(`${origin}/radio/sound?how=ends&count=3`);
  expect([reply.headers.get('content-type'), reply.headers.get('transfer-encoding')]).toEqual(['audio/basic', 'chunked']);
  expect([...new Uint8Array(await reply.arrayBuffer())]).toEqual([0, 255, 1, 255, 2, 255]);
});

test.each(['fails', 'silent'])('bytes that are not whole are broken off: %s', async (how) => {
  const reply = await fetch(`${origin}/radio/sound?how=${how}`);
  await expect(reply.arrayBuffer()).rejects.toThrow('terminated');
  await until(() => ended === 1);
});

test('a client that does not read holds its stream up, and loses it after the time limit', async () => {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.pause().write('GET /radio/sound?how=large&count=5000 HTTP/1.1\r\nhost: x\r\n\r\n');
  await until(() => ended === 1);
  expect(made).toBeLessThan(1_000);
  socket.destroy();
});

test('a stream without a route has none, and one with a route is in the document', () => {
  expect(openableBy('gateway', [radio]).map(({ name }) => name)).toEqual(['news', 'sound', 'calls']);
  const { paths } = openApi(exported([radio], []), { version: '1.0.0' }) as {
    paths: Record<string, Record<string, { parameters: { name: string }[] }>>;
  };
  expect(Object.keys(paths).sort()).toEqual(['/radio/calls', '/radio/sound', '/radio/{stationId}/news']);
  expect(paths['/radio/{stationId}/news']?.get).toMatchObject({ responses: { 200: { content: { 'text/event-stream': {} } } } });
  expect(paths['/radio/{stationId}/news']?.get?.parameters.map(({ name }) => name)).toEqual(['stationId', 'how', 'count']);
  expect(paths['/radio/sound']?.get).toMatchObject({ responses: { 200: { content: { 'audio/basic': {} } } } });
});
