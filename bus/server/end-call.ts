import type { PolybError } from '../../contracts/kit/errors.ts';
import { stop } from '../middleware/cancel.ts';
import { sendError, sendOutput } from './reply.ts';
import type { RunningCall, ServerParts } from './server-parts.ts';

/** The one way in which a call ends: replies and records it. Only the first end of a call counts. */
export function endCall(parts: ServerParts, call: RunningCall, failure: PolybError | undefined, output: unknown): void {
  if (call.over) return;
  call.over = true;
  let error = failure;
  if (!call.opened) {
    error ??= sendOutput(parts, call, output);
    if (error !== undefined) sendError(parts, call, error);
  }
  parts.recorder.end(call, error);
}

/** Ends a call for its caller at once and fires its signal, whether or not its handler obeys it. */
export function abortCall(parts: ServerParts, call: RunningCall, why: PolybError): void {
  stop(call, why);
  endCall(parts, call, why, undefined);
}
