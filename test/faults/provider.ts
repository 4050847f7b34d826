/**
 * The outside world: a provider in its own process that appends one line for each effect it has accepted, then answers, or not.
 * Run by `lab.ts`; the runner orders faults and strikes by messages.
 */
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { createBus } from '../../bus/bus.ts';
import { connectNats } from '../../bus/transports/nats.ts';
import { journal } from '../../contracts/journal.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { randomFrom } from './random.ts';

/** `refuse`, `busy`: nothing happened, and it says so. `reset_after`, `error_after`, `hang`: accepted, and nobody is told. `slow`: accepted after the caller gave up. */
export const providerFaults = ['refuse', 'busy', 'refuse_after_claim', 'reset_after', 'error_after', 'hang', 'slow'] as const;
export type ProviderFault = (typeof providerFaults)[number];

export const ProviderSetup = z.object({
  file: z.string(),
  natsUrl: z.string(),
  seed: z.int(),
  /** Share of requests that meet a fault, 0 to 1. */
  faults: z.number(),
  /** How long an accepted effect stays invisible to look-ups. */
  lagMs: z.number(),
  /** How long a `slow` acceptance takes. */
  slowMs: z.number(),
  /** Longest time that it takes before it acts, and again before it answers. */
  thinkMs: z.number(),
});
export const Posted = z.object({ ref: z.string(), item: z.string(), body: z.string(), claim: z.boolean(), pid: z.int() });
/** A line of the effects file. */
export const Effect = z.object({ effectId: z.string(), ref: z.string(), item: z.string(), body: z.string(), at: z.number() });
/** The runner's orders. `strike`: tell who sent the next accepted effect and never answer it. */
export const Order = z.union([
  z.object({ strike: z.literal(true) }),
  z.object({ faults: z.number() }),
  z.object({ stop: z.literal(true) }),
]);
/** What the provider tells the runner. */
export const Struck = z.object({ struck: z.object({ pid: z.int() }) });

async function main(): Promise<void> {
  const setup = ProviderSetup.parse(JSON.parse(process.argv[2] ?? '{}'));
  const random = randomFrom(setup.seed);
  const transport = await connectNats({
    servers: setup.natsUrl,
    name: 'gateway',
    inboxUser: 'gateway',
    signal: AbortSignal.timeout(10_000),
  });
  const bus = createBus({ transport, name: 'gateway', log: quiet });
  const visible = new Map<string, { readonly effectId: string; readonly body: string; readonly at: number }>();
  let faultShare = setup.faults;
  let strikes = 0;
  let accepted = 0;

  const accept = ({ ref, item, body }: z.output<typeof Posted>): string => {
    accepted += 1;
    const effectId = `e${accepted}`;
    const at = Date.now();
    appendFileSync(setup.file, `${JSON.stringify({ effectId, ref, item, body, at })}\n`);
    visible.set(ref, { effectId, body, at });
    return effectId;
  };
  const answer = (response: ServerResponse, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const posted = Posted.parse(JSON.parse(await text(request)));
    const fault = random.chance(faultShare) ? random.pick(providerFaults) : undefined;
    if (fault === 'refuse') return answer(response, 422, { why: 'no such address' });
    if (fault === 'busy') return answer(response, 429, { why: 'busy' }, { 'retry-after': '0' });
    if (setup.thinkMs > 0) await delay(random.next() * setup.thinkMs);
    if (fault === 'slow') await delay(setup.slowMs);
    if (posted.claim) {
      const claimed = await bus.call(journal.claim, { ref: posted.ref }, { timeoutMs: 700 }).catch(() => null);
      // Who cannot tell whether he may act does not act.
      if (claimed === null) return answer(response, 503, { why: 'the claim could not be asked for' });
      if (!claimed.won) return answer(response, 409, { why: 'claimed by another attempt' });
    }
    if (fault === 'refuse_after_claim') return answer(response, 429, { why: 'no free line' }, { 'retry-after': '0' });
    const effectId = accept(posted);
    if (strikes > 0) {
      strikes -= 1;
      process.send?.({ struck: { pid: posted.pid } });
      return; // whoever sent it is killed before it learns
    }
    if (fault === 'hang') return;
    if (fault === 'reset_after') return void request.socket.destroy();
    if (fault === 'error_after') return answer(response, 500, { why: 'something broke after it was done' });
    if (setup.thinkMs > 0) await delay(random.next() * setup.thinkMs);
    answer(response, 200, { effectId, body: posted.body });
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://provider');
    if (request.method === 'POST') {
      take(request, response).catch((error: unknown) => answer(response, 400, { why: String(error) }));
      return;
    }
    const found = visible.get(url.searchParams.get('ref') ?? '');
    if (found === undefined || found.at + setup.lagMs > Date.now()) answer(response, 404, {});
    else answer(response, 200, { effectId: found.effectId, body: found.body });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.on('message', (message) => {
    const order = Order.parse(message);
    if ('strike' in order) strikes += 1;
    else if ('faults' in order) faultShare = order.faults;
    else process.exit(0);
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }); // a listening TCP server has such an address
}

if (import.meta.main) await main();
