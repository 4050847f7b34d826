/** What the parts of the caller's side share: their dependencies, what they keep, and a call that waits for its reply. */
import type { Entry } from '../../contracts/kit/define.ts';
import type { PolybError } from '../../contracts/kit/errors.ts';
import type { Callable } from '../call.ts';
import type { Attempted } from '../middleware/retry.ts';
import type { MeasuredCall, Recorder } from '../telemetry/recorder.ts';
import type { Counter } from '../telemetry/stats.ts';
import type { LocalEndpoints } from '../transports/in-process.ts';
import type { Transport } from '../transports/transport.ts';
import type { Format } from '../wire/codec.ts';

export interface CallerOptions {
  readonly transport: Transport;
  readonly name: string;
  readonly prefix: string;
  readonly now: () => number;
  readonly noRespondersMs: number;
  readonly recorder: Recorder;
  readonly localEndpoints: LocalEndpoints | undefined;
  /** @throws PolybError permission_denied for what the service does not name in `uses`. */
  readonly permit: (entry: Pick<Entry, 'address' | 'service'>) => void;
}
export interface CallerParts extends CallerOptions {
  readonly routes: Map<Callable, Route>;
  /** By address. */
  readonly counters: Map<string, Counter>;
  /** Requests without a reply, by token. */
  readonly waiting: Map<number, PendingCall>;
  readonly sweep: { wake(): void };
  lastToken: number;
  /** Unix ms of the last reconnect. */
  reconnectedAt: number;
}
export interface Route {
  readonly method: Callable;
  readonly subject: string;
  /** The subject with the name of this user. */
  readonly signed: string;
  readonly counter: Counter;
}
export interface PendingCall extends MeasuredCall, Attempted {
  readonly route: Route;
  readonly subject: string;
  readonly signed: string;
  readonly input: unknown;
  /** Encoded when the call first leaves the process. */
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
  /** Last token of the reply's subject; 0 while no request is out. */
  token: number;
  over: boolean;
  /** Stops the handler of a call within the process. */
  stopLocal: ((why: PolybError) => void) | undefined;
  /** Detaches the call from its signal and its origin. */
  release: (() => void) | undefined;
}
