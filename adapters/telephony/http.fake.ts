/**
 * A telephony gateway that only counts calls, for tests and fault runs, as its own process or in this one:
 * `node adapters/telephony/http.fake.ts --port 0 --effects calls.jsonl --faults refuse=5,reset_after=2 --seed 7`
 * prints its URL. `POST /call` places a call and appends it to the effects file; `POST /faults ["hang"]` sets faults for the next calls.
 */
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { seededRandom } from '../../contracts/kit/seeded-random.ts';

/** `…_before`: nothing was placed. `…_after`: the call was placed, the reply was lost. `hang`: placed, and no reply. */
const Fault = z.enum(['refuse', 'busy', 'reset_before', 'reset_after', 'error_after', 'hang']);
export type Fault = z.output<typeof Fault>;
export interface PlacedCall {
  readonly phone: string;
  readonly ref?: string | undefined;
}
const PlacedCall = z.strictObject({ phone: z.string().regex(/^\+?\d{3,18}$/), ref: z.string().optional() });

export interface FakeGateway {
  /** The URL for calls. */
  readonly url: string;
  readonly placed: readonly PlacedCall[];
  /** Faults for the next calls, one each. */
  order(...faults: readonly Fault[]): void;
  close(): Promise<void>;
}
interface Options {
  readonly port?: number;
  readonly effects?: string | undefined;
  /** Percentage of calls for each fault. */
  readonly percent?: Readonly<Partial<Record<Fault, number>>>;
  readonly seed?: number;
}

export async function startFakeGateway({ port = 0, effects, percent = {}, seed = 1 }: Options = {}): Promise<FakeGateway> {
  const placed: PlacedCall[] = [];
  const ordered: Fault[] = [];
  const random = seededRandom(seed);
  const place = (call: PlacedCall) => {
    placed.push(call);
    if (effects !== undefined) appendFileSync(effects, `${JSON.stringify(call)}\n`);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(400).end(String(error)));
  });
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body: unknown = JSON.parse(await text(request));
    if (request.url === '/faults') {
      ordered.push(...z.array(Fault).parse(body));
      return response.end();
    }
    const call = PlacedCall.parse(body);
    switch (ordered.shift() ?? chance(random() * 100, percent)) {
      case 'refuse':
        return response.writeHead(422).end(`no route to ${call.phone}`);
      case 'busy':
        return response.writeHead(429, { 'retry-after': '1' }).end();
      case 'reset_before':
        return request.socket.destroy();
      case 'reset_after':
        place(call);
        return request.socket.destroy();
      case 'error_after':
        place(call);
        return response.writeHead(500).end('internal error');
      case 'hang':
        return place(call);
      case undefined:
        place(call);
        return response.setHeader('content-type', 'application/json').end('{"status":"ok"}');
    }
  };
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/call`, // A listening TCP server has an address of this type.
    placed,
    order: (...faults) => void ordered.push(...faults),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The fault whose share of the percentages contains `point`, 0 to 100. */
function chance(point: number, percent: NonNullable<Options['percent']>): Fault | undefined {
  let left = point;
  for (const fault of Fault.options) {
    left -= percent[fault] ?? 0;
    if (left < 0) return fault;
  }
  return undefined;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      effects: { type: 'string' },
      faults: { type: 'string', default: '' },
      seed: { type: 'string', default: '1' },
    },
  });
  const given = values.faults.split(',').filter((part) => part !== '');
  const percent = z.partialRecord(Fault, z.coerce.number()).parse(Object.fromEntries(given.map((part) => part.split('='))));
  const { port, effects, seed } = values;
  const gateway = await startFakeGateway({ port: Number(port), effects, percent, seed: Number(seed) });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void gateway.close());
  console.log(gateway.url);
}
