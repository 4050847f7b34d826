import type { PolybError } from '../../contracts/errors.ts';
import type { CallRecord, Kept, Ring } from '../records.ts';
import { type Counter, count } from '../stats.ts';

export interface Observer {
  readonly ring: Ring;
  /** Those that watch now; empty when nobody does. */
  readonly watchers: Set<(kept: Kept) => void>;
}
/** What both sides keep of a call while it runs. */
export interface Observed {
  readonly at: number;
  /** `performance.now()` at the start. */
  readonly startedMs: number;
  readonly counter: Counter;
  readonly traceId: string;
  spanId: string;
  readonly parentId: string;
  readonly from: string;
  readonly key: string;
}

/** Counts and records a call that ended. */
export function observe(observer: Observer, call: Observed, error: PolybError | undefined): void {
  const { counter } = call;
  const ms = performance.now() - call.startedMs;
  const code = error === undefined ? 'ok' : error.code;
  counter.inFlight -= 1;
  count(counter, ms, code, error === undefined ? '' : error.message);
  const kept: Kept = {
    at: call.at,
    ms,
    side: counter.side as CallRecord['side'],
    address: counter.address,
    from: call.from,
    code,
    reason: error === undefined ? undefined : error.reason,
    traceId: call.traceId,
    spanId: call.spanId,
    parentId: call.parentId,
    key: call.key,
  };
  observer.ring.add(kept);
  if (observer.watchers.size > 0) for (const watch of observer.watchers) watch(kept);
}
