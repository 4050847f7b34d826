/** Items of a stream under credit windows, beside a reply awaited for each item. */
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { createBus } from '../bus/bus.ts';
import type { Handler, StreamHandler } from '../bus/service.ts';
import { connectNats } from '../bus/transports/nats.ts';
import { contract, method, stream } from '../contracts/kit/define.ts';
import { quiet } from '../runtime/noop-log.ts';
import { startNats } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import { median, play, start } from './roles.ts';

const Item = z.object({
  firstName: z.string().max(100),
  lastName: z.string().max(100),
  phoneNumber: z.string().max(20),
  comment: z.string().max(200),
  nth: z.int(),
});
const flow = contract('bench_flow', '1.0.0', {
  items: stream({ summary: 'As many items as asked for.', input: z.strictObject({ count: z.int() }), up: z.strictObject({}), down: Item }),
  item: method({ summary: 'The next item.', input: z.strictObject({ nth: z.int() }), output: Item, idempotency: 'read' }),
});
const item = (nth: number) => ({ firstName: 'Иван', lastName: 'Иванов', phoneNumber: '+79995553322', comment: 'x'.repeat(100), nth });

async function open(name: string) {
  return createBus({
    transport: await connectNats({ servers: String(process.env.NATS_URL), name, inboxUser: name, log: quiet }),
    name,
    log: quiet,
  });
}

export interface StreamFigures {
  readonly itemsPerSecond: number;
  readonly acknowledgedPerSecond: number;
  readonly ratio: number;
}
export async function benchStreams({ rounds = 3 }: { rounds?: number } = {}): Promise<StreamFigures> {
  const nats = await startNats({ dir: await temporaryDir(), temporary: true });
  const self = fileURLToPath(import.meta.url);
  const env = { NATS_URL: nats.url };
  const [server, client] = [await start(self, ['server'], env), await start(self, ['client'], env)];
  try {
    const taken: { items: number; acknowledged: number }[] = [];
    await client.ask('items', 5_000);
    for (let round = 0; round < rounds; round += 1)
      taken.push({ items: await client.ask('items', 60_000), acknowledged: await client.ask('acknowledged', 4_000) });
    return {
      itemsPerSecond: Math.round(median(taken.map(({ items }) => items))),
      acknowledgedPerSecond: Math.round(median(taken.map(({ acknowledged }) => acknowledged))),
      ratio: Number(median(taken.map(({ items, acknowledged }) => items / acknowledged)).toFixed(1)),
    };
  } finally {
    await client.stop();
    await server.stop();
    await nats.stop();
  }
}

const perSecond = async (count: number, work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return (count / (performance.now() - began)) * 1_000;
};
const role = process.argv[2];
if (role === 'server') {
  const bus = await open('server');
  const items: StreamHandler<typeof flow.items> = async function* ({ count }) {
    for (let nth = 0; nth < count; nth += 1) yield item(nth);
  };
  const one: Handler<typeof flow.item> = async ({ nth }) => item(nth);
  await bus.serve(Object.values(flow), { 'bench_flow.items': items as StreamHandler, 'bench_flow.item': one as Handler });
  play({});
} else if (role === 'client') {
  const bus = await open('client');
  const nothing = async function* (): AsyncGenerator<Record<string, never>> {};
  play({
    items: (count: number) =>
      perSecond(count, async () => {
        let got = 0;
        for await (const { nth } of bus.open(flow.items, { count }, nothing(), { timeoutMs: 60_000 })) got += nth === got ? 1 : 0;
        if (got !== count) throw new Error(`${got} of ${count} items came in order`);
      }),
    acknowledged: (count: number) =>
      perSecond(count, async () => {
        for (let nth = 0; nth < count; nth += 1) await bus.call(flow.item, { nth });
      }),
  });
}
