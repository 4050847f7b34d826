import { type PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import { endCall } from './end-call.ts';
import { redactError } from './redact-error.ts';
import type { RunningCall, ServerParts } from './server-parts.ts';

/** Runs the handler and ends the call with its output or error. Never rejects. */
export async function run(parts: ServerParts, call: RunningCall, input: unknown): Promise<void> {
  parts.running.add(call);
  let output: unknown;
  try {
    output = await call.endpoint.run(input, call);
  } catch (thrown) {
    parts.running.remove(call);
    endCall(parts, call, call.stopped ?? errorOf(parts, call, redactError(thrown, call.endpoint.entry.input, input)), undefined);
    return;
  }
  parts.running.remove(call);
  endCall(parts, call, undefined, output);
}

/** The error that the caller gets; the cause of an unknown one goes to the log. */
export function errorOf({ log }: Pick<ServerParts, 'log'>, { endpoint, traceId }: RunningCall, thrown: unknown): PolybError {
  const error = toPolybError(thrown);
  if (error.code === 'internal') log.error({ err: thrown, method: endpoint.entry.address, traceId }, 'a handler failed');
  return error;
}
