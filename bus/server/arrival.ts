/** How a call comes in: deadline, limit, decoding and validation, before its handler runs. */
import { PolybError } from '../../contracts/kit/errors.ts';
import { stop } from '../middleware/cancel.ts';
import { deadlineOf } from '../middleware/deadline.ts';
import { admit } from '../middleware/limit.ts';
import { validInput } from '../middleware/validate.ts';
import type { LocalCall } from '../transports/in-process.ts';
import type { Arrived } from '../transports/transport.ts';
import { decode, plainCopy } from '../wire/codec.ts';
import { type Head, msgpackType, readHead } from '../wire/headers.ts';
import { randomHex } from '../wire/ids.ts';
import { checkKey } from '../wire/key.ts';
import { callerAt, isInboxOf } from '../wire/subjects.ts';
import { spanIdOf, traceIdOf } from '../wire/trace.ts';
import { endCall } from './end-call.ts';
import { errorOf, run } from './run.ts';
import type { Endpoint, RunningCall, ServerParts } from './server-parts.ts';

const nothing = new Uint8Array(0);

/** Drops and counts a message that has expired or names no valid reply inbox; its body is not read. */
export function arrive(parts: ServerParts, endpoint: Endpoint, bare: string, message: Arrived): void {
  const { counter, entry } = endpoint;
  const { reply } = message;
  const caller = callerAt(message.subject, bare);
  if (!isInboxOf(reply, caller)) {
    counter.dropped += 1; // a reply to any other subject could pass for a call, or for the reply to another
    return;
  }
  const at = parts.now();
  const head = readHead(message.headers);
  const deadlineAt = deadlineOf(entry.timeoutMs, head, at, parts.clockSkewMs);
  if (deadlineAt <= at) {
    counter.dropped += 1;
    return;
  }
  take(parts, callOf(endpoint, caller, reply, head, deadlineAt, at, undefined), message.data);
}

/** Takes a call within the process; returns how to stop it. */
export function arriveLocally(parts: ServerParts, endpoint: Endpoint, local: LocalCall): (why: PolybError) => void {
  const at = parts.now();
  const { traceparent, key, stream, step, caller } = local;
  const hasKey = key !== '';
  const deadlineAt = Math.min(local.deadlineAt, at + endpoint.entry.timeoutMs);
  const call = callOf(endpoint, caller, '', { traceparent, key, hasKey, stream, step, contentType: '' }, deadlineAt, at, local);
  take(parts, call, nothing);
  return (why) => stop(call, why);
}

function callOf(
  endpoint: Endpoint,
  from: string,
  reply: string,
  head: Pick<Head, 'traceparent' | 'key' | 'hasKey' | 'stream' | 'step' | 'contentType'>,
  deadlineAt: number,
  at: number,
  local: LocalCall | undefined,
): RunningCall {
  const { entry, counter } = endpoint;
  const keyMade = !head.hasKey && entry.kind === 'method' && entry.idempotency === 'keyed';
  return {
    endpoint,
    reply,
    local,
    format: head.contentType === msgpackType ? 'msgpack' : 'json',
    keyMade,
    hasKey: head.hasKey,
    stream: head.stream,
    step: head.step,
    deadlineAt,
    over: false,
    opened: false,
    replayed: false,
    place: -1,
    at,
    startedMs: performance.now(),
    counter,
    requestBytes: 0,
    replyBytes: 0,
    traceId: traceIdOf(head.traceparent),
    spanId: '',
    parentId: spanIdOf(head.traceparent),
    from,
    key: keyMade ? randomHex(32) : head.key,
    abort: undefined,
    stopped: undefined,
    onward: undefined,
  };
}

/** Limit, decode, validate, run. */
function take(parts: ServerParts, call: RunningCall, body: Uint8Array): void {
  const { entry, counter } = call.endpoint;
  call.requestBytes = parts.recorder.sizeOf(body);
  const busy = admit(counter, entry.limits.concurrency);
  if (busy !== undefined) {
    endCall(parts, call, busy, undefined);
    return;
  }
  let input: unknown;
  try {
    if (call.hasKey) checkKey(entry.address, call.key);
    input = validInput(entry.address, entry.input, bodyOf(call, body));
  } catch (thrown) {
    endCall(parts, call, errorOf(parts, call, thrown), undefined);
    return;
  }
  void run(parts, call, input); // it never rejects
}
/** An empty body is an input without fields. */
function bodyOf({ local, format, endpoint }: RunningCall, body: Uint8Array): unknown {
  if (local === undefined) return body.length === 0 ? {} : decode(format, body);
  try {
    return plainCopy(local.input);
  } catch (cause) {
    throw new PolybError('invalid_argument', `Bad input for ${endpoint.entry.address}: expected what JSON or msgpack can carry`, {
      reason: 'bad_body',
      cause,
    });
  }
}
