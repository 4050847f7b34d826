import type { PolybError } from '../../contracts/kit/errors.ts';
import type { CallRecord, Ended, Ring } from '../telemetry/records.ts';
import { type Counter, count } from '../telemetry/stats.ts';

export interface Observer {
  readonly ring: Ring;
  /** Those that watch now; empty when nobody does. */
  readonly watchers: Set<(record: CallRecord) => void>;
}
/** What both sides keep of a call while it runs. */
export interface Observed extends Ended {
  /** `performance.now()` at the start. */
  readonly startedMs: number;
  readonly counter: Counter;
}

/** Counts and records a call that ended. */
export function observe(observer: Observer, call: Observed, error: PolybError | undefined): void {
  const { counter } = call;
  const ms = performance.now() - call.startedMs;
  const code = error === undefined ? 'ok' : error.code;
  counter.inFlight -= 1;
  count(counter, ms, code, error === undefined ? '' : error.message);
  observer.ring.add(call, counter.side, counter.address, ms, code, error === undefined ? undefined : error.reason);
  if (observer.watchers.size > 0) for (const watch of observer.watchers) watch(observer.ring.last());
}
