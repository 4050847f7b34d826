import type { Method } from '../../contracts/kit/define.ts';
import type { PolybError } from '../../contracts/kit/errors.ts';
import type { Frame } from '../wire/frames.ts';

/** A call within one process: it passes the same layers and skips the socket and the encoding. */
export interface LocalCall {
  readonly input: unknown;
  readonly caller: string;
  readonly traceparent: string;
  readonly key: string;
  /** The step of a run that the call is; '' for most. */
  readonly step: string;
  readonly deadlineAt: number;
  /** Where the caller's end of a stream listens; '' for a method. */
  readonly stream: string;
  /** `output` of a stream's opening is where the service's end listens; `replayed`: it is the outcome of an earlier call. */
  done(error: PolybError | undefined, output: unknown, replayed: boolean): void;
}
export interface LocalEndpoint {
  readonly roles: Method['roles'];
  /** Starts the call; the returned function tells it to stop. */
  take(call: LocalCall): (why: PolybError) => void;
}
/** What the services of one process answer, and their ends of streams, by subject. */
export interface LocalEndpoints {
  readonly endpoints: Map<string, LocalEndpoint>;
  readonly streams: Map<string, (frame: Frame) => void>;
}
export function createLocalEndpoints(): LocalEndpoints {
  return { endpoints: new Map(), streams: new Map() };
}
