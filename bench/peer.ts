/** PolyB as one peer of the request/reply benchmark: the public API only, with every default layer on. */
import { z } from 'zod';
import { type BusHost, createBus } from '../bus/bus.ts';
import type { Handler } from '../bus/service.ts';
import { connectNats } from '../bus/transports/nats.ts';
import { contract, method } from '../contracts/kit/define.ts';
import { isPolybError } from '../contracts/kit/errors.ts';
import { quiet } from '../runtime/noop-log.ts';

const Lead = z.strictObject({
  firstName: z.string().min(1).max(100),
  lastName: z.string().min(1).max(100),
  phoneNumber: z.string().regex(/^\+[1-9]\d{6,14}$/),
  email: z
    .string()
    .regex(/^[^@\s]+@[^@\s]+\.[^@\s]+$/)
    .optional(),
  source: z.string().max(50),
  status: z.enum(['New', 'Assigned', 'Converted', 'Dead']),
  createdById: z.string().optional(),
  consent: z.boolean(),
  score: z.number().int().min(0).max(100),
  createdAt: z.number(),
});
const bench = contract('bench', '1.0.0', {
  echo: method({ summary: 'Answer with what was given.', input: Lead, output: Lead, idempotency: 'read' }),
});
type Lead = z.infer<typeof Lead>;

const echo: Handler<typeof bench.echo> = async (lead) => lead;
const wrongLead = { firstName: '', phoneNumber: 'none' } as unknown as Lead;

async function open(servers: string, name: string): Promise<BusHost> {
  return createBus({ transport: await connectNats({ servers, name, inboxUser: name }), name, log: quiet });
}
async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'ok',
    (error) => (isPolybError(error) ? error.code : 'another error'),
  );
}

/** Shows that what is measured is what is promised: a wrong lead is refused, an expired call never runs, calls are counted. */
async function showLayers(servers: string, served: BusHost): Promise<void> {
  const raw = await connectNats({ servers, name: 'bench-raw', inboxUser: 'bench-raw' });
  const caller = createBus({ transport: raw, name: 'bench-check', log: quiet });
  const wrong = await codeOf(caller.call(bench.echo, wrongLead));
  const sentLongAgo = `NATS/1.0\r\npolyb-timeout-ms: 100\r\npolyb-sent-at: ${Date.now() - 5000}\r\n\r\n`;
  raw.publish('polyb.rpc.bench.echo', '{}', sentLongAgo, `${raw.inbox}.0`);
  const again = await codeOf(caller.call(bench.echo, wrongLead)); // comes after the expired one, so that one has been dealt with
  const stats = served.stats().find(({ side }) => side === 'server');
  console.error(
    `wrong lead: ${wrong}, again: ${again}; expired calls dropped: ${stats?.dropped}; counted: ${stats?.requests} requests, ${stats?.errors} errors`,
  );
  await caller.close();
}

export default {
  id: 'polyb',
  title: 'PolyB bus: validation, deadline, trace, limit, records',
  async serve({ natsUrl }: { natsUrl: string }): Promise<{ close(): Promise<void> }> {
    const bus = await open(natsUrl, 'bench');
    await bus.serve(Object.values(bench), { 'bench.echo': echo as Handler });
    await showLayers(natsUrl, bus);
    return { close: () => bus.close() };
  },
  async connect({ natsUrl }: { natsUrl: string }): Promise<{ call(lead: Lead): Promise<Lead>; close(): Promise<void> }> {
    const bus = await open(natsUrl, 'bench-client');
    return { call: (lead) => bus.call(bench.echo, lead), close: () => bus.close() };
  },
};
