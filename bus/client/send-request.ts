/** Requests of a call: sends them, repeats them where the retry rules allow it, and ends the call. */
import { PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import { retryDelay } from '../middleware/retry.ts';
import { notConnected } from '../transports/transport.ts';
import { encode } from '../wire/codec.ts';
import { headerValue, msgpackType, requestHead } from '../wire/headers.ts';
import { traceparentOf } from '../wire/trace.ts';
import type { CallerParts, PendingCall } from './caller-parts.ts';

const lastToken = 0x7fffffff;

export function sendRequest(parts: CallerParts, pending: PendingCall): void {
  const { transport, waiting, localEndpoints, name } = parts;
  const local = localEndpoints?.endpoints.get(pending.subject);
  pending.attempts += 1;
  try {
    if (local !== undefined) {
      if (local.roles !== undefined && !local.roles.includes(name)) throw mayNotCall(name, pending.route.method.address);
      queueMicrotask(() => callLocally(parts, pending));
      return;
    }
    if (!transport.connected) throw notConnected();
    pending.body ??= bodyOf(pending);
    pending.requestBytes = parts.recorder.sizeOf(pending.body);
    const token = parts.lastToken === lastToken ? 1 : parts.lastToken + 1;
    parts.lastToken = token;
    pending.token = token;
    transport.publish(pending.signed, pending.body, headOf(pending, parts.now()), `${transport.inbox}.${token}`);
    waiting.set(token, pending);
    parts.sweep.wake();
  } catch (thrown) {
    requestFailed(parts, pending, toPolybError(thrown));
  }
}

function callLocally(parts: CallerParts, pending: PendingCall): void {
  if (pending.over) return;
  const local = parts.localEndpoints?.endpoints.get(pending.subject);
  if (local === undefined) {
    pending.attempts -= 1;
    sendRequest(parts, pending); // the endpoint is gone; other processes may serve the method
    return;
  }
  const attempt = pending.attempts;
  pending.stopLocal = local.take({
    input: pending.input,
    caller: parts.transport.user,
    traceparent: traceparentOf(pending.traceId, pending.spanId),
    key: pending.key,
    step: pending.step,
    deadlineAt: pending.deadlineAt,
    stream: pending.stream,
    done: (error, output, replayed) => {
      if (pending.over || pending.attempts !== attempt) return;
      if (replayed) reportReplay(pending);
      if (error === undefined) endCall(parts, pending, undefined, output);
      else requestFailed(parts, pending, error);
    },
  });
}

/** Sends the request again after a pause, or ends the call with the error. */
export function requestFailed(parts: CallerParts, pending: PendingCall, error: PolybError): void {
  const at = parts.now();
  const delayMs = pending.mayRetry ? retryDelay(error, pending, at, parts.noRespondersMs) : undefined;
  if (delayMs === undefined || at + delayMs >= pending.deadlineAt) {
    endCall(parts, pending, error, undefined);
    return;
  }
  setTimeout(() => {
    if (!pending.over) sendRequest(parts, pending);
  }, delayMs);
}

/** The one way in which a call ends: records it and settles its promise. */
export function endCall({ waiting, recorder }: CallerParts, pending: PendingCall, error: PolybError | undefined, output: unknown): void {
  pending.over = true;
  if (pending.token !== 0) waiting.delete(pending.token);
  pending.release?.();
  recorder.end(pending, error);
  if (error === undefined) pending.resolve(output);
  else pending.reject(error);
}

/** Ends the call at once and stops its handler. */
export function cancelCall(parts: CallerParts, pending: PendingCall, why: PolybError): void {
  if (pending.over) return;
  const { transport, prefix } = parts;
  if (pending.token !== 0 && transport.connected) {
    const body = JSON.stringify({ op: 'cancel', reply: `${transport.inbox}.${pending.token}` });
    transport.publish(`${prefix}.ctl.${pending.route.method.service}`, body);
  }
  endCall(parts, pending, why, undefined);
  pending.stopLocal?.(why);
}

/** After a retry the stored outcome may be that of this call's own first request, so it is not reported. */
export function reportReplay({ attempts, onReplay }: PendingCall): void {
  if (attempts === 1) onReplay?.();
}

export function mayNotCall(name: string, address: string): PolybError {
  return new PolybError(
    'permission_denied',
    `${name} may not call ${address}: \`polyb permissions ${name}\` lists its permissions, and \`polyb restart\` renews those that follow from \`uses\`.`,
  );
}

function headOf({ traceId, spanId, deadlineAt, key, format, stream, step }: PendingCall, at: number): string {
  const ofStream = stream === '' ? '' : `polyb-stream: ${stream}\r\n`;
  const extra = format === 'json' ? ofStream : `content-type: ${msgpackType}\r\n${ofStream}`;
  const ofStep = step === '' ? '' : `polyb-step: ${headerValue(step)}\r\n`;
  return requestHead(traceparentOf(traceId, spanId), deadlineAt - at, at, key, `${extra}${ofStep}`);
}
function bodyOf({ input, format, route: { method } }: PendingCall): string | Uint8Array {
  try {
    return encode(format, input, method.bytes === true);
  } catch (cause) {
    throw new PolybError('invalid_argument', `Bad input for ${method.address}: expected a value that can be encoded as ${format}.`, {
      reason: 'bad_body',
      cause,
    });
  }
}
