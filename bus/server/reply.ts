/** Replies: an output, or an error as RFC 9457 problem with the headers of the NATS micro protocol. */
import type { Method } from '../../contracts/kit/define.ts';
import { codes, isPolybError, PolybError, toProblem } from '../../contracts/kit/errors.ts';
import { validOutput } from '../middleware/validate.ts';
import { encode, plainCopy } from '../wire/codec.ts';
import { headerValue, msgpackType } from '../wire/headers.ts';
import type { RunningCall, ServerParts } from './server-parts.ts';

type ReplyParts = Pick<ServerParts, 'transport' | 'recorder' | 'log'>;

/** Sends the output. Returns the error to reply with instead when the output cannot be sent. */
export function sendOutput(parts: ReplyParts, call: RunningCall, output: unknown): PolybError | undefined {
  const { address, output: schema, bytes } = call.endpoint.entry as Method;
  try {
    const valid = validOutput(address, schema, output);
    if (call.local === undefined) {
      const body = encode(call.format, valid, bytes);
      call.replyBytes = parts.recorder.sizeOf(body);
      parts.transport.publish(call.reply, body, call.format === 'json' && !call.keyMade && !call.replayed ? '' : outputHead(call));
    } else call.local.done(undefined, plainCopy(valid), call.replayed);
    return undefined;
  } catch (thrown) {
    return notSent(parts, call, thrown);
  }
}
function notSent({ log }: ReplyParts, call: RunningCall, thrown: unknown): PolybError {
  const { address } = call.endpoint.entry;
  const facts = { method: address, traceId: call.traceId };
  const error = isPolybError(thrown)
    ? thrown
    : new PolybError('internal', `${address} returned an output that cannot be encoded.`, { reason: 'bad_output', cause: thrown });
  if (error.reason === 'not_connected') log.warn(facts, 'the connection dropped before the reply was sent');
  else log.error({ ...facts, err: error.cause ?? error }, error.message);
  return error.reason === 'payload_too_large'
    ? new PolybError('invalid_argument', `The reply of ${address} is too large to send; request less.`, {
        reason: error.reason,
        outcome: 'unknown',
      })
    : error;
}

export function sendError({ transport, log }: ReplyParts, call: RunningCall, error: PolybError): void {
  if (call.local !== undefined) {
    call.local.done(error, undefined, call.replayed);
    return;
  }
  // The micro protocol defines the spelling of these two names.
  const micro = `Nats-Service-Error: ${headerLine(error.message)}\r\nNats-Service-Error-Code: ${codes[error.code].http}\r\n`;
  const head = `NATS/1.0\r\n${micro}polyb-code: ${error.code}\r\ncontent-type: application/problem+json\r\n${keyHeaders(call)}\r\n`;
  try {
    transport.publish(call.reply, JSON.stringify(toProblem(error)), head);
  } catch (err) {
    log.warn({ err, method: call.endpoint.entry.address, traceId: call.traceId }, 'an error could not be sent to its caller');
  }
}

function outputHead(call: RunningCall): string {
  return `NATS/1.0\r\n${call.format === 'json' ? '' : `content-type: ${msgpackType}\r\n`}${keyHeaders(call)}\r\n`;
}
function keyHeaders({ keyMade, key, replayed }: RunningCall): string {
  return `${keyMade ? `idempotency-key: ${key}\r\n` : ''}${replayed ? 'idempotency-replayed: true\r\n' : ''}`;
}
/** A text as one readable header line. */
function headerLine(text: string): string {
  return headerValue(text.replace(/[^\x20-\x24\x26-\x7e]/g, '?')).slice(0, 500);
}
