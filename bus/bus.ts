/** The bus as its callers see it. */
import type { z } from 'zod';
import type { Entry, Event, Method, Stream } from '../contracts/define.ts';
import type { Call, CallOptions, Commit, Handler, StreamHandler } from './service.ts';

/** Runs a keyed handler under the journal; the bus knows no more of it than this. */
export type Keep = (
  method: Method,
  input: unknown,
  wire: {
    readonly key: string;
    readonly caller: string;
    readonly deadlineAt: number;
    readonly traceparent: string;
    readonly signal: () => AbortSignal;
  },
) => Promise<unknown>;

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
export interface Served {
  /** Everything this instance answers. */
  readonly entries: readonly Entry[];
  /** Takes no more calls and waits for those in flight. */
  drain(): Promise<void>;
}
export type Handlers = Readonly<Record<string, Handler | StreamHandler>>;
