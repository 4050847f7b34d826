/** The caller's side: one inbox subscription for all replies, a whole number for each call, one sweep for all deadlines. */

import type { Entry, Stream } from '../../contracts/kit/define.ts';
import { type Code, codes, fromProblem, PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import type { Callable, Origin, RequestOptions } from '../call.ts';
import { cancelled } from '../middleware/cancel.ts';
import { callDeadline, deadlineExceeded } from '../middleware/deadline.ts';
import { createSweep } from '../middleware/deadline-timer.ts';
import { type Observed, type Observer, observe } from '../middleware/observe.ts';
import { type Attempted, retryDelay } from '../middleware/retry.ts';
import { type Counter, counterOf } from '../telemetry/stats.ts';
import type { Neighbours } from '../transports/in-process.ts';
import { type Arrived, notConnected, type Transport } from '../transports/transport.ts';
import { decode, encode, type Format } from '../wire/codec.ts';
import { headerValue, msgpackType, readHead, requestHead } from '../wire/headers.ts';
import { randomHex, subjectToken } from '../wire/ids.ts';
import { checkKey } from '../wire/key.ts';
import { callSubject, signature } from '../wire/subjects.ts';
import { spanIdOf, traceIdOf, traceparentOf } from '../wire/trace.ts';

export interface CallerParts {
  readonly transport: Transport;
  readonly name: string;
  readonly prefix: string;
  readonly now: () => number;
  readonly noRespondersMs: number;
  readonly observer: Observer;
  readonly neighbours: Neighbours | undefined;
  /** @throws PolybError permission_denied for what the service does not name in `uses`. */
  readonly permit: (entry: Pick<Entry, 'address' | 'service'>) => void;
}
export interface Caller {
  request(method: Callable, input: unknown, options?: RequestOptions, origin?: Origin): Promise<unknown>;
  /** Opens a stream whose end here listens at `mine`; resolves with where the other end listens. */
  opening(stream: Stream, input: unknown, mine: string, options: RequestOptions, origin: Origin | undefined): Promise<string>;
  readonly counters: Iterable<Counter>;
  close(): void;
}

interface Route {
  readonly method: Callable;
  readonly subject: string;
  /** The subject with the name of this user. */
  readonly signed: string;
  readonly counter: Counter;
}
interface Pending extends Observed, Attempted {
  readonly route: Route;
  readonly subject: string;
  readonly signed: string;
  readonly input: unknown;
  /** Made when the call first leaves the process. */
  body: string | Uint8Array | undefined;
  readonly format: Format;
  /** Where the caller's end of a stream listens; '' for a method. */
  readonly stream: string;
  readonly step: string;
  readonly deadlineAt: number;
  readonly mayRetry: boolean;
  readonly onReplay: (() => void) | undefined;
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: PolybError) => void;
  attempts: number;
  /** The number under which its reply will come; 0 while none is out. */
  token: number;
  over: boolean;
  /** Tells a handler of this process to stop. */
  stopLocal: ((why: PolybError) => void) | undefined;
  /** Forgets the signal and the origin. */
  release: (() => void) | undefined;
}

const sweepMs = 25;
/** After a reconnect, for so long a missing owner may be one that is not back yet. */
const settleMs = 1000;

export function createCaller(parts: CallerParts): Caller {
  const { transport, name, prefix, now, noRespondersMs, observer, neighbours, permit } = parts;
  const { inbox, user } = transport;
  const signedBy = signature(user);
  const tokenAt = inbox.length + 1;
  const routes = new Map<Callable, Route>();
  const openings = new WeakMap<Stream, Callable>();
  const counters = new Map<string, Counter>();
  const waiting = new Map<number, Pending>();
  let lastToken = 0;
  let reconnectedAt = 0;

  const subscription = transport.subscribe(`${inbox}.*`, onReply);
  const sweep = createSweep(sweepMs, expire, now);
  const forget = [transport.onConnection(onConnection), transport.onRefused(onRefused)];

  function routeTo(method: Callable): Route {
    const known = routes.get(method);
    if (known !== undefined) return known;
    permit(method);
    const counter = counters.get(method.address) ?? counterOf(method.address, 'client');
    counters.set(method.address, counter);
    const subject = callSubject(prefix, method);
    const route = { method, subject, signed: subject + signedBy, counter };
    routes.set(method, route);
    return route;
  }

  function start(
    method: Callable,
    input: unknown,
    options: RequestOptions | undefined,
    origin: Origin | undefined,
    stream: string,
    resolve: (output: unknown) => void,
    reject: (error: PolybError) => void,
  ): void {
    const route = routeTo(method);
    const signal = options?.signal;
    if (signal?.aborted) throw cancelled(method.address, 'not_executed');
    const at = now();
    const deadlineAt = callDeadline(
      method.timeoutMs,
      options?.timeoutMs,
      origin === undefined ? Number.POSITIVE_INFINITY : origin.deadlineAt,
      at,
    );
    if (deadlineAt <= at) throw deadlineExceeded(method.address, 'not_executed');
    if (options?.key !== undefined) checkKey(method.address, options.key);
    const subject = method.owner === undefined ? route.subject : ownedSubject(route, input);
    const pending: Pending = {
      route,
      subject,
      signed: method.owner === undefined ? route.signed : subject + signedBy,
      input,
      body: undefined,
      format: method.bytes === true ? 'msgpack' : 'json',
      stream,
      step: options?.step ?? '',
      deadlineAt,
      mayRetry: options?.retry !== false,
      onReplay: options?.onReplay,
      resolve,
      reject,
      idempotency: method.idempotency,
      key: options?.key ?? '',
      at,
      startedMs: performance.now(),
      counter: route.counter,
      traceId: origin === undefined ? randomHex(32) : traceIdOf(origin.traceparent),
      spanId: randomHex(16),
      parentId: origin === undefined ? '' : spanIdOf(origin.traceparent),
      from: name,
      attempts: 0,
      token: 0,
      over: false,
      stopLocal: undefined,
      release: undefined,
    };
    if (signal !== undefined || origin !== undefined) pending.release = attach(pending, signal, origin);
    route.counter.inFlight += 1;
    send(pending);
  }

  function ownedSubject({ method, subject }: Route, input: unknown): string {
    const id = (input as Readonly<Record<string, unknown>> | null)?.[method.owner as string];
    if (typeof id === 'string' && id !== '') return `${subject}.${subjectToken(id)}`;
    throw new PolybError('invalid_argument', `Bad input for ${method.address}: ${method.owner}: expected a text`);
  }

  function attach(pending: Pending, signal: AbortSignal | undefined, origin: Origin | undefined): () => void {
    const cancel = (): void =>
      giveUp(pending, cancelled(pending.route.method.address, pending.attempts === 0 ? 'not_executed' : 'unknown'));
    signal?.addEventListener('abort', cancel, { once: true });
    const detach = origin?.attach(cancel);
    return () => {
      signal?.removeEventListener('abort', cancel);
      detach?.();
    };
  }

  function send(pending: Pending): void {
    const { route, subject } = pending;
    const local = neighbours?.endpoints.get(subject);
    pending.attempts += 1;
    try {
      if (local !== undefined) {
        if (local.roles !== undefined && !local.roles.includes(name)) throw mayNotCall(name, route.method.address);
        queueMicrotask(() => takeLocally(pending));
        return;
      }
      if (!transport.connected) throw notConnected();
      pending.body ??= bodyOf(pending);
      lastToken = lastToken === 0x7fffffff ? 1 : lastToken + 1;
      pending.token = lastToken;
      transport.publish(pending.signed, pending.body, headOf(pending), `${inbox}.${lastToken}`);
      waiting.set(lastToken, pending);
      sweep.wake();
    } catch (thrown) {
      failed(pending, toPolybError(thrown));
    }
  }

  function headOf({ traceId, spanId, deadlineAt, key, format, stream, step }: Pending): string {
    const at = now();
    const extra = format === 'json' ? (stream === '' ? '' : `polyb-stream: ${stream}\r\n`) : `content-type: ${msgpackType}\r\n`;
    const ofStep = step === '' ? '' : `polyb-step: ${headerValue(step)}\r\n`;
    return requestHead(traceparentOf(traceId, spanId), deadlineAt - at, at, key, `${extra}${ofStep}`);
  }

  function takeLocally(pending: Pending): void {
    if (pending.over) return;
    const local = neighbours?.endpoints.get(pending.subject);
    if (local === undefined) {
      pending.attempts -= 1;
      send(pending); // it stopped serving in between: others may take the call
      return;
    }
    const attempt = pending.attempts;
    pending.stopLocal = local.take({
      input: pending.input,
      caller: user,
      traceparent: traceparentOf(pending.traceId, pending.spanId),
      key: pending.key,
      step: pending.step,
      deadlineAt: pending.deadlineAt,
      stream: pending.stream,
      done: (error, output, replayed) => {
        if (pending.over || pending.attempts !== attempt) return;
        if (replayed) tellReplay(pending);
        if (error === undefined) answered(pending, output);
        else failed(pending, error);
      },
    });
  }

  function onReply(message: Arrived): void {
    const token = Number(message.subject.slice(tokenAt));
    const pending = waiting.get(token);
    if (pending === undefined) return; // too late: its caller has had an answer
    waiting.delete(token);
    pending.token = 0;
    if (message.headers === '') {
      settleWith(pending, 'json', message.data);
      return;
    }
    const head = readHead(message.headers);
    if (head.replayed) tellReplay(pending);
    if (head.status === 503) failed(pending, nobody(pending));
    else if (head.code !== '' || head.errorCode !== 0) failed(pending, problemOf(message.data, head.code));
    else if (pending.stream !== '' && head.stream !== '') answered(pending, head.stream);
    else settleWith(pending, head.contentType === msgpackType ? 'msgpack' : 'json', message.data);
  }
  /** After a repeat of our own the earlier call may have been ours. */
  function tellReplay({ attempts, onReplay }: Pending): void {
    if (attempts === 1) onReplay?.();
  }
  function settleWith(pending: Pending, format: Format, data: Uint8Array): void {
    let output: unknown;
    try {
      output = decode(format, data);
    } catch (cause) {
      failed(
        pending,
        new PolybError('upstream_failed', `${pending.route.method.address} answered with a body that cannot be read.`, {
          reason: 'bad_reply',
          cause,
        }),
      );
      return;
    }
    answered(pending, output);
  }

  function nobody({ route: { method } }: Pending): PolybError {
    return method.owner !== undefined && now() - reconnectedAt > settleMs
      ? new PolybError('not_found', `No instance holds the ${method.owner} of this ${method.address} request.`)
      : new PolybError('unavailable', `No service answers ${method.address}.`, { reason: 'no_responders' });
  }

  function answered(pending: Pending, output: unknown): void {
    end(pending, undefined);
    pending.resolve(output);
  }
  function failed(pending: Pending, error: PolybError): void {
    const at = now();
    const delayMs = pending.mayRetry ? retryDelay(error, pending, at, noRespondersMs) : undefined;
    if (delayMs === undefined || at + delayMs >= pending.deadlineAt) {
      end(pending, error);
      pending.reject(error);
      return;
    }
    setTimeout(() => {
      if (!pending.over) send(pending);
    }, delayMs);
  }
  function end(pending: Pending, error: PolybError | undefined): void {
    pending.over = true;
    pending.release?.();
    observe(observer, pending, error);
  }

  /** Ends the caller's wait now and tells the service that nobody waits. */
  function giveUp(pending: Pending, why: PolybError): void {
    if (pending.over) return;
    if (pending.token !== 0) {
      waiting.delete(pending.token);
      const body = JSON.stringify({ op: 'cancel', reply: `${inbox}.${pending.token}` });
      if (transport.connected) transport.publish(`${prefix}.ctl.${pending.route.method.service}`, body);
    }
    end(pending, why);
    pending.reject(why);
    pending.stopLocal?.(why);
  }

  function expire(at: number): boolean {
    for (const [token, pending] of waiting) {
      if (pending.deadlineAt > at) continue;
      waiting.delete(token);
      const error = deadlineExceeded(pending.route.method.address, 'unknown');
      end(pending, error);
      pending.reject(error);
    }
    return waiting.size > 0;
  }
  function onConnection(connected: boolean): void {
    if (connected) reconnectedAt = now();
    else
      failAll(
        () => true,
        () =>
          new PolybError('upstream_failed', 'The connection dropped before the reply arrived; the call may have been made.', {
            reason: 'connection_lost',
          }),
      );
  }
  function onRefused(subject: string): void {
    failAll(
      (pending) => pending.signed === subject,
      (address) => mayNotCall(name, address),
    );
  }
  function failAll(which: (pending: Pending) => boolean, errorFor: (address: string) => PolybError): void {
    for (const [token, pending] of waiting) {
      if (!which(pending)) continue;
      waiting.delete(token);
      pending.token = 0;
      failed(pending, errorFor(pending.route.method.address));
    }
  }

  return {
    request: (method, input, options, origin) =>
      new Promise((resolve, reject) => start(method, input, options, origin, '', resolve, reject)),
    opening(stream, input, mine, options, origin) {
      let method = openings.get(stream);
      if (method === undefined) {
        // Opening changes nothing that a second opening would clash with: it is repeated like an idempotent method.
        method = { ...stream, idempotency: 'idempotent', owner: undefined, bytes: false };
        openings.set(stream, method);
      }
      const callable = method;
      return new Promise((resolve, reject) => start(callable, input, options, origin, mine, resolve as (output: unknown) => void, reject));
    },
    get counters() {
      return counters.values();
    },
    close() {
      for (const one of forget) one();
      subscription.unsubscribe();
      failAll(
        () => true,
        (address) => new PolybError('cancelled', `The bus closed before ${address} replied.`),
      );
      sweep.stop();
    },
  };
}

function bodyOf({ input, format, route: { method } }: Pending): string | Uint8Array {
  try {
    return encode(format, input, method.bytes === true);
  } catch (cause) {
    throw new PolybError('invalid_argument', `Bad input for ${method.address}: expected a value that can be written as ${format}.`, {
      reason: 'bad_body',
      cause,
    });
  }
}

/** The error that a reply tells of; `code` speaks where the body does not. */
export function problemOf(data: Uint8Array, code: string): PolybError {
  try {
    return fromProblem(decode('json', data));
  } catch {
    return code in codes
      ? new PolybError(code as Code, codes[code as Code].title)
      : new PolybError('upstream_failed', 'The other side answered with an error that cannot be read.', { reason: 'bad_reply' });
  }
}

function mayNotCall(name: string, address: string): PolybError {
  return new PolybError(
    'permission_denied',
    `${name} may not call ${address}: \`polyb permissions ${name}\` lists its rights, and \`polyb restart\` renews those that follow from \`uses\`.`,
  );
}
