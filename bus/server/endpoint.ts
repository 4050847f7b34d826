/** Binds a handler to its contract entry. */
import type { Method, Stream } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { RunKeyed } from '../call.ts';
import { validInput, validOutput } from '../middleware/validate.ts';
import type { Context, Handler, StreamHandler } from '../service.ts';
import { counterOf } from '../telemetry/stats.ts';
import { callSubject } from '../wire/subjects.ts';
import { type ContextOf, wireOf } from './call-context.ts';
import { redactError } from './redact-error.ts';
import type { Endpoint, ServerParts } from './server-parts.ts';

type AnyHandler = Handler | StreamHandler | undefined;

/** @throws PolybError unimplemented without a handler; failed_precondition/no_store for a keyed method without a journal. */
export function endpointOf(
  { prefix, streams }: Pick<ServerParts, 'prefix' | 'streams'>,
  contextOf: ContextOf,
  entry: Method | Stream,
  handler: AnyHandler,
  keep: RunKeyed | undefined,
): Endpoint {
  return {
    entry,
    subject: callSubject(prefix, entry),
    counter: counterOf(entry.address, 'server'),
    run: entry.kind === 'stream' ? runStream(streams, contextOf, entry, handler) : runMethod(contextOf, entry, handler, keep),
  };
}

function runMethod(contextOf: ContextOf, method: Method, handler: AnyHandler, keep: RunKeyed | undefined): Endpoint['run'] {
  if (method.idempotency === 'keyed') {
    if (keep === undefined)
      throw new PolybError('failed_precondition', `${method.address} is keyed: serve it with a journal (DATABASE_URL).`, {
        reason: 'no_store',
      });
    return (input, call) => keep(method, input, wireOf(call));
  }
  const handle = required(method, handler) as Handler;
  return (input, call) => handle(input, contextOf(call));
}

function runStream(streams: ServerParts['streams'], contextOf: ContextOf, stream: Stream, handler: AnyHandler): Endpoint['run'] {
  const { address, topic, up, down } = stream;
  const handle = required(stream, handler) as (input: unknown, up: AsyncIterable<unknown>, context: Context) => AsyncIterable<unknown>;
  const accept = {
    up: (item: unknown) => validInput(address, up, item),
    down: (item: unknown) => validOutput(address, down, item),
  };
  return (input, call) => {
    const about = topic === undefined ? '' : String((input as Readonly<Record<string, unknown>>)[topic]);
    const failed = (thrown: unknown) => redactError(thrown, stream.input, input);
    return streams.serve(stream, call, about, { ...accept, failed }, (items) => handle(input, items, contextOf(call)));
  };
}

function required({ address }: Method | Stream, handler: AnyHandler): Handler | StreamHandler {
  if (handler === undefined) throw new PolybError('unimplemented', `${address} has no handler.`);
  return handler;
}
