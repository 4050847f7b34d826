import { randomHex } from './ids.ts';

/** Position of a call in its trace (W3C Trace Context). */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
}
/** The span behind a signal, so that requests made with the signal are recorded in it. */
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
/** Checks the shape only; the ids are checked for hex when they are read. */
function isTraceparent(text: string): boolean {
  return text.length === 55 && text.charCodeAt(2) === 45 && text.charCodeAt(35) === 45 && text.charCodeAt(52) === 45;
}
export function bindSpan(signal: AbortSignal, span: Span): void {
  bySignal.set(signal, span);
}
export function spanOf(signal: AbortSignal): Span | undefined {
  return bySignal.get(signal);
}
