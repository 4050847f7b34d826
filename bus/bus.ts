/**
 * The bus: how a call travels.
 *
 * Glossary: the *caller's side* sends and waits, the *server's side* answers; an *instance* is one bus of one process;
 * a *hook* is a synchronous step before or after the one promise of a side; the *inbox* is where an instance gets its replies.
 */
import type { z } from 'zod';
import type { Entry, Event, Method, Stream } from '../contracts/define.ts';
import type { CallRecord, NewRecord } from './records.ts';
import type { Call, CallOptions, Commit, Context, Handler, Log, StreamHandler } from './service.ts';
import type { MethodStats } from './stats.ts';
import type { Transport } from './transport.ts';

/** What came with a call beside its input. */
export interface Wire {
  readonly key: string;
  /** The service or user that called, as its inbox tells. */
  readonly caller: string;
  /** Unix ms. */
  readonly deadlineAt: number;
  /** The span of the serving side: give it to what is called onward. */
  readonly traceparent: string;
  /** Made on first use; fires on the deadline, on the caller's cancel and on shutdown. */
  readonly signal: () => AbortSignal;
}
/** Runs a keyed handler under the journal; the bus knows no more of it than this. */
export type Keep = (method: Method, input: unknown, wire: Wire) => Promise<unknown>;

export interface Bus {
  readonly name: string;
  readonly instance: string;
  readonly call: Call;
  /** Opens a stream; leaving the loop or aborting ends the other side. */
  open<I extends z.ZodType, U extends z.ZodType, D extends z.ZodType>(
    stream: Stream<I, U, D>,
    input: z.input<I>,
    up: AsyncIterable<z.input<U>>,
    options?: CallOptions,
  ): AsyncIterable<z.output<D>>;
  /** Listens to the down side of a stream of others, without credits: items may be lost. */
  tap<I extends z.ZodType, U extends z.ZodType, D extends z.ZodType>(
    stream: Stream<I, U, D>,
    topic: string,
    options?: CallOptions,
  ): AsyncIterable<z.output<D>>;
  /** Answers `method` for one owned thing from now until disposed. The method must declare `owner`. */
  own(method: Method, id: string): Disposable;
  /** Tells others that an event happened; lost when nobody listens. Durable events are published with `Tx.emit`. */
  announce(event: Event, payload: unknown, headers?: Readonly<Record<string, string>>): void;
  /** Hears announcements: a wake-up, never the truth. */
  hear(event: Event, heard: (payload: unknown) => void): Disposable;
  readonly commit: Commit;
}
/** What of a method its caller needs, so that entries can be made from JSON. */
export type Callable = Pick<Method, 'address' | 'service' | 'name' | 'timeoutMs' | 'idempotency' | 'owner'> & { readonly bytes?: boolean };

export interface ServeOptions {
  /** Runs the keyed methods; without it a keyed method is refused at once. */
  readonly keep?: Keep | undefined;
  /** SemVer of the daemon's package; the contract's own version is told beside it. */
  readonly description?: string | undefined;
}
export interface Served {
  /** Everything this instance answers. */
  readonly entries: readonly Entry[];
  /** Takes no more calls and waits for those in flight. */
  drain(): Promise<void>;
}
/** By address, `crm.push_to_crm`. */
export type Handlers = Readonly<Record<string, Handler | StreamHandler>>;

/** The calls of one process find each other here and skip the socket. */
export interface Neighbours {
  readonly handlers: Map<string, unknown>;
}
export interface BusOptions {
  /** One bus a transport. */
  readonly transport: Transport;
  /** The service's folder, or `operator`. */
  readonly name: string;
  /** What may be called, opened, tapped and heard beside what is served here; absent: anything. */
  readonly uses?: readonly Pick<Entry, 'address'>[] | undefined;
  readonly log: Log;
  /** Unix ms. */
  readonly now?: (() => number) | undefined;
  /** First token of every subject; `polyb`. */
  readonly prefix?: string | undefined;
  /** How far the clocks of two machines may differ; 250. */
  readonly clockSkewMs?: number | undefined;
  /** Runs `work` in a transaction of the journal. */
  readonly commit?: Commit | undefined;
  /** How long a call for which nobody listens is tried again; 2000, and 0 for the command line. */
  readonly noRespondersMs?: number | undefined;
  readonly neighbours?: Neighbours | undefined;
}
/** The bus as the host of a service and the command line see it. */
export interface BusHost extends Bus {
  /** Resolves when the server has the subscriptions. `handlers` are by address; a keyed method needs none, `keep` runs it. */
  serve(entries: readonly Entry[], handlers: Handlers, options?: ServeOptions): Promise<Served>;
  /** A call that is typed by nothing: the command line and HTTP make `method` from JSON. */
  request(method: Callable, input: unknown, options?: CallOptions & { readonly key?: string | undefined }): Promise<unknown>;
  /** What a handler gets; the journal makes one for each attempt. Calls made through it inherit deadline, trace and cancel. */
  context(wire: Wire, commit?: Commit): Context;
  readonly connected: boolean;
  onConnection(listen: (connected: boolean) => void): () => void;
  /** Newest last. */
  records(filter?: { readonly traceId?: string; readonly sinceMs?: number }): readonly CallRecord[];
  record(record: NewRecord): void;
  /** Records what the holder of `signal` (a context's) did outside: an HTTP request of an adapter. */
  recordFor(signal: AbortSignal, span: { readonly address: string; readonly at: number; readonly ms: number; readonly code: string }): void;
  /** One row for each method called from here and each served here. */
  stats(): readonly MethodStats[];
  /** Asks whoever listens at `subject` and gathers JSON answers until `waitMs` have passed, `atMost` came, or nothing came for `quietMs`. */
  gather(
    subject: string,
    body: unknown,
    options?: { readonly waitMs?: number; readonly quietMs?: number; readonly atMost?: number; readonly signal?: AbortSignal },
  ): Promise<readonly unknown[]>;
  /** Drains what is served, waits up to `graceMs` (10 s) for calls in flight, aborts the rest, flushes, closes the transport. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

export declare function createBus(options: BusOptions): BusHost;
