import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, type Socket, createServer as tcpServer } from 'node:net';
import { brotliCompressSync, createGzip, gzipSync } from 'node:zlib';
import { afterEach, expect, test } from '@jest/globals';
import type { PolybError } from '../contracts/kit/errors.ts';
import { isInner } from './addresses.ts';
import type { Http, HttpAnswer, HttpRequest, HttpStream, HttpStreamAnswer, HttpStreamRequest } from './deps.ts';
import { createHttp, type HttpOptions, type RequestRecord } from './http.ts';
import { httpFailure } from './http-failure.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
async function site(answer: Answer) {
  const server = createServer(answer);
  return { server, origin: `http://127.0.0.1:${await listening(server, '127.0.0.1')}` };
}
/** A TCP server without HTTP: `talk` gets each connection. */
async function raw(talk: (socket: Socket) => void, host = '127.0.0.1') {
  const sockets: Socket[] = [];
  const server = tcpServer((socket) => {
    sockets.push(socket.on('error', () => {})); // The client under test may reset it.
    talk(socket);
  });
  const port = await listening(server, host);
  cleanups.push(() => sockets.map((socket) => socket.destroy()));
  return { port, origin: `http://127.0.0.1:${port}`, sockets };
}
async function listening(server: ReturnType<typeof tcpServer> | Server, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  if ('closeAllConnections' in server) cleanups.push(() => server.closeAllConnections());
  return (server.address() as AddressInfo).port;
}
function client(options: Partial<HttpOptions> = {}) {
  const seen: RequestRecord[] = [];
  const http = createHttp({ allowPrivate: [], observe: (observed) => seen.push(observed), ...options });
  cleanups.push(http.close);
  return { http, seen };
}
const get = (url: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  url,
  signal: new AbortController().signal,
  ...more,
});
async function failure(http: Http, request: HttpRequest): Promise<PolybError> {
  return http(request).then(
    ({ status }) => {
      throw new Error(`answered ${status}`);
    },
    (error: PolybError) => error,
  );
}

test('a listed private origin answers with any status, its headers in lower case', async () => {
  const { origin } = await site((request, response) => {
    response.writeHead(418, { 'X-Kind': 'Pot', 'set-cookie': ['a=1', 'b=2'] }).end(JSON.stringify({ path: request.url }));
  });
  const { http, seen } = client({ allowPrivate: [origin] });
  const answer = await http(get(`${origin}/kettle?secret=canary`));
  expect(answer).toMatchObject({ status: 418, headers: { 'x-kind': 'Pot', 'set-cookie': 'a=1, b=2' } });
  expect(answer.json()).toEqual({ path: '/kettle?secret=canary' });
  expect(answer.request).toBe(`GET ${origin.slice(7)}/kettle`);
  expect(seen).toMatchObject([{ method: 'GET', url: `${origin}/kettle`, status: 418, code: 'ok' }]);
});

test('a request that may not leave any more is not sent, says so, and the connection serves the next one', async () => {
  const paths: (string | undefined)[] = [];
  const { origin } = await site((request, response) => {
    paths.push(request.url);
    response.end('ok');
  });
  const late = new AbortController().signal;
  const { http } = client({ allowPrivate: [origin], mayLeave: (signal) => signal !== late });
  const error = await failure(http, get(`${origin}/late`, { method: 'POST', body: 'x', signal: late }));
  const next = await http(get(`${origin}/next`));
  expect(error).toMatchObject({ code: 'unavailable', reason: 'too_late_to_send', outcome: 'not_executed' });
  expect(next.text()).toBe('ok');
  expect(paths).toEqual(['/next']);
});

test('the body and the headers arrive as given', async () => {
  const { origin } = await site((request, response) => {
    response.write(`${request.method} ${request.headers['x-api-key']} `);
    request.setEncoding('hex').pipe(response);
  });
  const { http } = client({ allowPrivate: [origin] });
  const put = get(origin, { method: 'PUT', headers: { 'X-Api-Key': 'k' }, body: new Uint8Array([1, 255]) });
  expect((await http(put)).text()).toBe('PUT k 01ff');
});

test.each([
  'localhost',
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f.1',
  '0177.0.0.1',
  '127.0.0.2',
  '0',
  '１２７.０.０.１',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
])('https://%s is refused before anybody is connected to', async (host) => {
  const { port, sockets } = await raw(() => {}, '::');
  const { http, seen } = client();
  const error = await failure(http, get(`https://${host}:${port}/`));
  expect(error).toMatchObject({ code: 'unavailable', reason: 'address_forbidden', outcome: 'not_executed' });
  expect(sockets).toEqual([]);
  expect(seen).toMatchObject([{ code: 'unavailable', status: undefined }]);
});

test('a name that leads to an inner address is refused, whether a server listens there or not', async () => {
  const { port, sockets } = await raw(() => {});
  const { http } = client({
    lookup: (_name, options, done) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)),
  });
  const { reason } = await failure(http, get(`https://crm.example:${port}/`));
  const closed = await failure(http, get('https://crm.example:1/'));
  expect([reason, closed.reason]).toEqual(['address_forbidden', 'address_forbidden']);
  expect(sockets).toEqual([]);
});

test('plain HTTP is refused unless the exact origin is listed', async () => {
  const { origin } = await site((_, response) => response.end('in'));
  const { http } = client({ allowPrivate: [origin] });
  expect((await http(get(origin))).text()).toBe('in');
  for (const url of [
    origin.replace('127.0.0.1', 'localhost'),
    origin.replace(/\d$/, (last) => String((Number(last) + 1) % 10)),
    'http://crm.example/',
  ])
    expect(await failure(http, get(url))).toMatchObject({ reason: 'address_forbidden', outcome: 'not_executed' });
});

test.each(['ftp://crm.example/', 'crm.example', 'https://anna:canary@crm.example/'])('%s is no URL for a request', async (url) => {
  const error = await failure(client().http, get(url));
  expect(error).toMatchObject({ code: 'invalid_argument', outcome: 'not_executed' });
  expect(JSON.stringify([error.message, error.evidence])).not.toContain('canary');
});

test('every inner range is inner, and public addresses are not', () => {
  const inner =
    '0.0.0.0 10.1.2.3 100.100.100.200 127.255.255.255 169.254.169.254 172.31.0.1 192.168.1.1 198.19.0.1 224.0.0.1 255.255.255.255 :: ::1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe 64:ff9b::7f00:1 2002:7f00:1:: 2001::1 fd00:ec2::254 fe80::1 fe80::1%eth0 ff02::1';
  const outer = '1.1.1.1 8.8.8.8 100.63.255.255 172.32.0.1 192.169.0.1 223.255.255.255 2606:4700::1111 2a02:6b8::2:242';
  expect(inner.split(' ').filter((address) => !isInner(address))).toEqual([]);
  expect(outer.split(' ').filter(isInner)).toEqual([]);
});

test('a redirect to an inner host is an answer, and nobody goes there', async () => {
  let visits = 0;
  const hidden = await site((_, response) => {
    visits += 1;
    response.end();
  });
  const { origin } = await site((_, response) => response.writeHead(302, { location: hidden.origin }).end());
  const answer = await client({ allowPrivate: [origin, hidden.origin] }).http(get(origin));
  expect([answer.status, visits]).toEqual([302, 0]);
  expect(httpFailure(answer, 'Reading')).toMatchObject({ code: 'upstream_failed', reason: 'bad_reply', outcome: 'unknown' });
});

test('an answer that drips is ended by the total time, and the connection with it', async () => {
  const gone = Promise.withResolvers<void>();
  const { origin } = await site((_, response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write('.'), 10);
    response.on('close', () => {
      clearInterval(drip);
      gone.resolve();
    });
  });
  const { http } = client({ allowPrivate: [origin] });
  const error = await failure(http, get(origin, { timeoutMs: 200 }));
  expect(error).toMatchObject({ code: 'deadline_exceeded', outcome: 'unknown', evidence: { status: 200 } });
  expect(error.evidence?.lastBytes).toMatch(/^\.+$/);
  await gone.promise;
});

test('an answer of 50 MB is cut off at the limit', async () => {
  const chunk = Buffer.alloc(100_000, '7');
  let sent = 0;
  const gone = Promise.withResolvers<void>();
  const { origin } = await site((_, response) => {
    const more = () => {
      while (sent < 50e6 && !response.destroyed) {
        sent += chunk.length;
        if (!response.write(chunk)) return;
      }
      response.end();
    };
    response.on('drain', more).on('close', () => gone.resolve());
    more();
  });
  const { http } = client({ allowPrivate: [origin] });
  expect(await failure(http, get(origin))).toMatchObject({ code: 'upstream_failed', reason: 'reply_too_large', outcome: 'unknown' });
  await gone.promise;
  expect(sent).toBeLessThan(30e6);
});

test('an answer that unpacks to more than the limit is refused, and one below it is unpacked', async () => {
  const { origin } = await site((request, response) => {
    const size = request.url === '/bomb' ? 30e6 : 1000;
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(size, '0')));
  });
  const { http } = client({ allowPrivate: [origin] });
  expect((await http(get(`${origin}/small`))).bytes).toHaveLength(1000);
  expect(await failure(http, get(`${origin}/bomb`))).toMatchObject({ code: 'upstream_failed', reason: 'reply_too_large' });
});

test.each([
  ['cut in the middle', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nпозвоните +7 999 555-33-22', 'cut_off'],
  ['no HTTP', 'SSH-2.0-OpenSSH\r\n', 'bad_reply'],
  ['nothing', '', 'cut_off'],
  ['not what its encoding says', 'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc', 'bad_reply'],
])('an answer that is %s leaves the outcome unknown', async (_, bytes, reason) => {
  const { origin } = await raw((socket) => socket.once('data', () => socket.end(bytes)));
  const error = await failure(client({ allowPrivate: [origin] }).http, get(`${origin}/x?key=canary`, { method: 'POST', body: '{}' }));
  expect(error).toMatchObject({ code: 'upstream_failed', reason, outcome: 'unknown', evidence: { request: `POST ${origin.slice(7)}/x` } });
  expect(JSON.stringify([error.message, error.evidence])).not.toMatch(/canary|999.{0,3}555/);
});

test('a connection reset under a request on a kept-alive connection is unknown, and the request goes out once', async () => {
  let requests = 0;
  const { origin, sockets } = await raw((socket) =>
    socket.on('data', () => {
      requests += 1;
      if (requests < 3) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
      else socket.resetAndDestroy();
    }),
  );
  const { http } = client({ allowPrivate: [origin] });
  await http(get(origin));
  await http(get(origin));
  const opened = sockets.length;
  expect(await failure(http, get(origin))).toMatchObject({ code: 'upstream_failed', reason: 'cut_off', outcome: 'unknown' });
  expect([requests, sockets.length]).toEqual([3, opened]);
});

test('refused, unknown to DNS, or without TLS: nothing was executed', async () => {
  const { port, origin } = await raw((socket) => socket.once('data', () => socket.end('not TLS')));
  const secure = `https://127.0.0.1:${port}`;
  const lookup: HttpOptions['lookup'] = (_name, _options, done) =>
    done(Object.assign(new Error('no such host'), { code: 'ENOTFOUND' }), '');
  const { http } = client({ allowPrivate: ['http://127.0.0.1:1', secure, origin], lookup });
  for (const url of ['http://127.0.0.1:1/', `${secure}/`, 'https://crm.example/'])
    expect(await failure(http, get(url))).toMatchObject({ code: 'unavailable', reason: 'connect_failed', outcome: 'not_executed' });
});

test("the caller's signal cancels: with unknown outcome when the request was out, as not executed when it was not", async () => {
  const arrived = Promise.withResolvers<void>();
  let requests = 0;
  const { origin } = await site(() => {
    requests += 1;
    arrived.resolve();
  });
  const { http } = client({ allowPrivate: [origin] });
  const abort = new AbortController();
  const out = failure(http, get(origin, { signal: abort.signal }));
  await arrived.promise;
  abort.abort();
  expect(await out).toMatchObject({ code: 'cancelled', outcome: 'unknown' });
  expect(await failure(http, get(origin, { signal: AbortSignal.abort() }))).toMatchObject({ code: 'cancelled', outcome: 'not_executed' });
  expect(requests).toBe(1);
});

test('a request given up while connecting is never sent', async () => {
  const { origin } = await site(() => {
    throw new Error('was sent');
  });
  const asked = Promise.withResolvers<() => void>();
  const lookup: HttpOptions['lookup'] = (_name, options, done) =>
    asked.resolve(() => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)));
  const named = origin.replace('127.0.0.1', 'crm.example');
  const http = createHttp({ allowPrivate: [named], lookup });
  const error = failure(http, get(named, { method: 'POST', timeoutMs: 50 }));
  const connect = await asked.promise;
  expect(await error).toMatchObject({ code: 'deadline_exceeded', outcome: 'not_executed' });
  connect();
  await http.close();
});

test('a header that cannot be sent is the fault of the request', async () => {
  const { http } = client({ allowPrivate: ['http://127.0.0.1:1'] });
  const error = await failure(http, get('http://127.0.0.1:1/', { headers: { authorization: 'canary\r\nx: y' } }));
  expect(error).toMatchObject({ code: 'invalid_argument', outcome: 'not_executed' });
  expect(error.message).not.toContain('canary');
});

test('an answer that is not JSON says so with the end of it, masked', async () => {
  const { origin } = await site((_, response) => response.end(`${'x'.repeat(600)} 8 (999) 555-33-22`));
  const answer = await client({ allowPrivate: [origin] }).http(get(origin));
  const error = (() => {
    try {
      return answer.json();
    } catch (thrown) {
      return thrown as PolybError;
    }
  })();
  expect(error).toMatchObject({ code: 'upstream_failed', reason: 'bad_reply', outcome: 'unknown', evidence: { status: 200 } });
  const { lastBytes = '' } = (error as PolybError).evidence ?? {};
  expect(lastBytes).toMatch(/x \*\*\*3322$/);
  expect(Buffer.byteLength(lastBytes)).toBe(512);
});

async function open(stream: HttpStream, request: HttpStreamRequest): Promise<HttpStreamAnswer> {
  const answer = await stream(request);
  if (!('chunks' in answer)) throw new Error(`answered ${answer.status}`);
  return answer;
}
/** The text that arrives, and the failure with which it ends. */
async function readAll(answer: Promise<HttpStreamAnswer>): Promise<{ readonly text: string; readonly error?: PolybError }> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of (await answer).chunks) chunks.push(chunk);
  } catch (error) {
    return { text: Buffer.concat(chunks).toString(), error: error as PolybError };
  }
  return { text: Buffer.concat(chunks).toString() };
}

test('a streamed reply is read while it arrives, and is observed once, at its end', async () => {
  const asked = Promise.withResolvers<ServerResponse>();
  const { origin } = await site((_, response) => {
    response.writeHead(200, { 'X-Kind': 'Pot' }).write('one');
    asked.resolve(response);
  });
  const { http, seen } = client({ allowPrivate: [origin] });
  const { status, headers, chunks } = await open(http.stream, get(origin));
  expect([status, headers['x-kind']]).toEqual([200, 'Pot']);
  const pieces = chunks[Symbol.asyncIterator]();
  expect(Buffer.from((await pieces.next()).value).toString()).toBe('one');
  expect(seen).toEqual([]);
  (await asked.promise).end('two');
  expect(Buffer.from((await pieces.next()).value).toString()).toBe('two');
  expect((await pieces.next()).done).toBe(true);
  expect(seen).toMatchObject([{ url: `${origin}/`, status: 200, code: 'ok' }]);
});

test('a streamed request that is refused is read whole, for its error', async () => {
  const { origin } = await site((_, response) => {
    response.writeHead(503, { 'content-encoding': 'gzip', 'retry-after': '7' }).end(gzipSync('overloaded'));
  });
  const { http, seen } = client({ allowPrivate: [origin] });
  const answer = (await http.stream(get(origin))) as HttpAnswer;
  expect([answer.text(), httpFailure(answer, 'Streaming').retryAfterMs]).toEqual(['overloaded', 7_000]);
  expect(seen).toMatchObject([{ status: 503, code: 'ok' }]);
});

test.each(['https://localhost', 'https://[::ffff:127.0.0.1]', 'http://127.0.0.1'])('%s is not streamed from', async (address) => {
  const { port, sockets } = await raw(() => {}, '::');
  const { http, seen } = client();
  expect(await failure(http.stream as Http, get(`${address}:${port}/`))).toMatchObject({
    ...{ code: 'unavailable', reason: 'address_forbidden', outcome: 'not_executed' },
  });
  expect([sockets, seen.map(({ code }) => code)]).toEqual([[], ['unavailable']]);
});

test('a streamed request that may not leave any more is not sent', async () => {
  const { origin } = await site(() => {
    throw new Error('was sent');
  });
  const { http } = client({ allowPrivate: [origin], mayLeave: () => false });
  expect(await failure(http.stream as Http, get(origin))).toMatchObject({ reason: 'too_late_to_send', outcome: 'not_executed' });
});

test('a redirect of a streamed request is an answer, and nobody goes there', async () => {
  let visits = 0;
  const hidden = await site((_, response) => {
    visits += 1;
    response.end();
  });
  const { origin } = await site((_, response) => response.writeHead(307, { location: hidden.origin }).end());
  const answer = await client({ allowPrivate: [origin, hidden.origin] }).http.stream(get(origin));
  expect([answer.status, 'chunks' in answer, visits]).toEqual([307, false, 0]);
});

/** Replies whose server goes on until the client closes the connection. */
async function endless(drip: (response: ServerResponse) => void, head: Record<string, string> = {}) {
  const gone = Promise.withResolvers<void>();
  const { origin } = await site((_, response) => {
    response.writeHead(200, head);
    response.flushHeaders();
    const timer = setInterval(() => drip(response), 5);
    response.on('close', () => {
      clearInterval(timer);
      gone.resolve();
    });
  });
  return { origin, gone: gone.promise };
}

test.each<[string, Partial<HttpStreamRequest>, object]>([
  ['the total time', { timeoutMs: 150 }, { code: 'deadline_exceeded', reason: undefined }],
  ['the size', { maxBytes: 20 }, { code: 'upstream_failed', reason: 'reply_too_large' }],
])('a streamed reply without end is ended by %s, and the connection with it', async (_, limit, expected) => {
  const { origin, gone } = await endless((response) => response.write('.'));
  const { http, seen } = client({ allowPrivate: [origin] });
  const { text, error } = await readAll(open(http.stream, get(origin, limit)));
  expect(error).toMatchObject({ ...expected, outcome: 'unknown', evidence: { status: 200 } });
  expect([text, error?.evidence?.lastBytes]).toEqual([expect.stringMatching(/^\.+$/), expect.stringMatching(/^\.+$/)]);
  await gone;
  expect(seen).toMatchObject([{ status: 200, code: error?.code }]);
});

test('a streamed reply that falls silent is ended by the idle limit; one that only lasts is not', async () => {
  const { origin, gone } = await endless(() => {});
  const { http } = client({ allowPrivate: [origin] });
  const silent = await readAll(open(http.stream, get(origin, { idleMs: 100 } as Partial<HttpRequest>)));
  expect(silent.error).toMatchObject({ code: 'deadline_exceeded', reason: 'idle' });
  await gone;
  const slow = await endless((response) => response.write('.'));
  const other = client({ allowPrivate: [slow.origin] });
  const { error } = await readAll(open(other.http.stream, get(slow.origin, { idleMs: 250, timeoutMs: 600 } as Partial<HttpRequest>)));
  expect(error).toMatchObject({ code: 'deadline_exceeded', reason: undefined });
});

test('a server that accepts a streamed request and says nothing is ended by the idle limit', async () => {
  const { origin } = await site(() => {});
  const { http } = client({ allowPrivate: [origin] });
  const { error } = await readAll(open(http.stream, get(origin, { idleMs: 50 } as Partial<HttpRequest>)));
  expect(error).toMatchObject({ code: 'deadline_exceeded', reason: 'idle', outcome: 'unknown' });
});

test.each([
  ['cut in the middle', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', 'half', 'cut_off'],
  ['cut between two chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n', 'half', 'cut_off'],
  ['not what its encoding says', 'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc', '', 'bad_reply'],
  ['in an encoding that was not requested', 'HTTP/1.1 200 OK\r\ncontent-encoding: zip\r\ncontent-length: 3\r\n\r\nabc', '', 'bad_reply'],
])('a streamed reply that is %s is read as far as it came, and then fails', async (_, bytes, came, reason) => {
  const { origin } = await raw((socket) => socket.once('data', () => socket.end(bytes)));
  const { http, seen } = client({ allowPrivate: [origin] });
  const { text, error } = await readAll(open(http.stream, get(origin)));
  expect([text, error]).toMatchObject([came, { code: 'upstream_failed', reason, outcome: 'unknown' }]);
  expect(seen).toHaveLength(1);
});

test('a compressed stream is unpacked as it arrives', async () => {
  const asked = Promise.withResolvers<ReturnType<typeof createGzip>>();
  const { origin } = await site((_, response) => {
    const zip = createGzip();
    zip.pipe(response.writeHead(200, { 'content-encoding': 'gzip' }));
    zip.write('one');
    zip.flush(() => asked.resolve(zip));
  });
  const { http } = client({ allowPrivate: [origin] });
  const pieces = (await open(http.stream, get(origin))).chunks[Symbol.asyncIterator]();
  expect(Buffer.from((await pieces.next()).value).toString()).toBe('one');
  (await asked.promise).end('two');
  expect(Buffer.from((await pieces.next()).value).toString()).toBe('two');
  expect((await pieces.next()).done).toBe(true);
});

test('a compressed stream is unpacked up to the limit, and not beyond it', async () => {
  const { origin } = await site((request, response) => {
    const size = request.url === '/bomb' ? 30e6 : 1000;
    response.writeHead(200, { 'content-encoding': 'br' }).end(brotliCompressSync(Buffer.alloc(size, '0')));
  });
  const { http } = client({ allowPrivate: [origin] });
  expect((await readAll(open(http.stream, get(`${origin}/small`)))).text).toHaveLength(1000);
  const { text, error } = await readAll(open(http.stream, get(`${origin}/bomb`, { maxBytes: 100_000 })));
  expect(error).toMatchObject({ code: 'upstream_failed', reason: 'reply_too_large' });
  expect(text.length).toBeLessThanOrEqual(100_000);
});

test('leaving the iteration ends the request and its connection', async () => {
  const { origin, gone } = await endless((response) => response.write('.'));
  const { http, seen } = client({ allowPrivate: [origin] });
  for await (const _ of (await open(http.stream, get(origin))).chunks) break;
  await gone;
  expect(seen).toMatchObject([{ status: 200, code: 'cancelled' }]);
});

test('a streamed reply that was read to its end leaves its connection to the next request', async () => {
  const { origin, server } = await site((_, response) => response.end('all'));
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  const { http } = client({ allowPrivate: [origin] });
  for (let nth = 0; nth < 6; nth += 1) expect((await readAll(open(http.stream, get(origin)))).text).toBe('all');
  // The next request may leave before the connection of the last one is free.
  expect(connections).toBeLessThan(3);
});

test("the caller's signal cancels a stream, before its head and after", async () => {
  const { origin, gone } = await endless((response) => response.write('.'));
  const { http } = client({ allowPrivate: [origin] });
  const abort = new AbortController();
  const answer = await open(http.stream, get(origin, { signal: abort.signal }));
  abort.abort();
  expect((await readAll(Promise.resolve(answer))).error).toMatchObject({ code: 'cancelled', outcome: 'unknown' });
  await gone;
  expect(await failure(http.stream as Http, get(origin, { signal: AbortSignal.abort() }))).toMatchObject({
    ...{ code: 'cancelled', outcome: 'not_executed' },
  });
});

test.each([
  ['https://api.telegram.org/bot123456789:AAEhBOweik6ad9rV_canary_VTUsm9RL41U/getMe', 'https://api.telegram.org/bot123456789:***/getMe'],
  ['https://shop.bitrix24.ru/rest/12/canary3abc/crm.lead.add', 'https://shop.bitrix24.ru/rest/12/***/crm.lead.add'],
  ['https://hook.example/canary0123456789abcdef0123456789abcdef', 'https://hook.example/***'],
  ['https://crm.example/api/v1/Lead/65021a1e47d57e2ac', 'https://crm.example/api/v1/Lead/65021a1e47d57e2ac'],
])('%s is told without its secret', async (url, told) => {
  const lookup: HttpOptions['lookup'] = (_name, _options, done) => done(new Error('no network in this test'), '');
  const { http, seen } = client({ lookup });
  const error = await failure(http, get(url));
  expect(seen[0]?.url).toBe(told);
  expect(error.evidence?.request).toBe(`GET ${told.slice(8)}`);
});

test.each([
  [400, 'failed_precondition', 'crm_rejected', 'not_executed'],
  [422, 'failed_precondition', 'crm_rejected', 'not_executed'],
  [401, 'failed_precondition', 'upstream_credentials', 'not_executed'],
  [403, 'failed_precondition', 'upstream_credentials', 'not_executed'],
  [404, 'not_found', undefined, 'not_executed'],
  [408, 'unavailable', undefined, 'not_executed'],
  [409, 'conflict', undefined, 'not_executed'],
  [429, 'resource_exhausted', undefined, 'not_executed'],
  [500, 'upstream_failed', 'upstream_status', 'unknown'],
  [502, 'upstream_failed', 'upstream_status', 'unknown'],
  [503, 'upstream_failed', 'upstream_status', 'unknown'],
  [200, 'upstream_failed', 'bad_reply', 'unknown'],
])('status %d is %s/%s, %s', (status, code, reason, outcome) => {
  expect(httpFailure(answered(status), 'Opening a lead', 'crm_rejected')).toMatchObject({ code, reason, outcome, evidence: { status } });
});

test.each([
  ['7', 7000],
  ['Fri, 07 Aug 2026 10:00:30 GMT', 30_000],
  ['Fri, 07 Aug 2026 09:00:00 GMT', 0],
  ['999999999', 86_400_000],
  ['soon', undefined],
])('Retry-After: %s is %s ms', (value, ms) => {
  const answer = answered(429, { 'retry-after': value, date: 'Fri, 07 Aug 2026 10:00:00 GMT' });
  expect(httpFailure(answer, 'Sending').retryAfterMs).toBe(ms);
});

function answered(status: number, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status, headers, bytes: new Uint8Array(), text: () => '', json: () => null };
}
