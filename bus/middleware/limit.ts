import { PolybError } from '../../contracts/kit/errors.ts';
import type { Counter } from '../telemetry/stats.ts';

/** Counts a call as in flight until the recorder ends it. Above the limit it returns the error, with the time after which to retry. */
export function admit(counter: Counter, concurrency: number): PolybError | undefined {
  counter.inFlight += 1;
  if (counter.inFlight <= concurrency) return undefined;
  const done = counter.ok + counter.errors;
  const meanMs = done === 0 ? 50 : counter.totalMs / done;
  return new PolybError('resource_exhausted', `${counter.address} is busy with ${concurrency} calls; try again.`, {
    retryAfterMs: Math.round(Math.min(1000, Math.max(20, meanMs))),
  });
}
