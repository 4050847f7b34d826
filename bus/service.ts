/**
 * The interface for service authors: handlers, their context, consumers, loops, guards, and the service as a value.
 *
 * Glossary: a *handler* implements a method; a *consumer* handles a durable event once; a *loop* repeats a turn;
 * a *guard* decides whether a keyed call may begin now; a *vendor* is the adapter that a setting selects from a catalogue.
 */
import type { z } from 'zod';
import type {
  Approval,
  Contract,
  Effect,
  Entry,
  Event,
  InputOf,
  Method,
  OutputOf,
  ParsedOf,
  PayloadOf,
  Stream,
} from '../contracts/kit/define.ts';
import { PolybError } from '../contracts/kit/errors.ts';
import type { Counting, Metrics } from '../contracts/kit/metric.ts';
import type { Cache, Database, Log, Queries, SecretKey } from '../contracts/kit/ports.ts';
import type { Health } from './telemetry/dependencies.ts';
import type { Registry } from './telemetry/metrics.ts';
import type { RecordListener } from './telemetry/recorder.ts';

export type { Database, Log, Queries } from '../contracts/kit/ports.ts';
export type { FinishedCall, RecordListener } from './telemetry/recorder.ts';

export type Keyed = Method<z.ZodType, z.ZodType, 'keyed'>;
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** The caller's time limit; the least of it, the method's and the rest of an outer call applies. */
  readonly timeoutMs?: number | undefined;
  /** False: one request and no retry, for a caller that retries itself. */
  readonly retry?: boolean | undefined;
  /** Called before the outcome when it is the stored one of an earlier call under the same key. */
  readonly onReplay?: (() => void) | undefined;
}
/** A keyed method is called with its key; other methods without. */
export type OptionsFor<M> = M extends Keyed
  ? [options: CallOptions & { readonly key: string }]
  : [options?: CallOptions & { readonly key?: string }];
export type Call = <M extends Method>(method: M, input: InputOf<M>, ...options: OptionsFor<M>) => Promise<OutputOf<M>>;

export interface SendOptions {
  readonly key: string;
  /** No attempt before this time. */
  readonly notBefore?: Date;
  /** Overrides the method's own policy. */
  readonly approval?: Approval;
  /** How long an approval can be taken back with journal.recall; no attempt begins earlier. */
  readonly undoMs?: number;
  /** Number of different people who must approve it: 1 or 2. */
  readonly approvers?: number;
  /** How long its first attempt may begin, instead of the method's `ttlMs`. */
  readonly ttlMs?: number;
}
/** A setting as an instance reports it. A secret has no value. */
export interface ShownSetting {
  readonly name: string;
  /** The service, and the adapter that reads it: `collector: telegram`. */
  readonly group: string;
  readonly value: string | null;
  readonly isSecret: boolean;
  /** False for a default too. */
  readonly isSet: boolean;
  /** `the environment`, `.env`, …, `default` or `not set`. */
  readonly origin: string;
  readonly what: string;
}
/** A person whose data is to be erased. */
export interface Forgotten {
  /** Internal ids of the person, and of their chats and messages. */
  readonly ids: readonly string[];
  /** The channel's ids of them and their messages. Short numbers are ignored, because other objects have them too. */
  readonly names: readonly string[];
  /** The names that are also searched inside texts. */
  readonly mentions: readonly string[];
}
/** One transaction: row functions take it; emitted events, sends and counts are published after it commits. */
export interface Tx extends Queries, Counting {
  emit<E extends Event>(event: E, payload: PayloadOf<E>): void;
  /** Returns the row's id. A row that exists under the key stays unchanged and keeps its own id. */
  send<M extends Keyed>(method: M, input: InputOf<M>, options: SendOptions): string;
  /** Makes sent rows under these keys stale unless they have begun. @param why A sentence for the people who would decide on them. */
  outdate(method: Keyed, keys: readonly string[], why: string): void;
  /** Erases a person from the journal's rows and events, of every method and state, and cancels unfinished rows about them. */
  forget(person: Forgotten): void;
}
export type Commit = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

export interface Context {
  /** Calls another method with this call's deadline, trace and cancel. */
  readonly call: Call;
  /** Fires on the deadline, on the caller's cancel and on shutdown. */
  readonly signal: AbortSignal;
  /** The idempotency key of a keyed call, from which to derive the keys of the handler's own keyed calls. Empty otherwise. */
  readonly key: string;
  /** The service or user that called, proven by the request's subject; `guest` when the subject proves none. */
  readonly caller: string;
  /** Unix ms after which the caller no longer waits. */
  readonly deadlineAt: number;
  readonly traceId: string;
  /** In a keyed handler: once; the return value of `work` is the stored result of the call. */
  readonly commit: Commit;
}
export type Handler<M extends Method = Method> = (input: ParsedOf<M>, context: Context) => Promise<OutputOf<M>>;
export type StreamHandler<S extends Stream = Stream> =
  S extends Stream<infer I, infer U, infer D>
    ? (input: z.output<I>, up: AsyncIterable<z.output<U>>, context: Context) => AsyncIterable<z.input<D>>
    : never;
export type HandlersOf<C> = {
  readonly [N in keyof C as C[N] extends Event ? never : N]: C[N] extends Method
    ? Handler<C[N]> | (C[N] extends Keyed ? Effect<C[N]> : never)
    : C[N] extends Stream
      ? StreamHandler<C[N]>
      : never;
};

export interface ConsumerOptions {
  /** Distinguishes two consumers of one event in one service. */
  readonly as?: string;
  /** A new consumer begins with the oldest stored event. Default: with the next one. */
  readonly fromOldest?: boolean;
  /** Failures in a row after which the event becomes a dead letter and the next one is handled.
   *  Default: never; the order is kept and the event is retried without end, with pauses of up to a minute. */
  readonly giveUpAfter?: number;
}
export interface Consumer extends ConsumerOptions {
  readonly consumes: Event;
  handle(payload: unknown, tx: Tx): Promise<void>;
}
/** Handles each event once: the cursor moves in the handler's transaction. An event that ends or stalls its process four times in a row
 *  becomes a dead letter, independently of `giveUpAfter`. */
export function on<E extends Event>(
  event: E,
  handle: (payload: PayloadOf<E>, tx: Tx) => Promise<void>,
  options: ConsumerOptions = {},
): Consumer {
  return { consumes: event, handle: handle as Consumer['handle'], ...options };
}

export type Turn = (signal: AbortSignal) => Promise<'more' | 'idle'>;
export interface Loop {
  readonly name: string;
  readonly schedule: { readonly idleMs: number; readonly wakeOn?: Event | undefined } | { readonly cron: string };
  /** The name of a lease: only one process runs the loop. */
  readonly only: string | undefined;
  readonly turn: Turn;
}
/** Repeats `turn` while it returns `more`, else sleeps for `idleMs` or until woken. With `only`, one process runs it under a lease. */
export function loop(
  name: string,
  options: { readonly idleMs: number; readonly wakeOn?: Event; readonly only?: string },
  turn: Turn,
): Loop {
  return { name, schedule: { idleMs: options.idleMs, wakeOn: options.wakeOn }, only: options.only, turn };
}
/** Runs `job` at the times of a cron line (UTC), in only one process. */
export function every(name: string, cron: string, job: (signal: AbortSignal) => Promise<unknown>): Loop {
  return {
    name,
    schedule: { cron },
    only: name,
    turn: async (signal) => {
      await job(signal);
      return 'idle';
    },
  };
}

export type Verdict = 'go' | { readonly notBefore: Date; readonly reason?: string } | Refusal;
export interface Refusal {
  /** A reason from the method's errors. */
  readonly refuse: string;
  /** The reason as a sentence. */
  readonly why?: string;
}
export interface Guard {
  readonly guards: Method;
  check(input: unknown, tx: Tx): Promise<Verdict>;
}
/** Runs in the transaction that proposes, approves or acquires an attempt of the method. */
export function guard<M extends Keyed>(method: M, check: (input: ParsedOf<M>, tx: Tx) => Promise<Verdict>): Guard {
  return { guards: method, check: check as Guard['check'] };
}

/** One effect of several, picked by a field of the input; each keeps its own way to resolve an unknown outcome.
 *  @param absent the value that an input without the field stands for
 *  @throws PolybError failed_precondition/no_<field> from an attempt with another value of the field; nothing was done. */
export function byField<M extends Keyed>(
  field: keyof ParsedOf<M> & string,
  effects: Readonly<Record<string, Effect<M>>>,
  absent?: string,
): Effect<M> {
  return {
    async attempt(input, at) {
      const value = String(input[field] ?? absent);
      const effect = effects[value];
      if (effect === undefined)
        throw new PolybError(
          'failed_precondition',
          `Nothing here serves the ${field} ${value}; there are ${Object.keys(effects).join(', ')}.`,
          {
            reason: `no_${field}`,
            outcome: 'not_executed',
          },
        );
      return effect.attempt(input, at);
    },
    onUnknown: {
      do: 'by_field',
      field,
      absent,
      of: Object.fromEntries(Object.entries(effects).map(([value, { onUnknown }]) => [value, onUnknown])),
    },
  };
}

/** The adapters of one kind, by vendor; `settings` is read only for the selected vendor. */
export type Catalogue<T> = Readonly<Record<string, { readonly settings: z.ZodObject; create(options: never, deps: never): T }>>;
export interface Vendors<T = unknown> {
  /** The setting that names the vendor, `CRM_KIND`. */
  readonly setting: string;
  readonly catalogue: Catalogue<T>;
  /** The built-in adapter that needs no credentials. */
  readonly fallback: string;
  /** The setting that lists several adapters of the kind by name, `CRM_CONNECTIONS`. Default: there is one. */
  readonly connections?: string;
  /** The setting names several vendors in order of preference, `openai,deepseek`; where the fallback is `none`, also none of them. */
  readonly list?: true;
}
/** Adapters of one kind by the name of their connection, `main` first. */
export type Connections<T> = ReadonlyMap<string, T>;
type Picked<V> = {
  readonly [N in keyof V]: V[N] extends Vendors<infer T>
    ? V[N] extends { readonly connections: string }
      ? Connections<T>
      : V[N] extends { readonly list: true }
        ? readonly T[]
        : T
    : never;
};
/** The adapter of the connection that an input names, or of `main`. @throws PolybError failed_precondition/no_connection */
export function connectionFor<T>(connections: Connections<T>, { connection = 'main' }: { readonly connection?: string | undefined }): T {
  const found = connections.get(connection);
  if (found !== undefined) return found;
  throw new PolybError('failed_precondition', `There is no connection ${connection}; there are ${[...connections.keys()].join(', ')}.`, {
    reason: 'no_connection',
    outcome: 'not_executed',
  });
}
/** The effect of each connection; each keeps its own way to resolve an unknown outcome. */
export function byConnection<T, M extends Keyed>(
  connections: Connections<T>,
  effectOf: (adapter: T, connection: string) => Effect<M>,
): Effect<M> {
  const effects = Object.fromEntries([...connections].map(([name, adapter]) => [name, effectOf(adapter, name)]));
  return byField('connection' as keyof ParsedOf<M> & string, effects, 'main');
}

export interface TapOptions {
  /** `up`: items from the caller as the handler reads them; `down`: items from the service. Default: both. */
  readonly side?: 'up' | 'down' | 'both' | undefined;
  readonly signal?: AbortSignal | undefined;
}
export type TapItem<U, D> =
  /** A stream with the topic is open and heard from here on, also while it has no items. */
  | { readonly kind: 'started' }
  | { readonly kind: 'item'; readonly side: 'up'; readonly item: U }
  | { readonly kind: 'item'; readonly side: 'down'; readonly item: D }
  /** Here this many items of the side are missing, because the service or the listener was behind or the connection dropped. */
  | { readonly kind: 'dropped'; readonly side: 'up' | 'down'; readonly items: number };

export interface Bus {
  readonly name: string;
  readonly instance: string;
  readonly call: Call;
  /** Opens a stream; leaving the iteration or aborting ends the other side. `onOpened` is called once the service has opened it, perhaps long before the first item. */
  open<I extends z.ZodType, U extends z.ZodType, D extends z.ZodType>(
    stream: Stream<I, U, D>,
    input: z.input<I>,
    up: AsyncIterable<z.input<U>>,
    options?: CallOptions & { readonly onOpened?: () => void },
  ): AsyncIterable<z.output<D>>;
  /** Listens to a stream of another caller, from now to its end, without flow control: items may be lost, which is counted.
   *  @throws PolybError upstream_failed/connection_lost when the instance with the stream is gone; failed_precondition for a stream without a topic. */
  tap<I extends z.ZodType, U extends z.ZodType, D extends z.ZodType>(
    stream: Stream<I, U, D>,
    topic: string,
    options?: TapOptions,
  ): AsyncIterable<TapItem<z.output<U>, z.output<D>>>;
  /** Serves, until disposed, the methods and streams of `contract`, or of a part of it, that declare this owner for the one object: `own(telephony, { legId })`.
   *  Open streams outlive it. @throws PolybError failed_precondition for an owner that no entry declares, or an entry that is not served here. */
  own(contract: Contract, object: Readonly<Record<string, string>>): Disposable;
  /** Publishes an event at once; it is lost without a listener or a connection. `Tx.emit` publishes durable events. */
  announce(event: Event, payload: unknown, headers?: Readonly<Record<string, string>>): void;
  /** Listens to announcements, which only wake: the state must be read from its store. */
  hear(event: Event, listener: (payload: unknown) => void): Disposable;
  /**
   * Reports every call that finishes here: calls made and served, streams at their end, handled events, attempts of keyed methods, requests of
   * adapters. The listener runs synchronously in the path of the call, so it should only queue; what it throws reaches the log alone.
   */
  onRecord(listener: RecordListener): Disposable;
  readonly commit: Commit;
  /** Metrics of this instance, part of its reply to `$SRV.STATS`. */
  readonly metrics: Registry;
  /** Health of the dependencies of this instance, part of its reply to `$SRV.PING`. */
  readonly health: Health;
  /** False: no request can be sent now. */
  readonly connected: boolean;
  /** Collects JSON replies of all listeners at `subject` until `waitMs` have passed, `atMost` came, or none came for `quietMs`. */
  gather(
    subject: string,
    body: unknown,
    options?: { readonly waitMs?: number; readonly quietMs?: number; readonly atMost?: number; readonly signal?: AbortSignal },
  ): Promise<readonly unknown[]>;
}
export interface Parts<S extends z.ZodObject, V> {
  readonly settings: z.output<S>;
  readonly vendors: Picked<V>;
  readonly bus: Bus;
  readonly db: Database;
  /** Shared by all processes if REDIS_URL is set. */
  readonly cache: Cache;
  readonly secretKey: SecretKey;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Unix ms. */
  readonly now: () => number;
}
type Serves = Readonly<Record<string, Contract>>;
type Running<Cs> = { readonly [N in keyof Cs]: HandlersOf<Cs[N]> } & {
  readonly on?: readonly Consumer[];
  readonly loops?: readonly Loop[];
  readonly guards?: readonly Guard[];
  /** False or a throw: not ready yet, with the reason. */
  readonly ready?: () => Promise<boolean>;
  /**
   * Called when the service stops, after it has left the queue groups: owned entries are still served until this resolves, so that what
   * the process owns can end in its own time.
   */
  readonly drain?: () => Promise<void>;
  readonly stop?: () => Promise<void>;
};
/** A service: the contracts it serves, the entries it uses, its settings, and how its parts are put together. */
export interface Service {
  readonly serves: Serves;
  /** Methods, streams and events that it calls or consumes beyond its own; bus permissions follow from them, and the bus refuses all others. */
  readonly uses: readonly Entry[];
  /** It may request metrics and health from all services. */
  readonly discovers: boolean;
  readonly settings: z.ZodObject;
  readonly vendors: Readonly<Record<string, Vendors>>;
  make(parts: Parts<z.ZodObject, Readonly<Record<string, Vendors>>>): Promise<Running<Serves>>;
}
export function service<
  const Cs extends Readonly<Record<string, object>>,
  S extends z.ZodObject,
  const V extends Readonly<Record<string, Vendors>> = Record<never, never>,
>(what: {
  readonly serves: Cs;
  readonly uses?: readonly Entry[];
  readonly discovers?: boolean;
  readonly settings: S;
  readonly vendors?: V;
}): { start(make: (parts: Parts<S, V>) => Promise<Running<Cs>>): Service } {
  return {
    start: (make) => ({
      serves: what.serves as unknown as Serves,
      uses: what.uses ?? [],
      discovers: what.discovers ?? false,
      settings: what.settings,
      vendors: what.vendors ?? {},
      make: make as unknown as Service['make'],
    }),
  };
}
