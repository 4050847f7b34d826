/** How a call begins: its route, deadline and trace, then the first request. */
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Callable, Origin, RequestOptions } from '../call.ts';
import { cancelled } from '../middleware/cancel.ts';
import { callDeadline, deadlineExceeded } from '../middleware/deadline.ts';
import { counterOf } from '../telemetry/stats.ts';
import { randomHex, subjectToken } from '../wire/ids.ts';
import { checkKey } from '../wire/key.ts';
import { callSubject, signature } from '../wire/subjects.ts';
import { spanIdOf, traceIdOf } from '../wire/trace.ts';
import type { CallerParts, PendingCall, Route } from './caller-parts.ts';
import { cancelCall, sendRequest } from './send-request.ts';

/** @throws PolybError for a call that cannot begin; every later failure goes to `reject`. */
export function startCall(
  parts: CallerParts,
  method: Callable,
  input: unknown,
  options: RequestOptions | undefined,
  origin: Origin | undefined,
  stream: string,
  resolve: (output: unknown) => void,
  reject: (error: PolybError) => void,
): void {
  const route = parts.routes.get(method) ?? routeTo(parts, method);
  const signal = options?.signal;
  if (signal?.aborted) throw cancelled(method.address, 'not_executed');
  const at = parts.now();
  const deadlineAt = callDeadline(
    method.timeoutMs,
    options?.timeoutMs,
    origin === undefined ? Number.POSITIVE_INFINITY : origin.deadlineAt,
    at,
  );
  if (deadlineAt <= at) throw deadlineExceeded(method.address, 'not_executed');
  if (options?.key !== undefined) checkKey(method.address, options.key);
  const subject = method.owner === undefined ? route.subject : ownedSubject(route, input);
  const pending: PendingCall = {
    route,
    subject,
    signed: method.owner === undefined ? route.signed : subject + signature(parts.transport.user),
    input,
    body: undefined,
    format: method.bytes === true ? 'msgpack' : 'json',
    stream,
    step: options?.step ?? '',
    deadlineAt,
    mayRetry: options?.retry !== false,
    onReplay: options?.onReplay,
    resolve,
    reject,
    idempotency: method.idempotency,
    key: options?.key ?? '',
    at,
    startedMs: performance.now(),
    counter: route.counter,
    traceId: origin === undefined ? randomHex(32) : traceIdOf(origin.traceparent),
    spanId: randomHex(16),
    parentId: origin === undefined ? '' : spanIdOf(origin.traceparent),
    from: parts.name,
    requestBytes: 0,
    replyBytes: 0,
    attempts: 0,
    token: 0,
    over: false,
    stopLocal: undefined,
    release: undefined,
  };
  if (signal !== undefined || origin !== undefined) pending.release = attach(parts, pending, signal, origin);
  route.counter.inFlight += 1;
  sendRequest(parts, pending);
}

function routeTo({ prefix, transport, permit, routes, counters }: CallerParts, method: Callable): Route {
  permit(method);
  const counter = counters.get(method.address) ?? counterOf(method.address, 'client');
  counters.set(method.address, counter);
  const subject = callSubject(prefix, method);
  const route = { method, subject, signed: subject + signature(transport.user), counter };
  routes.set(method, route);
  return route;
}

function ownedSubject({ method, subject }: Route, input: unknown): string {
  const id = (input as Readonly<Record<string, unknown>> | null)?.[method.owner as string];
  if (typeof id === 'string' && id !== '') return `${subject}.${subjectToken(id)}`;
  throw new PolybError('invalid_argument', `Bad input for ${method.address}: ${method.owner}: expected text`);
}

/** Cancels the call with the signal and with the origin; returns how to detach it. */
function attach(parts: CallerParts, pending: PendingCall, signal: AbortSignal | undefined, origin: Origin | undefined): () => void {
  const cancel = (): void =>
    cancelCall(parts, pending, cancelled(pending.route.method.address, pending.attempts === 0 ? 'not_executed' : 'unknown'));
  signal?.addEventListener('abort', cancel, { once: true });
  const detach = origin?.attach(cancel);
  return () => {
    signal?.removeEventListener('abort', cancel);
    detach?.();
  };
}
