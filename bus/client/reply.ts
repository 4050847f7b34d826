import { type Code, codes, fromProblem, PolybError } from '../../contracts/kit/errors.ts';
import type { Arrived } from '../transports/transport.ts';
import { decode, type Format } from '../wire/codec.ts';
import { msgpackType, readHead } from '../wire/headers.ts';
import type { CallerParts, PendingCall } from './caller-parts.ts';
import { endCall, reportReplay, requestFailed } from './send-request.ts';

/** For this long after a reconnect, the owner of an object may not be back yet. */
const settleMs = 1000;

/** Ends the call whose token the subject carries; a reply without a waiting call is ignored. */
export function takeReply(parts: CallerParts, message: Arrived): void {
  const token = Number(message.subject.slice(parts.transport.inbox.length + 1));
  const pending = parts.waiting.get(token);
  if (pending === undefined) return;
  parts.waiting.delete(token);
  pending.token = 0;
  pending.replyBytes = parts.recorder.sizeOf(message.data);
  if (message.headers === '') {
    takeOutput(parts, pending, 'json', message.data);
    return;
  }
  const head = readHead(message.headers);
  if (head.replayed) reportReplay(pending);
  if (head.status === 503) requestFailed(parts, pending, noResponder(parts, pending));
  else if (head.code !== '' || head.errorCode !== 0) requestFailed(parts, pending, problemOf(message.data, head.code));
  else if (pending.stream !== '' && head.stream !== '') endCall(parts, pending, undefined, head.stream);
  else takeOutput(parts, pending, head.contentType === msgpackType ? 'msgpack' : 'json', message.data);
}

function takeOutput(parts: CallerParts, pending: PendingCall, format: Format, data: Uint8Array): void {
  let output: unknown;
  try {
    output = decode(format, data);
  } catch (cause) {
    const message = `${pending.route.method.address} returned a body that cannot be read.`;
    requestFailed(parts, pending, new PolybError('upstream_failed', message, { reason: 'bad_reply', cause }));
    return;
  }
  endCall(parts, pending, undefined, output);
}

function noResponder({ now, reconnectedAt }: CallerParts, { route: { method } }: PendingCall): PolybError {
  return method.owner !== undefined && now() - reconnectedAt > settleMs
    ? new PolybError('not_found', `No instance holds the ${method.owner} of this ${method.address} request.`)
    : new PolybError('unavailable', `No instance serves ${method.address}.`, { reason: 'no_responders' });
}

/** The error in a reply; `code` is the header's, for a body that cannot be read. */
function problemOf(data: Uint8Array, code: string): PolybError {
  try {
    return fromProblem(decode('json', data));
  } catch {
    return code in codes
      ? new PolybError(code as Code, codes[code as Code].title)
      : new PolybError('upstream_failed', 'The service returned an error that cannot be read.', { reason: 'bad_reply' });
  }
}
