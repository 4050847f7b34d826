/** What a handler, or the journal, gets beside the input. */
import type { Method } from '../../contracts/kit/define.ts';
import type { Origin, RequestOptions, Wire } from '../call.ts';
import { signalOf } from '../middleware/cancel.ts';
import type { Context } from '../service.ts';
import { randomHex } from '../wire/ids.ts';
import { traceparentOf } from '../wire/trace.ts';
import type { RunningCall, ServerOptions } from './server-parts.ts';

export type ContextOf = (call: RunningCall) => Context;

/** Most handlers read neither signal, caller nor `call`: these are created on first use. */
export function contexts({ commit, request }: Pick<ServerOptions, 'commit' | 'request'>): ContextOf {
  const lazy = {
    get signal(): AbortSignal {
      return signalOf((this as unknown as { running: RunningCall }).running);
    },
    get caller(): string {
      return (this as unknown as { running: RunningCall }).running.from;
    },
    get call(): Context['call'] {
      const origin = originOf((this as unknown as { running: RunningCall }).running);
      return ((method: Method, input: unknown, options?: RequestOptions) => request(method, input, options, origin)) as Context['call'];
    },
  };
  return (call) => {
    const context = Object.create(lazy) as { -readonly [N in keyof Context]: Context[N] } & { running: RunningCall };
    context.running = call;
    context.key = call.key;
    context.deadlineAt = call.deadlineAt;
    context.traceId = call.traceId;
    context.commit = commit;
    return context;
  };
}

export function wireOf(call: RunningCall): Wire {
  return {
    key: call.key,
    caller: call.from,
    deadlineAt: call.deadlineAt,
    traceparent: traceparentOfCall(call),
    signal: () => signalOf(call),
    step: call.step,
    replayed: () => {
      call.replayed = true;
    },
  };
}

function originOf(call: RunningCall): Origin {
  return {
    traceparent: traceparentOfCall(call),
    deadlineAt: call.deadlineAt,
    attach(cancel) {
      if (call.stopped !== undefined) throw call.stopped;
      call.onward ??= new Set();
      call.onward.add(cancel);
      return () => void call.onward?.delete(cancel);
    },
  };
}
function traceparentOfCall(call: RunningCall): string {
  call.spanId ||= randomHex(16);
  return traceparentOf(call.traceId, call.spanId);
}
