import { PolybError } from '../../contracts/kit/errors.ts';
import { randomHex } from '../wire/ids.ts';
import { bindSpan } from '../wire/trace.ts';

/** A running call that can be stopped. */
export interface Cancellable {
  readonly traceId: string;
  spanId: string;
  /** Created when the handler first reads its signal. */
  abort: AbortController | undefined;
  /** Why it must stop; absent while it may continue. */
  stopped: PolybError | undefined;
  /** Cancels of the calls that its handler made. */
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

/** Fires the signal and cancels the handler's own calls. The first reason stays. */
export function stop(call: Cancellable, why: PolybError): void {
  if (call.stopped !== undefined) return;
  call.stopped = why;
  call.abort?.abort(why);
  for (const cancel of call.onward ?? []) cancel(why);
}

export function cancelled(address: string, outcome: 'not_executed' | 'unknown'): PolybError {
  return new PolybError('cancelled', `The caller of ${address} cancelled the call.`, { outcome });
}
