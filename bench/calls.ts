/** A typed call with every default layer on, beside `request()` of the plain `nats` 2.29 client with JSON: same payload, same server, turn about. */
import { fileURLToPath } from 'node:url';
import { connect, JSONCodec } from 'nats';
import { startNats } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import peer from './peer.ts';
import { type Load, load, median, play, start } from './roles.ts';

const lead = {
  firstName: 'Иван',
  lastName: 'Иванов',
  phoneNumber: '+79995553322',
  email: 'ivan@example.com',
  source: 'website',
  status: 'New' as const,
  createdById: '65021a1e47d57e2ac',
  consent: true,
  score: 42,
  createdAt: 1_763_625_600_000,
};
const codec = JSONCodec();
const raw: Pick<typeof peer, 'serve' | 'connect'> = {
  async serve({ natsUrl }) {
    const connection = await connect({ servers: natsUrl });
    connection.subscribe('bench.raw', {
      queue: 'q',
      callback: (_error, message) => message.respond(codec.encode(codec.decode(message.data))),
    });
    await connection.flush();
    return { close: () => connection.close() };
  },
  async connect({ natsUrl }) {
    const connection = await connect({ servers: natsUrl });
    return {
      call: async (given) =>
        codec.decode((await connection.request('bench.raw', codec.encode(given), { timeout: 10_000 })).data) as typeof given,
      close: () => connection.close(),
    };
  },
};
const sides = { polyb: peer, raw };
type Side = keyof typeof sides;

export interface CallFigures {
  readonly inFlight: number;
  /** Client and server together, µs of CPU for each call. */
  readonly cpuUs: Readonly<Record<Side, number>>;
  readonly perSecond: Readonly<Record<Side, number>>;
  readonly p50Us: Readonly<Record<Side, number>>;
  readonly p99Us: Readonly<Record<Side, number>>;
  readonly cpuRatio: number;
  readonly rateRatio: number;
}

/** Ratios are medians of the ratios inside each round. */
export async function benchCalls({ rounds = 5, ms = 1_500 }: { rounds?: number; ms?: number } = {}): Promise<readonly CallFigures[]> {
  const dir = await temporaryDir();
  const nats = await startNats({ dir, temporary: true });
  const self = fileURLToPath(import.meta.url);
  const taken = new Map<number, (Load & { side: Side; cpuUs: number; round: number })[]>();
  try {
    for (let round = 0; round < rounds; round += 1)
      for (const side of round % 2 === 0 ? (['polyb', 'raw'] as const) : (['raw', 'polyb'] as const)) {
        const [server, client] = [
          await start(self, [side, 'serve'], { NATS_URL: nats.url }),
          await start(self, [side, 'connect'], { NATS_URL: nats.url }),
        ];
        try {
          await client.ask('load', { concurrency: 64, ms: 500 });
          for (const inFlight of [64, 512]) {
            const before = (await server.ask<number>('cpu')) + (await client.ask<number>('cpu'));
            const figures = await client.ask<Load>('load', { concurrency: inFlight, ms });
            const cpu = (await server.ask<number>('cpu')) + (await client.ask<number>('cpu')) - before;
            taken.set(inFlight, [...(taken.get(inFlight) ?? []), { ...figures, side, round, cpuUs: cpu / figures.calls }]);
          }
        } finally {
          await client.stop();
          await server.stop();
        }
      }
  } finally {
    await nats.stop();
  }
  return [...taken].map(([inFlight, all]) => {
    const of = (side: Side, field: 'cpuUs' | 'perSecond' | 'p50Us' | 'p99Us'): number =>
      Number(median(all.filter((one) => one.side === side).map((one) => one[field])).toFixed(1));
    const both = (field: Parameters<typeof of>[1]) => ({ polyb: of('polyb', field), raw: of('raw', field) });
    const ratio = (field: Parameters<typeof of>[1]): number =>
      Number(
        median(
          all
            .filter(({ side }) => side === 'polyb')
            .map((one) => one[field] / (all.find((other) => other.side === 'raw' && other.round === one.round)?.[field] ?? Number.NaN)),
        ).toFixed(3),
      );
    return {
      inFlight,
      cpuUs: both('cpuUs'),
      perSecond: both('perSecond'),
      p50Us: both('p50Us'),
      p99Us: both('p99Us'),
      cpuRatio: ratio('cpuUs'),
      rateRatio: ratio('perSecond'),
    };
  });
}

const [side, part] = process.argv.slice(2) as [Side, 'serve' | 'connect' | undefined];
if (part === 'serve') {
  await sides[side].serve({ natsUrl: String(process.env.NATS_URL) });
  play({});
} else if (part === 'connect') {
  const { call } = await sides[side].connect({ natsUrl: String(process.env.NATS_URL) });
  play({ load: (how: { concurrency: number; ms: number }) => load(() => call(lead), how) });
}
