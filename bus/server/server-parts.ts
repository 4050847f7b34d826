/** What the parts of the server's side share: their dependencies, an endpoint, and a call while it runs. */
import type { Method, Stream } from '../../contracts/kit/define.ts';
import type { Origin, RequestOptions } from '../call.ts';
import type { Cancellable } from '../middleware/cancel.ts';
import type { Commit, Log } from '../service.ts';
import type { Streams } from '../streams/stream.ts';
import type { MeasuredCall, Recorder } from '../telemetry/recorder.ts';
import type { Counter } from '../telemetry/stats.ts';
import type { LocalCall, LocalEndpoints } from '../transports/in-process.ts';
import type { Transport } from '../transports/transport.ts';
import type { Format } from '../wire/codec.ts';

export interface ServerOptions {
  readonly transport: Transport;
  readonly name: string;
  readonly prefix: string;
  readonly now: () => number;
  readonly clockSkewMs: number;
  readonly log: Log;
  readonly recorder: Recorder;
  readonly localEndpoints: LocalEndpoints | undefined;
  readonly streams: Streams;
  readonly commit: Commit;
  readonly request: (method: Method, input: unknown, options: RequestOptions | undefined, origin: Origin) => Promise<unknown>;
}
export interface ServerParts extends ServerOptions {
  readonly running: RunningCalls;
}
export interface Endpoint {
  readonly entry: Method | Stream;
  readonly subject: string;
  readonly counter: Counter;
  readonly run: (input: unknown, call: RunningCall) => Promise<unknown>;
}
export interface RunningCall extends MeasuredCall, Cancellable {
  readonly endpoint: Endpoint;
  /** '' for a call within the process. */
  readonly reply: string;
  readonly local: LocalCall | undefined;
  readonly format: Format;
  /** The caller sent no key; the reply carries the generated one. */
  readonly keyMade: boolean;
  readonly hasKey: boolean;
  readonly stream: string;
  readonly step: string;
  readonly traceId: string;
  deadlineAt: number;
  spanId: string;
  /** The caller has its reply; the handler may still run. */
  over: boolean;
  /** The opening of a stream was answered. */
  opened: boolean;
  /** The outcome is the stored one of an earlier call. */
  replayed: boolean;
  /** Index in the list of running calls. */
  place: number;
}
/** The calls whose handlers run, with one timer for all their deadlines. */
export interface RunningCalls {
  add(call: RunningCall): void;
  remove(call: RunningCall): void;
  list(): readonly RunningCall[];
  /** Resolves when no handler runs. */
  idle(): Promise<void>;
  stop(): void;
}
