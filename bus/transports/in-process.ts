import type { Method } from '../../contracts/kit/define.ts';
import type { PolybError } from '../../contracts/kit/errors.ts';
import type { Frame } from '../wire/frames.ts';

/** A call within one process: it passes the same hooks and skips socket and encoding. */
export interface LocalCall {
  readonly input: unknown;
  readonly caller: string;
  readonly traceparent: string;
  readonly key: string;
  /** The run's step that makes the call; '' for most calls. */
  readonly step: string;
  readonly deadlineAt: number;
  /** Where the caller's end of a stream listens; '' for a method. */
  readonly stream: string;
  /** `output` of a stream's opening is where the service's end listens; `replayed`: it is the outcome of an earlier call. */
  done(error: PolybError | undefined, output: unknown, replayed: boolean): void;
}
export interface LocalEndpoint {
  readonly roles: Method['roles'];
  /** Starts the call; returns how to stop it. */
  take(call: LocalCall): (why: PolybError) => void;
}
/** Endpoints and stream ends of the services of one process, by subject. */
export interface LocalEndpoints {
  readonly endpoints: Map<string, LocalEndpoint>;
  readonly streams: Map<string, (frame: Frame) => void>;
}
export function createLocalEndpoints(): LocalEndpoints {
  return { endpoints: new Map(), streams: new Map() };
}
