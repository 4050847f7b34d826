/**
 * A strict fake of EspoCRM 9.1, for tests and demos: replies as measured, and fails on demand.
 * As a program: `node adapters/vendors/espocrm/fake.ts --port 0 --effects FILE` prints its address. `POST /faults` sets faults
 * (the body is a `Fault`), and the effects file has one JSON line for each record created or changed.
 */
import { createHmac } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type EspoRecord, type EspoRecords, espoRecords, type Refusal, refused } from './fake-records.ts';

/** A fault, once unless `times` says more. */
export interface Fault {
  /**
   * `refuse`: a status from a proxy. `hang`: no reply. `cut`: the connection drops. `garbage`: 200 with an HTML page. `slow`: the
   * reply is `ms` late.
   */
  readonly do: 'refuse' | 'hang' | 'cut' | 'garbage' | 'slow';
  /** `POST Contact`, `GET`, …; every request if absent. */
  readonly on?: string;
  /** The work is done before the fault. */
  readonly executes?: boolean;
  /** Of `refuse`; default 503. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly ms?: number;
  readonly times?: number;
  /** The share of requests affected, 0 to 1; default 1. */
  readonly share?: number;
}
export interface FakeRequest {
  readonly method: string;
  /** Relative to `api/v1/`, without the query. */
  readonly path: string;
  /** As received, not decoded. */
  readonly query: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
export interface EspoFake {
  readonly url: string;
  readonly records: EspoRecords;
  readonly seen: readonly FakeRequest[];
  /** `struck` resolves at the first occurrence. */
  order(fault: Fault): { readonly struck: Promise<void> };
  close(): Promise<void>;
}
export interface EspoFakeOptions {
  readonly port?: number;
  readonly effects?: string;
  /** Unix ms. */
  readonly now?: () => number;
  /** From 0 to 1. */
  readonly random?: () => number;
  readonly customFields?: readonly string[];
  /** Maximum page size of a list; default 200. */
  readonly maxPage?: number;
}
/** Credentials: one API user with a key, and one that signs. */
export const espoUsers = { apiKey: 'fake-api-key', hmacKey: 'fake-hmac-key', secretKey: 'fake-secret-key', userId: '1' } as const;

export async function espoFake(options: EspoFakeOptions = {}): Promise<EspoFake> {
  const { now = Date.now, random = Math.random, customFields = ['cPolybRef'] } = options;
  const records = espoRecords({ now, custom: customFields, userId: espoUsers.userId, maxPage: options.maxPage });
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
  const told = (did: string, entity: string, record: EspoRecord) => {
    if (options.effects)
      appendFileSync(options.effects, `${JSON.stringify({ at: new Date(now()).toISOString(), did, entity, id: record.id, record })}\n`);
    return record;
  };

  async function work({ method, path, query, headers, body }: FakeRequest): Promise<unknown> {
    checkUser(method, path, headers);
    const [entity = '', id] = path.split('/');
    const parsed = parsePhpQuery(query);
    if (method === 'GET' && id === undefined) {
      const { list, total } = records.list(entity, parsed);
      return { total: headers['x-no-total'] === 'true' ? -1 : total, list };
    }
    if (method === 'GET' && id) return records.read(entity, id);
    if (method === 'POST' && id === undefined)
      return told('create', entity, await records.create(entity, json(body), headers['x-skip-duplicate-check'] === 'true'));
    if ((method === 'PUT' || method === 'PATCH') && id) {
      const version = headers['x-version-number'];
      return told('update', entity, records.update(entity, id, json(body), typeof version === 'string' ? version : undefined));
    }
    if (method === 'DELETE' && id) {
      records.remove(entity, id);
      return true;
    }
    throw refused(404, 'Not found.');
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = request;
    const body = await bodyOf(request);
    const [address = '', query = ''] = url.split(/\?(.*)/s);
    if (method === 'POST' && address === '/faults') {
      order(JSON.parse(body) as Fault);
      return send(response, 200, true);
    }
    if (!address.startsWith('/api/v1/')) return send(response, 404);
    const asked: FakeRequest = { method, path: address.slice('/api/v1/'.length), query, headers, body };
    seen.push(asked);
    const fault = strike(`${method} ${asked.path}`);
    if (fault?.do === 'slow') await sleep(fault.ms ?? 1000, undefined, { ref: false });
    else if (fault) {
      if (fault.executes) await work(asked);
      return goWrong(fault, request, response);
    }
    send(response, 200, await work(asked));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((thrown: Partial<Refusal> & Error) => {
      if (thrown.status === undefined) return send(response, 500);
      const extra: Record<string, string> = { 'X-Status-Reason': thrown.message };
      if (thrown.message === 'no credentials') extra['WWW-Authenticate'] = 'Basic realm=""';
      send(response, thrown.status, thrown.body, thrown.status === 401 ? { 'Content-Type': 'text/html; charset=UTF-8', ...extra } : extra);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    records,
    seen,
    order,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function goWrong(fault: Fault, request: IncomingMessage, response: ServerResponse): void {
  switch (fault.do) {
    case 'refuse':
      send(response, fault.status ?? 503, fault.body, fault.headers);
      break;
    case 'cut':
      request.socket.destroy();
      break;
    case 'garbage':
      response.writeHead(200, { 'Content-Type': 'text/html' });
      response.end('<html><body>It works!</body></html>');
      break;
    case 'hang':
    case 'slow':
      break;
  }
}

/** @throws Refusal 401, never 403: every user of the fake may do everything. */
function checkUser(method: string, path: string, headers: IncomingMessage['headers']): void {
  const { 'x-api-key': key, 'x-hmac-authorization': signed } = headers;
  if (key === undefined && signed === undefined) throw refused(401, 'no credentials');
  if (key === espoUsers.apiKey) return;
  const digest = createHmac('sha256', espoUsers.secretKey).update(`${method} /${path}`).digest('hex');
  const expected = Buffer.from(`${espoUsers.hmacKey}:${digest}`).toString('base64');
  if (signed !== expected) throw refused(401, '');
}

function json(body: string): Record<string, unknown> {
  return JSON.parse(body) as Record<string, unknown>; // Broken JSON is a 500 in EspoCRM too.
}
async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
function send(response: ServerResponse, status: number, body?: unknown, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(body === undefined ? '' : JSON.stringify(body));
}

/** `a[0][b]=c` as PHP reads it: a plus is a space, brackets nest. */
function parsePhpQuery(query: string): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const path = [...name.matchAll(/^[^[]+|\[([^\]]*)\]/g)].map(([whole, inner]) => inner ?? whole);
    let at = root;
    for (const [nth, part] of path.entries()) {
      const key = part === '' ? String(Object.keys(at).length) : part;
      if (nth === path.length - 1) at[key] = value;
      else {
        at[key] ??= {};
        at = at[key] as Record<string, unknown>; // Created on the line above, or by an earlier name of the same shape.
      }
    }
  }
  return root;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '0' }, effects: { type: 'string' }, field: { type: 'string', multiple: true } },
  });
  const fake = await espoFake({
    port: Number(values.port),
    ...(values.effects === undefined ? {} : { effects: values.effects }),
    ...(values.field === undefined ? {} : { customFields: values.field }),
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void fake.close());
  console.log(fake.url);
}
