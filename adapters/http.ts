/** A guarded HTTP client for all adapters, with limits that no reply can lift. */
import { lookup as dnsLookup } from 'node:dns';
import { connect, isIP, type LookupFunction } from 'node:net';
import { PassThrough, type Transform } from 'node:stream';
import { promisify } from 'node:util';
import { brotliDecompress, createBrotliDecompress, createGunzip, createInflate, gunzip, inflate } from 'node:zlib';
import type { Agent, buildConnector, Dispatcher } from 'undici';
import { type Code, type ErrorDetails, isPolybError, PolybError } from '../contracts/kit/errors.ts';
import { isInner } from './addresses.ts';
import type { Http, HttpAnswer, HttpRequest, HttpStream, HttpStreamAnswer, HttpStreamRequest } from './deps.ts';
import { evidenceChunks, evidenceOf, failure, lastOf, requestLine, safeUrl } from './http-failure.ts';

const connectTimeoutMs = 10_000;
const defaultTimeoutMs = 10_000;
const defaultIdleMs = 30_000;
const defaultMaxBytes = 2_000_000;

/** One finished request. */
export interface RequestRecord {
  /** The caller's signal, which identifies the owner of the request. */
  readonly signal: AbortSignal;
  readonly method: HttpRequest['method'];
  /** Without its query and secrets. */
  readonly url: string;
  readonly status: number | undefined;
  readonly ms: number;
  readonly code: Code | 'ok';
}
export interface HttpOptions {
  /** Origins that may use plain HTTP or a private address: `http://192.168.1.10:8080`. */
  readonly allowPrivate: readonly string[];
  /** Called once for every request; must not throw. */
  readonly observe?: (observed: RequestRecord) => void;
  /** Called with the caller's signal right before the first byte is sent; false: nothing is sent. */
  readonly mayLeave?: (signal: AbortSignal) => boolean;
  /** Replaces DNS. */
  readonly lookup?: LookupFunction;
}

export interface HttpClient extends Http {
  readonly stream: HttpStream;
  close(): Promise<void>;
}

/** Requests are sent once: no retries, no redirects. Connections are kept open; `close` ends them. */
export function createHttp({ allowPrivate, observe, mayLeave = () => true, lookup }: HttpOptions): HttpClient {
  const listed = new Set(allowPrivate.map((each) => new URL(each).origin));
  let agents: Promise<{ readonly outer: Agent; readonly inner: Agent }> | undefined;
  /** Loaded with the first request: some services make none, and the library takes 30 MB. */
  const open = async (): NonNullable<typeof agents> => {
    const undici = await import('undici');
    const agent = (guarded: boolean) =>
      new undici.Agent({
        allowH2: false,
        connect: connector(undici.buildConnector, guarded, lookup),
        connections: 100,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
    return { outer: agent(true), inner: agent(false) };
  };
  const agentFor = async (request: HttpRequest): Promise<Agent> => {
    const { origin, protocol } = checked(request.url);
    const mayBeInner = listed.has(origin);
    if (protocol === 'http:' && !mayBeInner)
      throw failure('unavailable', request, `Plain HTTP to ${origin} is refused; use https, or list the origin in HTTP_ALLOW_PRIVATE`, {
        reason: 'address_forbidden',
      });
    agents ??= open();
    const { outer, inner } = await agents;
    return mayBeInner ? inner : outer;
  };
  /** Runs `exchange` and reports the request when its reply is complete. */
  const observed = async <T extends HttpAnswer | HttpStreamAnswer>(
    request: HttpRequest,
    exchange: (agent: Agent, hooks: Hooks) => Promise<T>,
  ): Promise<T> => {
    const started = performance.now();
    const url = safeUrl(request.url);
    let status: number | undefined;
    const onOver = (code: Code | 'ok'): void =>
      observe?.({ signal: request.signal, method: request.method, url, status, ms: performance.now() - started, code });
    try {
      const answer = await exchange(await agentFor(request), {
        mayLeave,
        onOver,
        onStatus(code) {
          status = code;
        },
      });
      if (!('chunks' in answer)) onOver('ok');
      return answer;
    } catch (error) {
      onOver((error as PolybError).code); // Nothing above throws any other error.
      throw error;
    }
  };

  return Object.assign((request: HttpRequest) => observed(request, (agent, hooks) => readWhole(agent, request, hooks)), {
    stream: (request: HttpStreamRequest) => observed(request, (agent, hooks) => readStream(agent, request, hooks)),
    close: async () => {
      const opened = await agents;
      await Promise.all([opened?.outer.close(), opened?.inner.close()]);
    },
  });
}

/** Code of the error for a private address. */
const forbidden = 'POLYB_ADDRESS_FORBIDDEN';

/**
 * Connects, checks the address of the peer, and only then lets a byte be sent. `guarded` refuses private addresses; `lookup` replaces
 * DNS.
 */
function connector(build: typeof buildConnector, guarded: boolean, lookup: LookupFunction | undefined): buildConnector.connector {
  const secure = build({ allowH2: false, timeout: connectTimeoutMs });
  return (target, callback) => {
    const port = Number(target.port || (target.protocol === 'https:' ? 443 : 80));
    const host = target.hostname.replace(/^\[|\]$/g, '');
    if (guarded && isIP(host) !== 0 && isInner(host)) {
      callback(refusal(target.hostname), null);
      return;
    }
    const found = guarded ? outerOnly(lookup ?? dnsLookup) : lookup;
    const socket = connect({ host, port, noDelay: true, keepAlive: true, ...(found && { lookup: found }) });
    const onTime = () => socket.destroy(new Error(`no connection within ${connectTimeoutMs / 1000} s`));
    const onError = (error: Error) => callback(guarded && reached(error).some(isInner) ? refusal(target.hostname) : error, null);
    socket.setTimeout(connectTimeoutMs, onTime);
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.setTimeout(0).off('timeout', onTime).off('error', onError);
      const { remoteAddress } = socket;
      if (guarded && (remoteAddress === undefined || isInner(remoteAddress))) {
        socket.destroy();
        callback(refusal(target.hostname), null);
      } else if (target.protocol === 'https:') secure({ ...target, httpSocket: socket }, callback);
      else callback(null, socket);
    });
  };
}

/** The public addresses of a name; a name without any is refused before a connection is made. */
function outerOnly(lookup: LookupFunction): LookupFunction {
  return (name, options, done) =>
    lookup(name, { ...options, all: true }, (error, found, family) => {
      if (error !== null) return done(error, '');
      const all = typeof found === 'string' ? [{ address: found, family: family ?? 4 }] : found;
      const outer = all.filter(({ address }) => !isInner(address));
      const [first] = outer;
      if (first === undefined) done(refusal(name), '');
      else if (options.all) done(null, outer);
      else done(null, first.address, first.family);
    });
}
function refusal(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${host} is not on the public internet`), { code: forbidden });
}
/** The addresses that a failed connection tried: reported like an open one, so that a client cannot map internal ports. */
function reached(error: unknown): readonly string[] {
  const { address, errors = [] } = error as { address?: string; errors?: readonly unknown[] };
  return [...(address === undefined ? [] : [address]), ...errors.flatMap(reached)];
}

type Headers = Readonly<Record<string, string>>;
interface Hooks {
  readonly mayLeave: (signal: AbortSignal) => boolean;
  readonly onStatus: (status: number) => void;
  /** Called once when a streamed reply has ended or failed. */
  readonly onOver: (code: Code | 'ok') => void;
}
/** Takes a reply in the order head, data, end; or a failure at any point, and nothing after it. */
interface Reader {
  head(status: number, headers: Headers): void;
  data(chunk: Buffer): void;
  end(): void;
  failed(error: PolybError): void;
}
/** The request as its reader sees it. */
interface Exchange {
  /** Ends the request, unless it is over. */
  fail(...what: Parameters<Exchange['errorOf']>): void;
  errorOf(code: Code, text: string, details?: ErrorDetails): PolybError;
  /** Ends the time limits. */
  done(): void;
}

function readWhole(agent: Agent, request: HttpRequest, hooks: Hooks): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  exchange(agent, request, hooks, (at) => wholeReader(request, at, resolve, reject));
  return promise;
}

function readStream(agent: Agent, request: HttpStreamRequest, hooks: Hooks): Promise<HttpAnswer | HttpStreamAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer | HttpStreamAnswer>();
  exchange(agent, { idleMs: defaultIdleMs, ...request }, hooks, (at) => {
    let reader = wholeReader(request, at, resolve, reject);
    return {
      head(status, headers) {
        if (status < 300) reader = streamReader(request, at, hooks, resolve, reject);
        reader.head(status, headers);
      },
      data: (chunk) => reader.data(chunk),
      end: () => reader.end(),
      failed: (error) => reader.failed(error),
    };
  });
  return promise;
}

function wholeReader(
  request: HttpRequest,
  { fail, done }: Exchange,
  resolve: (answer: HttpAnswer) => void,
  reject: (error: PolybError) => void,
): Reader {
  const { maxBytes = defaultMaxBytes } = request;
  let status = 0;
  let headers: Headers = {};
  const chunks: Buffer[] = [];
  return {
    head(code, received) {
      status = code;
      headers = received;
    },
    data: (chunk) => void chunks.push(chunk),
    end() {
      decompress(Buffer.concat(chunks), headers['content-encoding'], maxBytes).then(
        (bytes) => {
          done();
          resolve(answerOf(request, status, headers, bytes));
        },
        (cause: unknown) => {
          const isLarge = (cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
          fail(...(isLarge ? tooLargeUnpacked(maxBytes) : notUnpackable(cause)));
        },
      );
    },
    failed: reject,
  };
}

/** Buffers what has arrived and was not read; the size limit bounds it. */
function streamReader(
  { maxBytes = defaultMaxBytes }: HttpRequest,
  { fail, errorOf, done }: Exchange,
  { onOver }: Hooks,
  resolve: (answer: HttpStreamAnswer) => void,
  reject: (error: PolybError) => void,
): Reader {
  let body: Transform | undefined;
  let failure: PolybError | undefined;
  const ended = (...what: Parameters<Exchange['errorOf']>): PolybError => {
    fail(...what);
    return failure ?? errorOf(...what);
  };
  async function* read(unpacked: Transform): AsyncGenerator<Uint8Array> {
    let size = 0;
    try {
      for await (const chunk of unpacked as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > maxBytes) throw ended(...tooLargeUnpacked(maxBytes));
        yield chunk;
      }
      if (failure) throw failure;
    } catch (cause) {
      throw isPolybError(cause) ? cause : ended(...notUnpackable(cause));
    } finally {
      fail('cancelled', 'The caller left before the end of the reply');
    }
  }
  return {
    head(status, headers) {
      const { 'content-encoding': encoding = 'identity' } = headers;
      const unpack = encoding === 'identity' ? () => new PassThrough() : unpackers[encoding.toLowerCase()]?.stream;
      if (unpack === undefined) fail(...notUnpackable(undefined));
      else {
        body = unpack();
        body.on('error', () => {}); // The iteration throws it.
        resolve({ status, headers, chunks: read(body) });
      }
    },
    data: (chunk) => void body?.write(chunk),
    end() {
      done();
      body?.end();
      onOver('ok');
    },
    failed(error) {
      failure = error;
      if (body === undefined) reject(error);
      else {
        body.end(); // What has arrived is read before the failure.
        onOver(error.code);
      }
    },
  };
}

/** Sends the request once and passes its reply to the reader, within the limits of the request. */
function exchange(agent: Agent, request: HttpStreamRequest, { mayLeave, onStatus }: Hooks, readerOf: (at: Exchange) => Reader): void {
  const { signal, timeoutMs = defaultTimeoutMs, maxBytes = defaultMaxBytes, idleMs } = request;
  let over = false;
  let controller: Dispatcher.DispatchController | undefined;
  let status: number | undefined;
  let size = 0;
  /** The last chunks, as evidence. */
  const recent: Buffer[] = [];

  /** Nothing was written before undici passes the controller: it was connecting, or waiting for a connection. */
  const wasSent = () => controller !== undefined;
  const errorOf: Exchange['errorOf'] = (code, text, details = {}) => {
    const lastBytes = lastOf(recent);
    const outcome = wasSent() ? details.outcome : 'not_executed';
    return failure(
      code,
      request,
      text,
      { ...details, outcome },
      { ...(status !== undefined && { status }), ...(lastBytes && { lastBytes }) },
    );
  };
  const done = (): void => {
    over = true;
    clearTimeout(timer);
    clearTimeout(idle);
    signal.removeEventListener('abort', onAbort);
  };
  const fail: Exchange['fail'] = (...what) => {
    if (over) return;
    const error = errorOf(...what);
    done();
    reader.failed(error);
    controller?.abort(error);
  };
  const onAbort = () => fail('cancelled', 'The caller gave up');
  const timer = setTimeout(() => fail('deadline_exceeded', `No complete reply within ${timeoutMs} ms`), timeoutMs);
  const idle =
    idleMs === undefined
      ? undefined
      : setTimeout(() => fail('deadline_exceeded', `Nothing arrived for ${idleMs} ms`, { reason: 'idle' }), idleMs);
  const reader = readerOf({ fail, errorOf, done });
  if (signal.aborted) {
    onAbort();
    return;
  }
  signal.addEventListener('abort', onAbort, { once: true });

  const { origin, pathname, search } = new URL(request.url);
  agent.dispatch(
    {
      origin,
      path: pathname + search,
      method: request.method,
      headers: { 'user-agent': 'polyb', 'accept-encoding': 'gzip, deflate, br', ...request.headers },
      ...(request.body !== undefined && { body: request.body }),
    },
    {
      onRequestStart(started) {
        if (!over && !controller && !mayLeave(signal))
          fail('unavailable', 'The request waited too long in the queue and was not sent', { reason: 'too_late_to_send' });
        if (over || controller) started.abort(new Error('given up before sending, or about to be sent a second time'));
        else controller = started;
      },
      onResponseStart(_, code, received) {
        if (code < 200) return;
        status = code;
        onStatus(code);
        idle?.refresh();
        reader.head(code, Object.fromEntries(Object.entries(received).map(([name, value]) => [name, [value ?? ''].flat().join(', ')])));
      },
      onResponseData(_, chunk) {
        if (over) return;
        recent.push(chunk);
        if (recent.length > evidenceChunks) recent.shift();
        size += chunk.length;
        idle?.refresh();
        if (size > maxBytes) fail('upstream_failed', `The reply is larger than ${maxBytes} bytes`, { reason: 'reply_too_large' });
        else reader.data(chunk);
      },
      onResponseEnd() {
        clearTimeout(idle);
        reader.end();
      },
      onResponseError(_, cause) {
        if (!wasSent()) fail(...beforeSending(cause));
        else if (cause.name === 'HTTPParserError') fail('upstream_failed', 'The reply is not HTTP', { reason: 'bad_reply', cause });
        else fail('upstream_failed', 'The connection broke before the reply was complete', { reason: 'cut_off', cause });
      },
    },
  );
}

function beforeSending(cause: Error & { readonly code?: unknown }): [Code, string, ErrorDetails] {
  const { code } = cause;
  if (code === forbidden)
    return [
      'unavailable',
      'The address is not on the public internet; if it is intended, list the origin in HTTP_ALLOW_PRIVATE',
      { reason: 'address_forbidden' },
    ];
  if (code === 'UND_ERR_INVALID_ARG') return ['invalid_argument', 'The method or a header is invalid and cannot be sent', {}];
  const why = typeof code === 'string' ? ` (${code})` : '';
  return ['unavailable', `No connection could be made${why}`, { reason: 'connect_failed', cause }];
}

function tooLargeUnpacked(maxBytes: number): [Code, string, ErrorDetails] {
  return ['upstream_failed', `The reply is larger than ${maxBytes} bytes after decompression`, { reason: 'reply_too_large' }];
}
function notUnpackable(cause: unknown): [Code, string, ErrorDetails] {
  return ['upstream_failed', 'The reply cannot be decompressed', { reason: 'bad_reply', cause }];
}

interface Unpacker {
  readonly whole: (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;
  readonly stream: () => Transform;
}
const gzip: Unpacker = { whole: promisify(gunzip), stream: createGunzip };
const unpackers: Readonly<Record<string, Unpacker>> = {
  gzip,
  'x-gzip': gzip,
  deflate: { whole: promisify(inflate), stream: createInflate },
  br: { whole: promisify(brotliDecompress), stream: createBrotliDecompress },
};
async function decompress(body: Buffer, encoding: string | undefined, maxOutputLength: number): Promise<Buffer> {
  if (!encoding || encoding === 'identity' || body.length === 0) return body;
  const unpack = unpackers[encoding.toLowerCase()];
  if (!unpack) throw new TypeError('an encoding that was not requested');
  return unpack.whole(body, { maxOutputLength });
}

function answerOf(request: HttpRequest, status: number, headers: Readonly<Record<string, string>>, bytes: Buffer): HttpAnswer {
  const answer: HttpAnswer = {
    request: requestLine(request),
    status,
    headers,
    bytes,
    text: () => bytes.toString('utf8'),
    json: () => {
      try {
        return JSON.parse(bytes.toString('utf8')) as unknown;
      } catch {
        // The parser's message quotes the body, so it is dropped; the evidence has the masked end.
        const text = `Expected JSON, got ${headers['content-type'] ?? 'something else'}`;
        throw failure('upstream_failed', request, text, { reason: 'bad_reply' }, evidenceOf(answer));
      }
    },
  };
  return answer;
}

function checked(url: string): URL {
  const parsed = URL.parse(url);
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.username !== '' || parsed.password !== '')
    throw new PolybError('invalid_argument', 'Expected an absolute http or https URL without credentials.');
  return parsed;
}
