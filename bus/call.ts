/** The types that both sides of a call share. */
import type { Entry, Method } from '../contracts/kit/define.ts';
import type { PolybError } from '../contracts/kit/errors.ts';
import type { CallOptions, Handler, StreamHandler } from './service.ts';

/** What a request carries beside its input. */
export interface Wire {
  readonly key: string;
  /** The service or user that called, as the subject of the request proves. */
  readonly caller: string;
  /** Unix ms. */
  readonly deadlineAt: number;
  /** The span of the serving side, the parent of onward calls. */
  readonly traceparent: string;
  /** Made on first use; fires on the deadline, on the caller's cancel and on shutdown. */
  readonly signal: () => AbortSignal;
  /** The run's step that makes the call, as the caller's journal wrote it; absent or '' for most calls. */
  readonly step?: string;
  /** Marks the outcome as the stored one of an earlier call under this key. */
  readonly replayed?: () => void;
}
/** Runs a keyed handler under the journal. */
export type RunKeyed = (method: Method, input: unknown, wire: Wire) => Promise<unknown>;

/** The part of a method that its caller needs; it can be built from JSON. */
export type Callable = Pick<Method, 'address' | 'service' | 'name' | 'timeoutMs' | 'idempotency' | 'owner'> & { readonly bytes?: boolean };

export interface ServeOptions {
  /** Runs the keyed methods; without it, serving a keyed method fails. */
  readonly keep?: RunKeyed | undefined;
}
export interface Served {
  /** All entries that this instance serves. */
  readonly entries: readonly Entry[];
  /** Takes no more calls and waits for those in flight. A repeat waits for the first. */
  drain(options: DrainOptions): Promise<void>;
}
export interface DrainOptions {
  /** Called once nothing is taken but for owned objects; when it resolves they are left too. */
  readonly release?: (() => Promise<void>) | undefined;
  /** How long calls in flight may go on, asked when everything is left; then they are aborted. */
  readonly leftMs: () => number;
}
/** By address, `crm.push_to_crm`. */
export type Handlers = Readonly<Record<string, Handler | StreamHandler>>;

export type RequestOptions = CallOptions & {
  readonly key?: string | undefined;
  /** The run's step that makes a keyed call, as the journal writes it; the bus only carries it. */
  readonly step?: string | undefined;
};
/** The call in whose handler another call is made, which inherits its deadline, trace and cancel. */
export interface Origin {
  readonly traceparent: string;
  readonly deadlineAt: number;
  /** Registers how to cancel the inner call; returns how to unregister it. */
  attach(cancel: (why: PolybError) => void): () => void;
}
