/** The one place that learns of every finished call: it counts and remembers the call, then passes it to the listeners of `onRecord`. */
import { codes, type Outcome, type PolybError } from '../../contracts/kit/errors.ts';
import type { Log } from '../../contracts/kit/ports.ts';
import type { CallFacts, CallRecord, NewRecord, Ring } from './records.ts';
import { type Counter, count } from './stats.ts';

/** A finished call as `onRecord` reports it: without bodies, and with phone numbers in the key masked. */
export interface FinishedCall extends CallRecord {
  /** `executed` for a success. */
  readonly outcome: Outcome | 'executed';
  /** Body sizes as transmitted; 0 within one process, for a reply that is an error to its caller, and where there is no message. */
  readonly requestBytes: number;
  readonly replyBytes: number;
}
export type RecordListener = (call: FinishedCall) => void;

/** What both sides keep of a call while it runs. */
export interface MeasuredCall extends CallFacts {
  /** `performance.now()` at the start. */
  readonly startedMs: number;
  readonly counter: Counter;
  requestBytes: number;
  replyBytes: number;
}

export interface Recorder {
  /** Records a call of either side at its end. */
  end(call: MeasuredCall, error: PolybError | undefined): void;
  /** Records work that is no call of the bus: an attempt of the journal, an event, a request of an adapter. */
  record(record: NewRecord): void;
  /** Bytes of a body; 0 while there is no listener, because counting costs. */
  sizeOf(body: string | Uint8Array): number;
  /** The listener runs synchronously, in the path of the call. What it throws is logged once. */
  onRecord(listener: RecordListener): Disposable;
  readonly read: Ring['read'];
}

export function createRecorder(ring: Ring, log: Pick<Log, 'error'>): Recorder {
  const listeners = new Set<RecordListener>();

  function report(outcome: FinishedCall['outcome'], requestBytes: number, replyBytes: number): void {
    const call: FinishedCall = { ...ring.last(), outcome, requestBytes, replyBytes };
    for (const listen of listeners) listen(call);
  }
  return {
    end(call, error) {
      const { counter } = call;
      const ms = performance.now() - call.startedMs;
      const code = error === undefined ? 'ok' : error.code;
      counter.inFlight -= 1;
      count(counter, ms, code, error === undefined ? '' : error.message);
      ring.add(call, counter.side, counter.address, ms, code, error === undefined ? undefined : error.reason);
      if (listeners.size > 0) report(error === undefined ? 'executed' : error.outcome, call.requestBytes, call.replyBytes);
    },
    record({ at, ms, side, address, caller: from, code, reason, outcome, traceId, spanId, parentId, key = '' }) {
      ring.add({ at, from, traceId, spanId, parentId, key }, side, address, ms, code, reason);
      if (listeners.size > 0) report(outcome ?? (code === 'ok' ? 'executed' : codes[code].outcome), 0, 0);
    },
    sizeOf(body) {
      if (listeners.size === 0) return 0;
      return typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    },
    onRecord(listener) {
      const guarded = harmless(listener, log);
      listeners.add(guarded);
      return { [Symbol.dispose]: () => void listeners.delete(guarded) };
    },
    read: ring.read,
  };
}

/** Neither a throw nor a rejected promise of the listener reaches the call. */
function harmless(listener: (call: FinishedCall) => unknown, log: Pick<Log, 'error'>): RecordListener {
  let isReported = false;
  const report = (err: unknown): void => {
    if (!isReported) log.error({ err }, 'a listener of onRecord failed; its further failures are not logged');
    isReported = true;
  };
  return (call) => {
    try {
      const result = listener(call);
      if (result instanceof Promise) result.catch(report);
    } catch (thrown) {
      report(thrown);
    }
  };
}
