/**
 * What a service author sees: handlers, their context, consumers, loops, guards, and the service as a value.
 *
 * Glossary: a *handler* answers a method; a *consumer* handles a durable event once; a *loop* repeats a turn;
 * a *guard* says whether a keyed call may go out now; a *vendor* is the adapter that a setting picks from a catalogue.
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
import type { Counting, Metrics } from '../contracts/kit/metric.ts';
import type { Database, Log, Queries } from '../contracts/kit/ports.ts';
import type { Health } from './telemetry/dependencies.ts';
import type { Registry } from './telemetry/metrics.ts';
import type { RecordListener } from './telemetry/recorder.ts';

export type { Database, Log, Queries } from '../contracts/kit/ports.ts';
export type { FinishedCall, RecordListener } from './telemetry/recorder.ts';

export type Keyed = Method<z.ZodType, z.ZodType, 'keyed'>;
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** The caller's own limit; the least of this, the method's and what is left of the caller's own deadline holds. */
  readonly timeoutMs?: number | undefined;
  /** False: one attempt and no more; for a caller that repeats by itself. */
  readonly retry?: boolean | undefined;
  /** Told before the outcome when it is the kept one of an earlier call under the same key. */
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
  /** How long after its approval no attempt begins, so that the approval can be taken back: journal.recall. */
  readonly undoMs?: number;
  /** How many people must approve it, each another one: 1 or 2. */
  readonly approvers?: number;
}
/** A person who is to be forgotten. */
export interface Forgotten {
  /** Our ids of the person, and of their chats and messages. */
  readonly ids: readonly string[];
  /** What the channel calls them and their messages. Short numbers, which other things are called too, are left out of account. */
  readonly names: readonly string[];
  /** Those of the names that are looked for inside texts too. */
  readonly mentions: readonly string[];
}
/** One transaction: row functions take it, and what is emitted, sent or counted in it is published after it commits. */
export interface Tx extends Queries, Counting {
  emit<E extends Event>(event: E, payload: PayloadOf<E>): void;
  /** Answers the row's id; where a row stands under the key already, that one stays as it is, under its own id. */
  send<M extends Keyed>(method: M, input: InputOf<M>, options: SendOptions): string;
  /** Rows under these keys that were sent and have not begun become stale. @param why A sentence for whoever would still decide about them. */
  outdate(method: Keyed, keys: readonly string[], why: string): void;
  /** Takes a person out of the journal's rows and events, whatever their method or state, and cancels what is under way for them. */
  forget(person: Forgotten): void;
}
export type Commit = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

export interface Context {
  /** Calls onward with this call's deadline, trace and cancel. */
  readonly call: Call;
  /** Fires on the deadline, on the caller's cancel and on shutdown. */
  readonly signal: AbortSignal;
  /** The idempotency key of a keyed call; derive the keys of keyed calls made from here from it. Empty otherwise. */
  readonly key: string;
  /** The service or user that called, proven by the subject of the request; `guest` for a call that proves nobody. */
  readonly caller: string;
  /** Unix ms after which nobody waits for the answer. */
  readonly deadlineAt: number;
  readonly traceId: string;
  /** In a keyed handler: once, and what `work` returns is the call's stored result. */
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
  /** Sets two consumers of one event in one service apart. */
  readonly as?: string;
  /** Failures in a row after which the event becomes a dead letter and the next one is handled.
   *  Default: never; the order is kept and the event is tried again without end, with pauses that grow to a minute. */
  readonly giveUpAfter?: number;
}
export interface Consumer extends ConsumerOptions {
  readonly consumes: Event;
  handle(payload: unknown, tx: Tx): Promise<void>;
}
/** Handles each event once: the cursor moves in the handler's transaction. An event whose handling ends or stalls its process four times in a row
 *  becomes a dead letter, whatever `giveUpAfter` says. */
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
  /** A lease name: one process of all runs the loop. */
  readonly only: string | undefined;
  readonly turn: Turn;
}
/** Repeats `turn` while it says `more`, else sleeps until woken or `idleMs`. `only` takes a lease. */
export function loop(
  name: string,
  options: { readonly idleMs: number; readonly wakeOn?: Event; readonly only?: string },
  turn: Turn,
): Loop {
  return { name, schedule: { idleMs: options.idleMs, wakeOn: options.wakeOn }, only: options.only, turn };
}
/** Runs `job` at the times of a cron line (UTC), in one process of all. */
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
  /** A word from the method's errors. */
  readonly refuse: string;
  /** The same as a sentence for people. */
  readonly why?: string;
}
export interface Guard {
  readonly guards: Method;
  check(input: unknown, tx: Tx): Promise<Verdict>;
}
/** Runs in the transaction that proposes, approves or takes an attempt of the method. */
export function guard<M extends Keyed>(method: M, check: (input: ParsedOf<M>, tx: Tx) => Promise<Verdict>): Guard {
  return { guards: method, check: check as Guard['check'] };
}

/** The adapters of one kind, by vendor; `settings` is read only for the vendor that is picked. */
export type Catalogue<T> = Readonly<Record<string, { readonly settings: z.ZodObject; create(options: never, deps: never): T }>>;
export interface Vendors<T = unknown> {
  /** The setting that names the vendor, `CRM_KIND`. */
  readonly setting: string;
  readonly catalogue: Catalogue<T>;
  /** The built-in adapter that serves without any key. */
  readonly fallback: string;
}
type Picked<V> = { readonly [N in keyof V]: V[N] extends Vendors<infer T> ? T : never };

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
  /** Tells others that an event happened; lost when nobody listens or the bus is away. Durable events are published with `Tx.emit`. */
  announce(event: Event, payload: unknown, headers?: Readonly<Record<string, string>>): void;
  /** Hears announcements: a wake-up, never the truth. */
  hear(event: Event, heard: (payload: unknown) => void): Disposable;
  /**
   * Reports every call that finishes here: calls made and served, streams at their end, handled events, attempts of keyed methods, requests of
   * adapters. The listener runs synchronously in the path of the call, so it should only queue; what it throws reaches the log alone.
   */
  onRecord(listener: RecordListener): Disposable;
  readonly commit: Commit;
  /** What this instance counts; told with its other figures to whoever gathers `$SRV.STATS`. */
  readonly metrics: Registry;
  /** How those outside stand whom this instance asks; told in its answer to a ping. */
  readonly health: Health;
  /** False: nothing can be asked now. */
  readonly connected: boolean;
  /** Asks whoever listens at `subject` and gathers JSON answers until `waitMs` have passed, `atMost` came, or nothing came for `quietMs`. */
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
  readonly stop?: () => Promise<void>;
};
/** A service: what it serves and uses, the settings it reads, and how its parts are put together. */
export interface Service {
  readonly serves: Serves;
  /** Methods, streams and events that it calls or consumes beyond its own; bus permissions follow from it and the bus refuses the rest. */
  readonly uses: readonly Entry[];
  /** It asks all services for their figures, so the bus lets it. */
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
