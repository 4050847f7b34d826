/** A guarded HTTP client for all adapters, with limits that no reply can lift. */
import { lookup as dnsLookup } from 'node:dns';
import { connect, isIP, type LookupFunction } from 'node:net';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { Agent, buildConnector, Dispatcher } from 'undici';
import { type Code, type ErrorDetails, PolybError } from '../contracts/kit/errors.ts';
import { isInner } from './addresses.ts';
import type { Http, HttpAnswer, HttpRequest } from './deps.ts';
import { evidenceOf, failure, lastOf, requestLine, safeUrl } from './http-failure.ts';

const connectTimeoutMs = 10_000;
const defaultTimeoutMs = 10_000;
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

/** Requests are sent once: no retries, no redirects. Connections are kept open; `close` ends them. */
export function createHttp({ allowPrivate, observe, mayLeave = () => true, lookup }: HttpOptions): Http & { close(): Promise<void> } {
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

  const http: Http = async (request) => {
    const started = performance.now();
    const told: { status?: number; code: Code | 'ok' } = { code: 'ok' };
    const url = safeUrl(request.url);
    try {
      const { origin, protocol } = checked(request.url);
      const mayBeInner = listed.has(origin);
      if (protocol === 'http:' && !mayBeInner)
        throw failure('unavailable', request, `Plain HTTP to ${origin} is refused; use https, or list the origin in HTTP_ALLOW_PRIVATE`, {
          reason: 'address_forbidden',
        });
      agents ??= open();
      const { outer, inner } = await agents;
      return await exchange(mayBeInner ? inner : outer, request, {
        mayLeave,
        onStatus(status) {
          told.status = status;
        },
      });
    } catch (error) {
      told.code = (error as PolybError).code; // Nothing above throws any other error.
      throw error;
    } finally {
      const { status, code } = told;
      observe?.({ signal: request.signal, method: request.method, url, status, ms: performance.now() - started, code });
    }
  };
  return Object.assign(http, {
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

function exchange(
  agent: Agent,
  request: HttpRequest,
  { mayLeave, onStatus }: { readonly mayLeave: (signal: AbortSignal) => boolean; readonly onStatus: (status: number) => void },
): Promise<HttpAnswer> {
  const { signal, timeoutMs = defaultTimeoutMs, maxBytes = defaultMaxBytes } = request;
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  let over = false;
  let controller: Dispatcher.DispatchController | undefined;
  let status: number | undefined;
  let headers: Readonly<Record<string, string>> = {};
  let size = 0;
  const chunks: Buffer[] = [];

  /** Nothing was written before undici passes the controller: it was connecting, or waiting for a connection. */
  const wasSent = () => controller !== undefined;
  const fail = (code: Code, text: string, details: ErrorDetails = {}) => {
    const lastBytes = lastOf(chunks);
    const outcome = wasSent() ? details.outcome : 'not_executed';
    const error = failure(
      code,
      request,
      text,
      { ...details, outcome },
      { ...(status !== undefined && { status }), ...(lastBytes && { lastBytes }) },
    );
    over = true;
    reject(error);
    controller?.abort(error);
  };
  const onAbort = () => fail('cancelled', 'The caller gave up');
  const onTime = () => fail('deadline_exceeded', `No complete reply within ${timeoutMs} ms`);
  if (signal.aborted) {
    onAbort();
    return promise;
  }
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(onTime, timeoutMs);

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
        headers = Object.fromEntries(Object.entries(received).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]));
      },
      onResponseData(_, chunk) {
        chunks.push(chunk);
        size += chunk.length;
        if (size > maxBytes) fail('upstream_failed', `The reply is larger than ${maxBytes} bytes`, { reason: 'reply_too_large' });
      },
      onResponseEnd() {
        const body = Buffer.concat(chunks);
        decompress(body, headers['content-encoding'], maxBytes).then(
          (bytes) => resolve(answerOf(request, status ?? 0, headers, bytes)),
          (cause: unknown) => {
            const isLarge = (cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
            if (isLarge)
              fail('upstream_failed', `The reply is larger than ${maxBytes} bytes after decompression`, { reason: 'reply_too_large' });
            else fail('upstream_failed', 'The reply cannot be decompressed', { reason: 'bad_reply', cause });
          },
        );
      },
      onResponseError(_, cause) {
        if (!wasSent()) fail(...beforeSending(cause));
        else if (cause.name === 'HTTPParserError') fail('upstream_failed', 'The reply is not HTTP', { reason: 'bad_reply', cause });
        else fail('upstream_failed', 'The connection broke before the reply was complete', { reason: 'cut_off', cause });
      },
    },
  );
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  });
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

const unpackers: Readonly<Record<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};
async function decompress(body: Buffer, encoding: string | undefined, maxOutputLength: number): Promise<Buffer> {
  if (!encoding || encoding === 'identity' || body.length === 0) return body;
  const unpack = unpackers[encoding.toLowerCase()];
  if (!unpack) throw new TypeError('an encoding that was not requested');
  return unpack(body, { maxOutputLength });
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
