import { randomHex } from './ids.ts';

/** Where a call stands in its trace (W3C Trace Context). */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
}
/** The trace that a signal's holder works in, so that what it does outside can be recorded. */
const bySignal = new WeakMap<AbortSignal, Span>();

export function traceparentOf(traceId: string, spanId: string): string {
  return `00-${traceId}-${spanId}-01`;
}
/** The trace id of a traceparent; a new one when there is none, or it is broken. */
export function traceIdOf(traceparent: string): string {
  return isTraceparent(traceparent) ? traceparent.slice(3, 35) : randomHex(32);
}
/** '' when there is none, or it is broken. */
export function spanIdOf(traceparent: string): string {
  return isTraceparent(traceparent) ? traceparent.slice(36, 52) : '';
}
/** By its shape; whether the ids are hex is looked at when they are shown. */
function isTraceparent(text: string): boolean {
  return text.length === 55 && text.charCodeAt(2) === 45 && text.charCodeAt(35) === 45 && text.charCodeAt(52) === 45;
}
export function bindSpan(signal: AbortSignal, span: Span): void {
  bySignal.set(signal, span);
}
export function spanOf(signal: AbortSignal): Span | undefined {
  return bySignal.get(signal);
}
