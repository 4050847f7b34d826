/** The caller's side: one inbox subscription for all replies, a whole number for each request, one timer for all deadlines. */
import type { Stream } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Callable, Origin, RequestOptions } from '../call.ts';
import { deadlineExceeded } from '../middleware/deadline.ts';
import { createSweep } from '../middleware/deadline-timer.ts';
import type { Counter } from '../telemetry/stats.ts';
import type { CallerOptions, CallerParts, PendingCall } from './caller-parts.ts';
import { takeReply } from './reply.ts';
import { endCall, mayNotCall, requestFailed } from './send-request.ts';
import { startCall } from './start-call.ts';

export interface Caller {
  request(method: Callable, input: unknown, options?: RequestOptions, origin?: Origin): Promise<unknown>;
  /** Opens a stream whose end here listens at `mine`; resolves with where the other end listens. */
  opening(stream: Stream, input: unknown, mine: string, options: RequestOptions, origin: Origin | undefined): Promise<string>;
  readonly counters: Iterable<Counter>;
  close(): void;
}

const sweepMs = 25;

export function createCaller(options: CallerOptions): Caller {
  const { transport, name, now } = options;
  const openings = new WeakMap<Stream, Callable>();
  const waiting: CallerParts['waiting'] = new Map();
  const sweep = createSweep(sweepMs, expire, now);
  const parts: CallerParts = { ...options, routes: new Map(), counters: new Map(), waiting, sweep, lastToken: 0, reconnectedAt: 0 };
  const subscription = transport.subscribe(`${transport.inbox}.*`, (message) => takeReply(parts, message));
  const listening = [
    transport.onConnection((connected) => {
      if (connected) parts.reconnectedAt = now();
      else failAll(connectionLost);
    }),
    transport.onRefused((subject) =>
      failAll(
        (address) => mayNotCall(name, address),
        ({ signed }) => signed === subject,
      ),
    ),
  ];

  function expire(at: number): boolean {
    for (const pending of waiting.values())
      if (pending.deadlineAt <= at) endCall(parts, pending, deadlineExceeded(pending.route.method.address, 'unknown'), undefined);
    return waiting.size > 0;
  }
  function failAll(errorFor: (address: string) => PolybError, which: (pending: PendingCall) => boolean = () => true): void {
    for (const [token, pending] of waiting) {
      if (!which(pending)) continue;
      waiting.delete(token);
      pending.token = 0;
      requestFailed(parts, pending, errorFor(pending.route.method.address));
    }
  }

  return {
    request: (method, input, how, origin) =>
      new Promise((resolve, reject) => startCall(parts, method, input, how, origin, '', resolve, reject)),
    opening(stream, input, mine, how, origin) {
      let method = openings.get(stream);
      if (method === undefined) {
        // A second opening conflicts with nothing, so it is retried like an idempotent method.
        method = { ...stream, idempotency: 'idempotent' };
        openings.set(stream, method);
      }
      const callable = method;
      return new Promise((resolve, reject) =>
        startCall(parts, callable, input, how, origin, mine, resolve as (output: unknown) => void, reject),
      );
    },
    get counters() {
      return parts.counters.values();
    },
    close() {
      for (const stop of listening) stop();
      subscription.unsubscribe();
      failAll((address) => new PolybError('cancelled', `The bus closed before ${address} replied.`));
      sweep.stop();
    },
  };
}

function connectionLost(): PolybError {
  return new PolybError('upstream_failed', 'The connection dropped before the reply arrived; the request may have been executed.', {
    reason: 'connection_lost',
  });
}
