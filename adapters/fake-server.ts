/**
 * The server behind the fakes of providers: it records requests, lets a test order faults, and writes effects to a file.
 * `POST /faults` orders a fault (the body is a `Fault`), `GET /seen` returns how many requests came.
 */
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

/** A fault, once unless `times` says more. */
export interface Fault {
  /**
   * `refuse`: a status, by default with no body. `hang`: no reply. `cut`: the connection drops. `garbage`: 200 with an HTML page.
   * `slow`: the reply is `ms` late.
   */
  readonly do: 'refuse' | 'hang' | 'cut' | 'garbage' | 'slow';
  /** The beginning of `METHOD path`: `POST Contact`, `GET`; every request if absent. */
  readonly on?: string;
  /** The work is done before the fault. */
  readonly executes?: boolean;
  /** Of `refuse`; default 503. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly ms?: number;
  readonly times?: number;
  /** The share of requests affected, 0 to 1; default 1. */
  readonly share?: number;
}
export interface FakeRequest {
  readonly method: string;
  /** Below `base`, without the leading slash and the query, as received. */
  readonly path: string;
  /** As received, not decoded. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly bytes: Buffer;
}
export interface FakeReply {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text and bytes as they are, pieces of bytes as they come, undefined as an empty body, anything else as JSON. */
  readonly body?: unknown;
}
/** A reply with which a fake refuses a request; thrown. */
export class Refusal extends Error {
  readonly reply: FakeReply;
  constructor(reply: FakeReply) {
    super(`refused with ${reply.status}`);
    this.reply = reply;
  }
}
export interface FakeServer {
  /** Without a slash at its end. */
  readonly url: string;
  readonly seen: readonly FakeRequest[];
  /** `struck` resolves at the first occurrence. */
  order(fault: Fault): { readonly struck: Promise<void> };
  /** Appends a line to the effects file: what was done, and when. */
  effect(what: { readonly did: string; readonly entity: string; readonly id: string } & Readonly<Record<string, unknown>>): void;
  close(): Promise<void>;
}
export interface FakeServerOptions {
  readonly port?: number | undefined;
  /** The beginning of every path, `api/v1/`; other paths are 404. Default: none. */
  readonly base?: string | undefined;
  /** Path of the effects file. */
  readonly effects?: string | undefined;
  /** Unix ms. */
  readonly now?: (() => number) | undefined;
  /** From 0 to 1. */
  readonly random?: (() => number) | undefined;
  /** Called with the status of each reply to a recorded request, except a `hang` or a `cut`. */
  readonly onReply?: ((status: number, request: FakeRequest) => void) | undefined;
  /** A client asks for a WebSocket. Default: refused. */
  readonly onUpgrade?: ((request: IncomingMessage, socket: Duplex, head: Buffer) => void) | undefined;
  /** PEM texts: the server speaks TLS. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
}

/** @param work what the provider does with a request; a `Refusal` that it throws is the reply, anything else is a 500. */
export async function fakeServer(
  { port = 0, base = '', effects, now = Date.now, random = Math.random, onReply = () => {}, onUpgrade, tls }: FakeServerOptions,
  work: (request: FakeRequest) => FakeReply | Promise<FakeReply>,
): Promise<FakeServer> {
  const seen: FakeRequest[] = [];
  const faults: { fault: Fault; left: number; strike(): void }[] = [];
  const order = (fault: Fault) => {
    const { promise: struck, resolve } = Promise.withResolvers<void>();
    faults.push({ fault, left: fault.times ?? 1, strike: resolve });
    return { struck };
  };
  const strike = (at: string): Fault | undefined => {
    const next = faults.find(({ fault, left }) => left > 0 && at.startsWith(fault.on ?? '') && random() < (fault.share ?? 1));
    if (!next) return undefined;
    next.left -= 1;
    next.strike();
    return next.fault;
  };
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = request;
    const bytes = await bodyOf(request);
    const body = bytes.toString('utf8');
    const [whole = '', query = ''] = url.slice(1).split(/\?(.*)/s);
    if (whole === 'faults' && method === 'POST') {
      order(JSON.parse(body) as Fault);
      return send(response, { body: true });
    }
    if (whole === 'seen' && method === 'GET') return send(response, { body: { requests: seen.length } });
    if (!whole.startsWith(base)) return send(response, { status: 404 });
    const path = whole.slice(base.length);
    const asked: FakeRequest = { method, path, query, headers, body, bytes };
    seen.push(asked);
    response.once('finish', () => onReply(response.statusCode, asked));
    const fault = strike(`${method} ${path}`);
    if (fault?.do === 'slow') await sleep(fault.ms ?? 1000, undefined, { ref: false });
    else if (fault) {
      if (fault.executes) await work(asked);
      return goWrong(fault, request, response);
    }
    send(response, await work(asked));
  }
  const listener: RequestListener = (request, response) => {
    answer(request, response).catch((thrown: unknown) =>
      send(response, thrown instanceof Refusal ? thrown.reply : { status: 500, body: { error: String(thrown) } }),
    );
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  if (onUpgrade !== undefined) server.on('upgrade', onUpgrade);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    // The certificate is for the name.
    url: tls === undefined ? `http://127.0.0.1:${bound}` : `https://localhost:${bound}`,
    seen,
    order,
    effect(what) {
      if (effects !== undefined) appendFileSync(effects, `${JSON.stringify({ at: new Date(now()).toISOString(), ...what })}\n`);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Counts requests in a sliding window, as a provider does that bans above its rate. */
export function slidingWindow({ limit, windowMs }: { readonly limit: number; readonly windowMs: number }, now: () => number) {
  const hits: number[] = [];
  return {
    /** False if this request is one too many. */
    hit(): boolean {
      const at = now();
      while (hits[0] !== undefined && hits[0] <= at - windowMs) hits.shift();
      hits.push(at);
      return hits.length <= limit;
    },
  };
}

/** `node fake.ts --port 0 --effects FILE` runs a fake until it is told to stop, and prints its address. */
export async function runFake(
  start: (options: Pick<FakeServerOptions, 'port' | 'effects'>) => Promise<{ readonly url: string; close(): Promise<void> }>,
): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '0' }, effects: { type: 'string' } } });
  const fake = await start({ port: Number(values.port), effects: values.effects });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void fake.close());
  console.log(fake.url);
}

function goWrong(fault: Fault, request: IncomingMessage, response: ServerResponse): void {
  switch (fault.do) {
    case 'refuse':
      send(response, { status: fault.status ?? 503, body: fault.body, ...(fault.headers && { headers: fault.headers }) });
      break;
    case 'cut':
      request.socket.destroy();
      break;
    case 'garbage':
      send(response, { headers: { 'Content-Type': 'text/html' }, body: '<html><body>It works!</body></html>' });
      break;
    case 'hang':
    case 'slow':
      break;
  }
}
async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
function send(response: ServerResponse, { status = 200, headers = {}, body }: FakeReply): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  if (isPieces(body))
    pipeline(Readable.from(body), response).catch(() => {}); // The client has left.
  else response.end(body === undefined ? '' : typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body));
}
const isPieces = (body: unknown): body is AsyncIterable<Uint8Array> =>
  typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
