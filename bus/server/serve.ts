/** The server's side: what is done with each call between its arrival and its answer. Loaded when something is served. */
import type { Entry, Method, Stream } from '../../contracts/kit/define.ts';
import { codes, isPolybError, PolybError, toPolybError, toProblem } from '../../contracts/kit/errors.ts';
import type { Handlers, Origin, RequestOptions, RunKeyed, Wire } from '../call.ts';
import { type Cancellable, cancelled, signalOf, stop } from '../middleware/cancel.ts';
import { deadlineExceeded, deadlineOf } from '../middleware/deadline.ts';
import { createSweep } from '../middleware/deadline-timer.ts';
import { admit } from '../middleware/limit.ts';
import { type Observed, type Observer, observe } from '../middleware/observe.ts';
import { validInput, validOutput } from '../middleware/validate.ts';
import type { Commit, Context, Handler, Log, StreamHandler } from '../service.ts';
import type { Streams } from '../streams/stream.ts';
import { type Counter, counterOf } from '../telemetry/stats.ts';
import type { LocalCall, Neighbours } from '../transports/in-process.ts';
import type { Arrived, Subscription, Transport } from '../transports/transport.ts';
import { decode, encode, type Format, plainCopy } from '../wire/codec.ts';
import { type Head, headerValue, msgpackType, readHead } from '../wire/headers.ts';
import { randomHex, subjectToken } from '../wire/ids.ts';
import { checkKey } from '../wire/key.ts';
import { callerAt, callSubject, isInboxOf, signature } from '../wire/subjects.ts';
import { spanIdOf, traceIdOf, traceparentOf } from '../wire/trace.ts';
import { redactError } from './redact-error.ts';

export interface ServerParts {
  readonly transport: Transport;
  readonly name: string;
  readonly prefix: string;
  readonly now: () => number;
  readonly clockSkewMs: number;
  readonly log: Log;
  readonly observer: Observer;
  readonly neighbours: Neighbours | undefined;
  readonly streams: Streams;
  readonly commit: Commit;
  readonly request: (method: Method, input: unknown, options: RequestOptions | undefined, origin: Origin) => Promise<unknown>;
}
export interface Endpoint {
  readonly entry: Method | Stream;
  readonly subject: string;
  readonly counter: Counter;
  readonly run: (input: unknown, running: Running) => Promise<unknown>;
}
export interface Running extends Observed, Cancellable {
  readonly endpoint: Endpoint;
  /** '' for a call of this process. */
  readonly reply: string;
  readonly local: LocalCall | undefined;
  readonly format: Format;
  /** The caller sent no key and is told the one made for it. */
  readonly keyMade: boolean;
  readonly hasKey: boolean;
  readonly stream: string;
  readonly step: string;
  readonly traceId: string;
  deadlineAt: number;
  spanId: string;
  over: boolean;
  opened: boolean;
  /** The outcome is the kept one of an earlier call. */
  replayed: boolean;
  /** Its place in the list of running calls. */
  place: number;
}
export interface Server {
  add(entries: readonly Entry[], handlers: Handlers, keep: RunKeyed | undefined): readonly Endpoint[];
  own(method: Method, id: string): Disposable;
  /** Stops the call that would have replied there. */
  cancel(reply: string): void;
  readonly endpoints: readonly Endpoint[];
  /** Takes no more calls; resolves when those in flight have ended. */
  drain(): Promise<void>;
  /** Answers all that still run, and fires their signals. */
  abort(): void;
  close(): void;
}

const queue = 'q';
const sweepMs = 25;
const nothing = new Uint8Array(0);

export function createServer(parts: ServerParts): Server {
  const { transport, prefix, now, clockSkewMs, log, observer, neighbours, streams } = parts;
  const endpoints = new Map<string, Endpoint>();
  const subscriptions = new Set<Subscription>();
  const localSubjects = new Set<string>();
  const running: Running[] = [];
  const sweep = createSweep(sweepMs, expire, now);
  let idle: PromiseWithResolvers<void> | undefined;

  function add(entries: readonly Entry[], handlers: Handlers, keep: RunKeyed | undefined): readonly Endpoint[] {
    const made = entries.filter((entry) => entry.kind !== 'event').map((entry) => endpointOf(entry, handlers[entry.address], keep));
    for (const endpoint of made) {
      endpoints.set(endpoint.entry.address, endpoint);
      // Nobody but its holder answers for an owned thing: no holder, no responder.
      if (endpoint.entry.kind === 'stream' || endpoint.entry.owner === undefined) listen(endpoint, endpoint.subject);
    }
    return made;
  }

  function endpointOf(entry: Method | Stream, handler: Handler | StreamHandler | undefined, keep: RunKeyed | undefined): Endpoint {
    const { address } = entry;
    if (endpoints.has(address)) throw new PolybError('failed_precondition', `${address} is served already.`);
    return {
      entry,
      subject: callSubject(prefix, entry),
      counter: counterOf(address, 'server'),
      run: entry.kind === 'stream' ? streamRun(entry, handler) : methodRun(entry, handler, keep),
    };
  }
  function methodRun(method: Method, handler: Handler | StreamHandler | undefined, keep: RunKeyed | undefined): Endpoint['run'] {
    if (method.idempotency === 'keyed') {
      if (keep === undefined)
        throw new PolybError('failed_precondition', `${method.address} is keyed: serve it with a journal (DATABASE_URL).`, {
          reason: 'no_store',
        });
      return (input, call) => keep(method, input, wireOf(call));
    }
    if (handler === undefined) throw new PolybError('unimplemented', `${method.address} has no handler.`);
    const handle = handler as Handler;
    return (input, call) => handle(input, contextOf(call));
  }
  function streamRun(stream: Stream, handler: Handler | StreamHandler | undefined): Endpoint['run'] {
    const { address } = stream;
    if (handler === undefined) throw new PolybError('unimplemented', `${address} has no handler.`);
    const handle = handler as (input: unknown, up: AsyncIterable<unknown>, context: Context) => AsyncIterable<unknown>;
    const { topic, up, down } = stream;
    const accept = {
      up: (item: unknown) => validInput(address, up, item),
      down: (item: unknown) => validOutput(address, down, item),
    };
    return (input, call) => {
      const about = topic === undefined ? '' : String((input as Readonly<Record<string, unknown>>)[topic]);
      const failed = (thrown: unknown) => redactError(thrown, stream.input, input);
      return streams.serve(stream, call, about, { ...accept, failed }, (items) => handle(input, items, contextOf(call)));
    };
  }

  function listen(endpoint: Endpoint, subject: string): Disposable {
    // What is not open to everybody is heard only from those who prove who they are.
    const heard = endpoint.entry.roles === undefined ? [subject, subject + signature('*')] : [subject + signature('*')];
    const made = heard.map((at) =>
      transport.subscribe(at, (message) => arrive(endpoint, subject, message), {
        queue,
        onError: (err) => log.error({ err, subject: at }, 'this service may not listen where its contract says'),
      }),
    );
    for (const subscription of made) subscriptions.add(subscription);
    localSubjects.add(subject);
    neighbours?.endpoints.set(subject, { roles: endpoint.entry.roles, take: (call) => takeLocal(endpoint, call) });
    return {
      [Symbol.dispose]: () => {
        for (const subscription of made) {
          subscription.unsubscribe();
          subscriptions.delete(subscription);
        }
        localSubjects.delete(subject);
        neighbours?.endpoints.delete(subject);
      },
    };
  }

  /** What nobody waits for, or cannot be answered, is counted and never read. */
  function arrive(endpoint: Endpoint, bare: string, message: Arrived): void {
    const { counter, entry } = endpoint;
    const { reply } = message;
    const caller = callerAt(message.subject, bare);
    if (!isInboxOf(reply, caller)) {
      counter.dropped += 1; // nowhere to answer; anywhere else an answer could pass for a call, or for another's answer
      return;
    }
    const at = now();
    const head = readHead(message.headers);
    const deadlineAt = deadlineOf(entry.timeoutMs, head, at, clockSkewMs);
    if (deadlineAt <= at) {
      counter.dropped += 1;
      return;
    }
    take(callOf(endpoint, caller, reply, head, deadlineAt, at, undefined), message.data);
  }

  function takeLocal(endpoint: Endpoint, local: LocalCall): (why: PolybError) => void {
    const at = now();
    const { traceparent, key, stream, step, caller } = local;
    const hasKey = key !== '';
    const deadlineAt = Math.min(local.deadlineAt, at + endpoint.entry.timeoutMs);
    const call = callOf(endpoint, caller, '', { traceparent, key, hasKey, stream, step, contentType: '' }, deadlineAt, at, local);
    take(call, nothing);
    return (why) => stop(call, why);
  }

  function callOf(
    endpoint: Endpoint,
    from: string,
    reply: string,
    head: Pick<Head, 'traceparent' | 'key' | 'hasKey' | 'stream' | 'step' | 'contentType'>,
    deadlineAt: number,
    at: number,
    local: LocalCall | undefined,
  ): Running {
    const { entry, counter } = endpoint;
    const keyMade = !head.hasKey && entry.kind === 'method' && entry.idempotency === 'keyed';
    return {
      endpoint,
      reply,
      local,
      format: head.contentType === msgpackType ? 'msgpack' : 'json',
      keyMade,
      hasKey: head.hasKey,
      stream: head.stream,
      step: head.step,
      deadlineAt,
      over: false,
      opened: false,
      replayed: false,
      place: -1,
      at,
      startedMs: performance.now(),
      counter,
      traceId: traceIdOf(head.traceparent),
      spanId: '',
      parentId: spanIdOf(head.traceparent),
      from,
      key: keyMade ? randomHex(32) : head.key,
      abort: undefined,
      stopped: undefined,
      onward: undefined,
    };
  }

  /** Limit, decode, validate, run. */
  function take(call: Running, body: Uint8Array): void {
    const { entry, counter } = call.endpoint;
    const busy = admit(counter, entry.limits.concurrency);
    if (busy !== undefined) {
      finish(call, busy, undefined);
      return;
    }
    let input: unknown;
    try {
      if (call.hasKey) checkKey(entry.address, call.key);
      input = validInput(entry.address, entry.input, given(call, body));
    } catch (thrown) {
      finish(call, errorOf(call, thrown), undefined);
      return;
    }
    begin(call, input);
  }
  /** A body of no bytes is an input of no fields. */
  function given({ local, format, endpoint }: Running, body: Uint8Array): unknown {
    if (local === undefined) return body.length === 0 ? {} : decode(format, body);
    try {
      return plainCopy(local.input);
    } catch (cause) {
      throw new PolybError('invalid_argument', `Bad input for ${endpoint.entry.address}: expected what JSON or msgpack can carry`, {
        reason: 'bad_body',
        cause,
      });
    }
  }

  function begin(call: Running, input: unknown): void {
    call.place = running.push(call) - 1;
    sweep.wake();
    void work(call, input); // it catches all that the handler does
  }
  async function work(call: Running, input: unknown): Promise<void> {
    let output: unknown;
    try {
      output = await call.endpoint.run(input, call);
    } catch (thrown) {
      leave(call);
      finish(call, call.stopped ?? errorOf(call, redactError(thrown, call.endpoint.entry.input, input)), undefined);
      return;
    }
    leave(call);
    finish(call, undefined, output);
  }
  function errorOf({ endpoint, traceId }: Running, thrown: unknown): PolybError {
    const error = toPolybError(thrown);
    if (error.code === 'internal') log.error({ err: thrown, method: endpoint.entry.address, traceId }, 'a handler failed');
    return error;
  }
  function leave(call: Running): void {
    const { place } = call;
    const last = running.pop() as Running;
    if (last !== call) {
      running[place] = last;
      last.place = place;
    }
    if (running.length === 0) idle?.resolve();
  }

  /** Answers once; what comes later finds the call over. */
  function finish(call: Running, failure: PolybError | undefined, output: unknown): void {
    if (call.over) return;
    call.over = true;
    let error = failure;
    if (error === undefined && !call.opened) error = answer(call, output);
    if (error !== undefined && !call.opened) refuse(call, error);
    observe(observer, call, error);
  }

  /** Sends the output; what keeps it from leaving is the answer then. */
  function answer(call: Running, output: unknown): PolybError | undefined {
    const { address, output: schema, bytes } = call.endpoint.entry as Method;
    try {
      const valid = validOutput(address, schema, output);
      if (call.local === undefined) {
        const body = encode(call.format, valid, bytes);
        transport.publish(call.reply, body, call.format === 'json' && !call.keyMade && !call.replayed ? '' : replyHead(call));
      } else call.local.done(undefined, plainCopy(valid), call.replayed);
      return undefined;
    } catch (thrown) {
      return unanswerable(call, thrown);
    }
  }
  function unanswerable(call: Running, thrown: unknown): PolybError {
    const { address } = call.endpoint.entry;
    const facts = { method: address, traceId: call.traceId };
    const error = isPolybError(thrown)
      ? thrown
      : new PolybError('internal', `${address} returned an output that cannot be encoded.`, { reason: 'bad_output', cause: thrown });
    if (error.reason === 'not_connected') log.warn(facts, 'the connection dropped before the reply was sent');
    else log.error({ ...facts, err: error.cause ?? error }, error.message);
    return error.reason === 'payload_too_large'
      ? new PolybError('invalid_argument', `The reply of ${address} is too large to send; request less.`, {
          reason: error.reason,
          outcome: 'unknown',
        })
      : error;
  }
  function replyHead(call: Running): string {
    return `NATS/1.0\r\n${call.format === 'json' ? '' : `content-type: ${msgpackType}\r\n`}${aboutKey(call)}\r\n`;
  }
  function aboutKey({ keyMade, key, replayed }: Running): string {
    return `${keyMade ? `idempotency-key: ${key}\r\n` : ''}${replayed ? 'idempotency-replayed: true\r\n' : ''}`;
  }
  function refuse(call: Running, error: PolybError): void {
    if (call.local !== undefined) {
      call.local.done(error, undefined, call.replayed);
      return;
    }
    // These two names are the micro protocol's own and keep its spelling.
    const micro = `Nats-Service-Error: ${lineOf(error.message)}\r\nNats-Service-Error-Code: ${codes[error.code].http}\r\n`;
    const head = `NATS/1.0\r\n${micro}polyb-code: ${error.code}\r\ncontent-type: application/problem+json\r\n${aboutKey(call)}\r\n`;
    try {
      transport.publish(call.reply, JSON.stringify(toProblem(error)), head);
    } catch (err) {
      log.warn({ err, method: call.endpoint.entry.address, traceId: call.traceId }, 'an error could not be sent to its caller');
    }
  }

  function expire(at: number): boolean {
    let waited = false;
    for (let place = running.length - 1; place >= 0; place -= 1) {
      const call = running[place] as Running;
      if (call.over) continue; // it still runs, but has been answered for
      if (call.deadlineAt > at) {
        waited = true;
        continue;
      }
      cut(call, deadlineExceeded(call.endpoint.entry.address, 'unknown'));
    }
    return waited;
  }
  /** Ends a call for its caller at once, whether or not its handler listens. */
  function cut(call: Running, why: PolybError): void {
    stop(call, why);
    finish(call, why, undefined);
  }

  function wireOf(call: Running): Wire {
    return {
      key: call.key,
      caller: call.from,
      deadlineAt: call.deadlineAt,
      traceparent: traceparentOf(call.traceId, spanOf(call)),
      signal: () => signalOf(call),
      step: call.step,
      replayed: () => {
        call.replayed = true;
      },
    };
  }
  function contextOf(call: Running): Context {
    const context = Object.create(lazy) as { -readonly [N in keyof Context]: Context[N] } & { running: Running };
    context.running = call;
    context.key = call.key;
    context.deadlineAt = call.deadlineAt;
    context.traceId = call.traceId;
    context.commit = parts.commit;
    return context;
  }
  /** What most handlers never look at is made when it is looked at. */
  const lazy = {
    get signal(): AbortSignal {
      return signalOf((this as unknown as { running: Running }).running);
    },
    get caller(): string {
      return (this as unknown as { running: Running }).running.from;
    },
    get call(): Context['call'] {
      const origin = originOf((this as unknown as { running: Running }).running);
      return ((method: Method, input: unknown, options?: RequestOptions) =>
        parts.request(method, input, options, origin)) as Context['call'];
    },
  };
  function originOf(call: Running): Origin {
    return {
      traceparent: traceparentOf(call.traceId, spanOf(call)),
      deadlineAt: call.deadlineAt,
      attach(cancel) {
        if (call.stopped !== undefined) throw call.stopped;
        call.onward ??= new Set();
        call.onward.add(cancel);
        return () => void call.onward?.delete(cancel);
      },
    };
  }

  return {
    add,
    own(method, id) {
      const endpoint = endpoints.get(method.address);
      if (endpoint === undefined || method.owner === undefined)
        throw new PolybError(
          'failed_precondition',
          `${method.address} must be served here and declare an owner to be answered for one thing.`,
        );
      return listen(endpoint, `${endpoint.subject}.${subjectToken(id)}`);
    },
    cancel(reply) {
      const call = running.find((one) => one.reply === reply);
      if (call !== undefined) stop(call, cancelled(call.endpoint.entry.address, 'unknown'));
    },
    get endpoints() {
      return [...endpoints.values()];
    },
    async drain() {
      for (const subject of localSubjects) neighbours?.endpoints.delete(subject);
      await Promise.all([...subscriptions].map((subscription) => subscription.drain()));
      if (running.length === 0) return;
      idle ??= Promise.withResolvers();
      await idle.promise;
    },
    abort() {
      for (const call of [...running]) cut(call, new PolybError('unavailable', `${parts.name} is shutting down.`, { outcome: 'unknown' }));
    },
    close() {
      for (const subscription of subscriptions) subscription.unsubscribe();
      sweep.stop();
    },
  };
}

function spanOf(call: Running): string {
  call.spanId ||= randomHex(16);
  return call.spanId;
}
/** A text as one header line that people read. */
function lineOf(text: string): string {
  return headerValue(text.replace(/[^\x20-\x24\x26-\x7e]/g, '?')).slice(0, 500);
}
