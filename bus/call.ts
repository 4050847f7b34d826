/** A call between the two sides of the bus: what travels beside its input, and what serving and requesting need. */
import type { Entry, Method } from '../contracts/kit/define.ts';
import type { PolybError } from '../contracts/kit/errors.ts';
import type { CallOptions, Handler, StreamHandler } from './service.ts';

/** What came with a call beside its input. */
export interface Wire {
  readonly key: string;
  /** The service or user that called, as the subject of the request proves. */
  readonly caller: string;
  /** Unix ms. */
  readonly deadlineAt: number;
  /** The span of the serving side: give it to what is called onward. */
  readonly traceparent: string;
  /** Made on first use; fires on the deadline, on the caller's cancel and on shutdown. */
  readonly signal: () => AbortSignal;
  /** The step of a run that the call is, as the caller's journal wrote it; absent or '' for most. */
  readonly step?: string;
  /** Says that the outcome is the kept one of an earlier call under this key. */
  readonly replayed?: () => void;
}
/** Runs a keyed handler under the journal; the bus knows no more of it than this. */
export type RunKeyed = (method: Method, input: unknown, wire: Wire) => Promise<unknown>;

/** What of a method its caller needs, so that entries can be made from JSON. */
export type Callable = Pick<Method, 'address' | 'service' | 'name' | 'timeoutMs' | 'idempotency' | 'owner'> & { readonly bytes?: boolean };

export interface ServeOptions {
  /** Runs the keyed methods; without it a keyed method is refused at once. */
  readonly keep?: RunKeyed | undefined;
}
export interface Served {
  /** Everything this instance answers. */
  readonly entries: readonly Entry[];
  /** Takes no more calls and waits for those in flight. */
  drain(): Promise<void>;
}
/** By address, `crm.push_to_crm`. */
export type Handlers = Readonly<Record<string, Handler | StreamHandler>>;

export type RequestOptions = CallOptions & {
  readonly key?: string | undefined;
  /** The step of a run that a keyed call is, as the journal writes it; the bus only carries it. */
  readonly step?: string | undefined;
};
/** Where a call made by a handler comes from: it ends with its own caller's deadline, trace and cancel. */
export interface Origin {
  readonly traceparent: string;
  readonly deadlineAt: number;
  /** Adds a way to stop the call; returns how to forget it. */
  attach(cancel: (why: PolybError) => void): () => void;
}
