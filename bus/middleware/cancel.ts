import { PolybError } from '../../contracts/kit/errors.ts';
import { randomHex } from '../wire/ids.ts';
import { bindSpan } from '../wire/trace.ts';

/** A running call that can be told to stop. */
export interface Cancellable {
  readonly traceId: string;
  spanId: string;
  /** Made when the handler first looks at its signal. */
  abort: AbortController | undefined;
  /** Why it must stop; absent while it may go on. */
  stopped: PolybError | undefined;
  /** Calls made onward, which stop with it. */
  onward: Set<(why: PolybError) => void> | undefined;
}

export function signalOf(call: Cancellable): AbortSignal {
  if (call.abort === undefined) {
    call.abort = new AbortController();
    call.spanId ||= randomHex(16);
    bindSpan(call.abort.signal, { traceId: call.traceId, spanId: call.spanId });
    if (call.stopped !== undefined) call.abort.abort(call.stopped);
  }
  return call.abort.signal;
}

/** Fires the signal and stops the calls made onward. The first reason stays. */
export function stop(call: Cancellable, why: PolybError): void {
  if (call.stopped !== undefined) return;
  call.stopped = why;
  call.abort?.abort(why);
  for (const cancel of call.onward ?? []) cancel(why);
}

export function cancelled(address: string, outcome: 'not_executed' | 'unknown'): PolybError {
  return new PolybError('cancelled', `The caller of ${address} cancelled the call.`, { outcome });
}
