/** A GET and a POST through the gateway, with its key, rate limit and metrics, beside bare fastify that makes the same bus call: same service, turn about. */
import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import fastify from 'fastify';
import { z } from 'zod';
import { memoryCache } from '../adapters/cache/memory.ts';
import { type BusHost, createBus } from '../bus/bus.ts';
import { connectNats } from '../bus/transports/nats.ts';
import { PageInput, PersonText, pageOf, Timestamp } from '../contracts/common.ts';
import { contract, method } from '../contracts/kit/define.ts';
import { quiet } from '../runtime/noop-log.ts';
import { startNats } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import { createAdmit } from '../services/gateway/admit.ts';
import { createApp } from '../services/gateway/app.ts';
import { createFigures } from '../services/gateway/figures.ts';
import { createKeys } from '../services/gateway/keys.ts';
import { callableBy, routesOf } from '../services/gateway/routes.ts';
import { type Load, load, median, play, start } from './roles.ts';

const Message = z.object({ messageId: z.string().max(40), text: PersonText, at: Timestamp });
const bench = contract('bench', '1.0.0', {
  list_messages: method({
    summary: 'x',
    input: z.strictObject({ chatId: z.string().max(64).optional(), ...PageInput }),
    output: pageOf(Message),
    idempotency: 'read',
    http: 'GET /messages',
  }),
  classify: method({
    summary: 'x',
    input: z.strictObject({ text: PersonText, messageId: z.string().max(40).optional() }),
    output: z.object({ intent: z.string().max(40), confidence: z.number().min(0).max(1) }),
    idempotency: 'idempotent',
    http: 'POST /classify',
  }),
});
const items = Array.from({ length: 20 }, (_, nth) => ({
  messageId: `msg_${nth}`,
  text: 'Здравствуйте! Можно заказать букет из пятнадцати белых роз на завтра к десяти?',
  at: '2026-01-31T10:00:00.000Z',
}));
const host = '127.0.0.1';
const secret = 'A'.repeat(43);
const key = `pk_benchmark.${secret}`;

async function open(name: string): Promise<BusHost> {
  return createBus({ transport: await connectNats({ servers: String(process.env.NATS_URL), name, inboxUser: name }), name, log: quiet });
}

const sides = {
  async gateway(bus: BusHost): Promise<number> {
    const secretHash = createHash('sha256').update(secret).digest();
    const keys = createKeys({
      find: async () => ({
        client: 'bench',
        person: null,
        scopes: ['read', 'send'],
        secretHash,
        expiresAtMs: Number.POSITIVE_INFINITY,
        isRevoked: false,
      }),
      now: Date.now,
    });
    const figures = createFigures({
      bus,
      expected: [],
      known: { find: async () => [], note: async () => {} },
      responding: async () => [],
      now: Date.now,
    });
    const app = createApp({
      routes: routesOf(callableBy('gateway', [bench]), []),
      ask: (asked, input, options) => bus.call(asked, input, options),
      admit: createAdmit({
        keys,
        sessions: { identify: async () => null },
        cache: memoryCache({ now: Date.now }),
        limit: { limit: 10_000_000, windowMs: 60_000 },
      }),
      decided: async () => {},
      owners: { ofChats: async () => new Map(), ofPhones: async () => new Map() },
      changed: () => {},
      observed: figures.observed,
      log: quiet,
      options: {
        bodyLimitBytes: 1_000_000,
        requestTimeoutMs: 30_000,
        maxConnections: 2_000,
        maxInFlight: 2_000,
        trustedProxies: [],
        requireIfMatch: false,
      },
    });
    return portOf(await app.listen({ host, port: 0 }));
  },
  async bare(bus: BusHost): Promise<number> {
    const app = fastify();
    app.get('/messages', async ({ query }) => {
      const { chatId, limit } = query as { chatId: string; limit: string };
      return await bus.call(bench.list_messages, { chatId, limit: Number(limit) });
    });
    app.post('/classify', async ({ body }) => await bus.call(bench.classify, body as { text: string }));
    return portOf(await app.listen({ host, port: 0 }));
  },
};
type Side = keyof typeof sides;
const portOf = (address: string): number => Number(new URL(address).port);

const asks = {
  get: { method: 'GET', path: '/messages?chatId=42&limit=20', body: undefined },
  post: { method: 'POST', path: '/classify', body: JSON.stringify({ text: 'Когда привезут заказ?', messageId: 'msg_1' }) },
} as const;
type Asked = keyof typeof asks;

export interface GatewayFigures {
  readonly asked: Asked;
  readonly cpuUs: Readonly<Record<Side, number>>;
  readonly perSecond: Readonly<Record<Side, number>>;
  readonly p50Us: Readonly<Record<Side, number>>;
  /** Time of one request in flight, gateway beside bare. */
  readonly timeRatio: number;
  /** CPU of the HTTP process for each request, gateway beside bare. */
  readonly cpuRatio: number;
}

/** Ratios are medians of the ratios inside each round. */
export async function benchGateway({ rounds = 15, ms = 500 }: { rounds?: number; ms?: number } = {}): Promise<readonly GatewayFigures[]> {
  const nats = await startNats({ dir: temporaryDir(), temporary: true });
  const env = { NATS_URL: nats.url };
  const self = fileURLToPath(import.meta.url);
  const taken: (Load & { readonly side: Side; readonly asked: Asked; readonly round: number; readonly cpuUs: number })[] = [];
  const service = await start(self, ['service'], env);
  const client = await start(self, ['client'], env);
  try {
    const servers = { gateway: await start(self, ['gateway'], env), bare: await start(self, ['bare'], env) };
    const ports = { gateway: await servers.gateway.ask<number>('port'), bare: await servers.bare.ask<number>('port') };
    for (const asked of ['get', 'post'] as const) {
      for (const side of ['gateway', 'bare'] as const) await client.ask('load', { port: ports[side], asked, concurrency: 16, ms: 500 });
      for (let round = 0; round < rounds; round += 1)
        for (const side of round % 2 === 0 ? (['gateway', 'bare'] as const) : (['bare', 'gateway'] as const)) {
          const before = await servers[side].ask<number>('cpu');
          const figures = await client.ask<Load>('load', { port: ports[side], asked, concurrency: 16, ms });
          taken.push({ ...figures, side, asked, round, cpuUs: ((await servers[side].ask<number>('cpu')) - before) / figures.calls });
        }
    }
    await Promise.all(Object.values(servers).map((role) => role.stop()));
  } finally {
    await Promise.all([client.stop(), service.stop()]);
    await nats.stop();
  }
  return (['get', 'post'] as const).map((asked) => {
    const all = taken.filter((one) => one.asked === asked);
    const both = (field: 'cpuUs' | 'perSecond' | 'p50Us') => {
      const of = (side: Side): number => Math.round(median(all.filter((one) => one.side === side).map((one) => one[field])));
      return { gateway: of('gateway'), bare: of('bare') };
    };
    const ratio = (field: 'cpuUs' | 'p50Us'): number =>
      Number(
        median(
          all
            .filter(({ side }) => side === 'gateway')
            .map((one) => one[field] / (all.find((other) => other.side === 'bare' && other.round === one.round)?.[field] ?? Number.NaN)),
        ).toFixed(3),
      );
    return {
      asked,
      cpuUs: both('cpuUs'),
      perSecond: both('perSecond'),
      p50Us: both('p50Us'),
      timeRatio: ratio('p50Us'),
      cpuRatio: ratio('cpuUs'),
    };
  });
}

/** One request over a kept connection. */
function ask(agent: Agent, port: number, { method: verb, path, body }: (typeof asks)[Asked]): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      'x-api-key': key,
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    const asked = request({ agent, host, port, path, method: verb, headers }, (answered) => {
      answered.resume();
      answered.once('end', () => (answered.statusCode === 200 ? resolve() : reject(new Error(`${verb} ${path}: ${answered.statusCode}`))));
    });
    asked.once('error', reject);
    asked.end(body);
  });
}

const [role] = process.argv.slice(2);
if (role === 'service') {
  const bus = await open('bench');
  await bus.serve(Object.values(bench), {
    'bench.list_messages': async () => ({ items, nextCursor: 'bmV4dA' }),
    'bench.classify': async () => ({ intent: 'question', confidence: 0.93 }),
  });
  play({});
} else if (role === 'gateway' || role === 'bare') {
  const port = await sides[role](await open(role));
  play({ port: async () => port });
} else if (role === 'client') {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  play({
    load: ({ port, asked, ...how }: { port: number; asked: Asked; concurrency: number; ms: number }) =>
      load(() => ask(agent, port, asks[asked]), how),
  });
}
