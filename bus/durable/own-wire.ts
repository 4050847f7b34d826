/** Request facts for an attempt that the journal starts without a request. */
import type { Method } from '../../contracts/kit/define.ts';
import type { Wire } from '../call.ts';
import { randomHex } from '../wire/ids.ts';
import { traceIdOf, traceparentOf } from '../wire/trace.ts';
import type { JournalParts } from './journal-parts.ts';
import type { Row } from './store.ts';

/** A new deadline, and a new span in the row's trace. */
export function ownWire(parts: JournalParts, row: Row, method: Method): Wire {
  const signal = AbortSignal.timeout(method.timeoutMs);
  return {
    key: row.key,
    caller: row.caller ?? parts.bus.name,
    deadlineAt: Date.now() + method.timeoutMs,
    traceparent: traceparentOf(traceIdOf(row.traceparent ?? ''), randomHex(16)),
    signal: () => signal,
  };
}
