/**
 * The bus: how a call travels.
 *
 * Glossary: the *caller's side* sends requests, the *server's side* replies; an *instance* is one bus of one process;
 * a *hook* is a synchronous step before or after the one promise of a side; the *inbox* is where an instance gets its replies.
 */
import type { Entry, Event, Method } from '../contracts/kit/define.ts';
import { PolybError } from '../contracts/kit/errors.ts';
import type { Sample } from '../contracts/kit/metric.ts';
import { busReconnects, busRtt, rpcClientDuration, tapDropped } from '../contracts/metrics.ts';
import type { Callable, Handlers, Origin, RequestOptions, Served, ServeOptions, Wire } from './call.ts';
import { createCaller } from './client/caller.ts';
import { gather } from './client/request-many.ts';
import { within } from './middleware/settles-within.ts';
import type { Serving } from './server/serving.ts';
import type { Bus, Call, Commit, Context, Log, ShownSetting } from './service.ts';
import { createStreams } from './streams/stream.ts';
import { createHealth } from './telemetry/dependencies.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { processSamples } from './telemetry/process-samples.ts';
import { createRecorder } from './telemetry/recorder.ts';
import { type CallRecord, createRing, type NewRecord } from './telemetry/records.ts';
import { byCode, type MethodStats, statsOf } from './telemetry/stats.ts';
import type { LocalEndpoints } from './transports/in-process.ts';
import type { Transport } from './transports/transport.ts';
import { decode, encode } from './wire/codec.ts';
import { headerBlock } from './wire/headers.ts';
import { randomHex } from './wire/ids.ts';
import { bindSpan, spanIdOf, spanOf, traceIdOf, traceparentOf } from './wire/trace.ts';

export type { Bus } from './service.ts';

export interface BusOptions {
  /** Belongs to this bus alone. */
  readonly transport: Transport;
  /** The service's folder, or `operator`. */
  readonly name: string;
  /** Entries of other contracts that may be called, opened, tapped and heard; absent: any. */
  readonly uses?: readonly Pick<Entry, 'address'>[] | undefined;
  readonly log: Log;
  /** Unix ms. */
  readonly now?: (() => number) | undefined;
  /** First token of every subject; `polyb`. */
  readonly prefix?: string | undefined;
  /** Largest difference between the clocks of two machines; 250. */
  readonly clockSkewMs?: number | undefined;
  /** Runs `work` in a transaction of the journal. */
  readonly commit?: Commit | undefined;
  /** How long a call without a responder is retried; 2000, and 0 for the command line. */
  readonly noRespondersMs?: number | undefined;
  /** Shared by the buses of one process, which then skip the socket. */
  readonly localEndpoints?: LocalEndpoints | undefined;
  /** What the instance reports of its settings; none. */
  readonly settings?: readonly ShownSetting[] | undefined;
  /** Interval of pings between the ends of a stream; 5000. An end that is silent for three intervals is lost. */
  readonly streamPingMs?: number | undefined;
}
/** The bus for the host of a service and for the command line. */
export interface BusHost extends Bus {
  /** Resolves when the server has the subscriptions. `handlers` are by address; a keyed method needs none, `keep` runs it. */
  serve(entries: readonly Entry[], handlers: Handlers, options?: ServeOptions): Promise<Served>;
  /** An untyped call: the command line and HTTP build `method` from JSON. */
  request(method: Callable, input: unknown, options?: RequestOptions): Promise<unknown>;
  /** A handler's context; the journal creates one for each attempt. Calls through it inherit deadline, trace and cancel. */
  context(wire: Wire, commit?: Commit): Context;
  onConnection(listen: (connected: boolean) => void): () => void;
  /** Newest last. */
  records(filter?: { readonly traceId?: string; readonly sinceMs?: number }): readonly CallRecord[];
  record(record: NewRecord): void;
  /** Records a request of an adapter in the trace of `signal`, which is that of a context. */
  recordFor(
    signal: AbortSignal,
    span: { readonly address: string; readonly at: number; readonly ms: number; readonly code: CallRecord['code'] },
  ): void;
  /** One row for each method called from here and each served here. */
  stats(): readonly MethodStats[];
  /** Drains what is served, waits up to `graceMs` (10 s) for calls in flight, aborts the rest, flushes, closes the transport. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

const flushMs = 2000;

export function createBus(options: BusOptions): BusHost {
  const { transport, name, log, now = Date.now, prefix = 'polyb', clockSkewMs = 250, noRespondersMs = 2000, localEndpoints } = options;
  const instance = transport.inbox.slice(transport.inbox.lastIndexOf('.') + 1);
  const commit = options.commit ?? noStore;
  const allowed = options.uses === undefined ? undefined : new Set(options.uses.map(({ address }) => address));
  const own = new Set<string>();
  const recorder = createRecorder(createRing(name, instance), log);
  const metrics = createMetrics({ now, log });
  const health = createHealth(now);
  const forget = new Set<() => void>();
  let serving: Serving | undefined;
  let closing: Promise<void> | undefined;

  function permit({ address, service }: Pick<Entry, 'address' | 'service'>): void {
    if (allowed !== undefined && !allowed.has(address) && !own.has(service))
      throw new PolybError('permission_denied', `${name} does not name ${address} in \`uses\`; add it there, then: polyb up ${name}`);
  }
  const caller = createCaller({ transport, name, prefix, now, noRespondersMs, recorder, localEndpoints, permit });
  const streams = createStreams({
    transport,
    prefix,
    now,
    log,
    localEndpoints,
    pingMs: options.streamPingMs ?? 5000,
    permit,
    tapDropped: (address, at, items) => metrics.count(tapDropped, { rpc_method: address, at }, items),
    opening: caller.opening,
  });

  metrics.begin(busReconnects);
  metrics.sample(processSamples, { freshMs: 0 });
  metrics.sample(clientSamples, { freshMs: 0 });
  metrics.sample(async () => [{ of: busRtt, labels: {}, value: (await transport.rtt()) / 1000 }]);
  forget.add(
    transport.onConnection((connected) => {
      if (connected) metrics.count(busReconnects, {});
    }),
  );

  function clientSamples(): readonly Sample[] {
    return [...caller.counters].flatMap((counter) =>
      byCode(statsOf(counter)).map(([code, value]) => ({
        of: rpcClientDuration,
        labels: { rpc_method: counter.address, rpc_response_status_code: code },
        value,
      })),
    );
  }

  async function serve(entries: readonly Entry[], handlers: Handlers, { keep }: ServeOptions = {}): Promise<Served> {
    const { createServing } = await import('./server/serving.ts');
    serving ??= createServing({
      transport,
      name,
      instance,
      prefix,
      now,
      clockSkewMs,
      log,
      recorder,
      localEndpoints,
      streams,
      commit,
      request: caller.request,
      metricReports: metrics.reports,
      health,
      settings: options.settings ?? [],
    });
    const running = serving;
    running.add(entries, handlers, keep);
    for (const { service } of entries) own.add(service);
    await settle();
    return { entries, drain: running.drain };
  }

  /** Flushes to the server if it is connected; after a reconnect the transport subscribes again. */
  async function settle(): Promise<void> {
    if (!transport.connected) return;
    const flushed = transport.flush().catch((err) => log.warn({ err }, 'the bus connection dropped'));
    if (!(await within(flushMs, flushed))) log.warn({}, `the bus server took more than ${flushMs} ms to reply`);
  }

  function context(wire: Wire, run: Commit = commit): Context {
    const traceId = traceIdOf(wire.traceparent);
    const spanId = spanIdOf(wire.traceparent) || randomHex(16);
    const origin: Origin = {
      traceparent: traceparentOf(traceId, spanId),
      deadlineAt: wire.deadlineAt,
      attach: (cancel) => {
        const signal = wire.signal();
        signal.throwIfAborted();
        const onAbort = (): void => cancel(signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
        return () => signal.removeEventListener('abort', onAbort);
      },
    };
    return {
      call: ((method: Method, input: unknown, how?: RequestOptions) => caller.request(method, input, how, origin)) as Call,
      get signal() {
        const signal = wire.signal();
        if (spanOf(signal) === undefined) bindSpan(signal, { traceId, spanId });
        return signal;
      },
      key: wire.key,
      caller: wire.caller,
      deadlineAt: wire.deadlineAt,
      traceId,
      commit: run,
    };
  }

  const subjectOf = ({ service, name: event }: Event): string => `${prefix}.evt.${service}.${event}`;

  async function close({ graceMs = 10_000 }: { readonly graceMs?: number } = {}): Promise<void> {
    closing ??= (async () => {
      await serving?.stop(graceMs);
      for (const one of forget) one();
      streams.close();
      caller.close();
      if (transport.connected)
        await transport.flush().catch((err) => log.warn({ err }, 'the connection dropped while the bus was closing'));
      await transport.close();
    })();
    return closing;
  }

  return {
    name,
    instance,
    call: caller.request as Call,
    request: caller.request,
    open: streams.open,
    tap: streams.tap,
    serve,
    context,
    onRecord: recorder.onRecord,
    record: recorder.record,
    recordFor(signal, { address, at, ms, code }) {
      const span = spanOf(signal);
      if (span === undefined) return; // a loop's own request belongs to no trace
      const { traceId, spanId: parentId } = span;
      recorder.record({ address, at, ms, code, side: 'outside', caller: name, traceId, spanId: randomHex(16), parentId });
    },
    own(contract, object) {
      if (serving === undefined) throw new PolybError('failed_precondition', 'Serve the contract before you own one of its objects.');
      return serving.own(contract, object);
    },
    announce(event, payload, headers = {}) {
      if (transport.connected) transport.publish(subjectOf(event), encode('json', payload, true), headerBlock(headers));
    },
    hear(event, listener) {
      permit({ address: event.of ?? event.address, service: event.service });
      const subscription = transport.subscribe(subjectOf(event), ({ data }) => {
        let payload: unknown;
        try {
          payload = decode('json', data);
        } catch {
          return; // unreadable: an announcement only wakes, and every listener also polls
        }
        listener(payload);
      });
      const leave = (): void => {
        forget.delete(leave);
        subscription.unsubscribe();
      };
      forget.add(leave);
      return { [Symbol.dispose]: leave };
    },
    commit,
    metrics,
    health,
    get connected() {
      return transport.connected;
    },
    onConnection: transport.onConnection,
    records: (filter) => recorder.read(filter),
    stats: () => [...caller.counters, ...(serving?.counters() ?? [])].map(statsOf),
    gather: (subject, body, how) => gather(transport, subject, body, how),
    close,
  };
}
function noStore(): never {
  throw new PolybError('failed_precondition', 'This bus has no journal to commit to; give the service a DATABASE_URL.', {
    reason: 'no_store',
  });
}
