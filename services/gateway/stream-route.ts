/** A stream of a contract as an HTTP reply: its items as server-sent events, or its bytes in chunks. The client sends nothing after its request. */
import { once } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CallOptions } from '../../bus/service.ts';
import { encode } from '../../bus/wire/codec.ts';
import type { Stream } from '../../contracts/kit/define.ts';
import { PolybError, toPolybError, toProblem } from '../../contracts/kit/errors.ts';
import type { Identity } from './keys.ts';
import type { OpenStreams } from './open-streams.ts';

export type OpenStream = (
  stream: Stream,
  input: unknown,
  options: CallOptions & { readonly onOpened: () => void },
) => AsyncIterable<unknown>;
export interface StreamReplyParts {
  readonly open: OpenStream;
  readonly openStreams: OpenStreams;
  readonly heartbeatMs: number;
  /** Bytes that do not come, and a client that does not read, for this long end the reply. */
  readonly silenceMs: number;
}
export interface StreamReply {
  readonly stream: Stream;
  readonly input: unknown;
  readonly identity: Identity | null;
  /** What the client may see of an item. @throws PolybError for an item of which it may see nothing. */
  readonly shown: (item: unknown) => Promise<unknown>;
}

/** @throws PolybError for a stream that cannot be opened; a later failure is an event `error`, and breaks bytes off. */
export async function answerStream(
  { open, openStreams, heartbeatMs, silenceMs }: StreamReplyParts,
  { stream, input, identity, shown }: StreamReply,
  { raw: incoming }: Pick<FastifyRequest, 'raw'>,
  reply: FastifyReply,
): Promise<void> {
  openStreams.requireRoom();
  const isEvents = stream.http?.reply === 'events';
  const { raw } = reply;
  const leaving = new AbortController();
  const { signal } = leaving;
  const leave = (): void => leaving.abort();
  const left = openStreams.add(identity, leave);
  raw.once('close', leave);
  const opened = Promise.withResolvers<void>();
  const items = open(stream, input, { signal, onOpened: opened.resolve })[Symbol.asyncIterator]();
  let next = items.next();
  let heartbeat: ReturnType<typeof setInterval> | undefined;

  const write = async (chunk: string | Uint8Array): Promise<void> => {
    if (raw.write(chunk)) return;
    await once(raw, 'drain', { signal: AbortSignal.any([signal, AbortSignal.timeout(silenceMs)]) });
  };
  const event = (name: string, data: unknown, id?: number): string =>
    `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${encode('json', data, true)}\n\n`;
  try {
    await Promise.race([opened.promise, next]); // a failed opening is a problem with its status
    reply.hijack();
    incoming.socket.setTimeout(0);
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
    const contentType = isEvents ? 'text/event-stream' : (stream.http?.contentType ?? 'application/octet-stream');
    // A connection kept alive for another request would delay closing.
    raw.writeHead(200, { 'content-type': contentType, 'x-accel-buffering': 'no', connection: 'close' });
    raw.flushHeaders();
    if (isEvents) heartbeat = setInterval(() => void (raw.writableNeedDrain || raw.write(': alive\n\n')), heartbeatMs);
    for (let nth = 1; ; nth += 1) {
      const item = isEvents ? await next : await within(silenceMs, next);
      if (item.done === true) break;
      next = items.next();
      next.catch(() => {}); // awaited in the next turn
      const value = await shown(item.value);
      await write(isEvents ? event('item', value, nth) : bytesOf(stream, value));
    }
    raw.end(isEvents ? event('end', {}) : undefined);
  } catch (thrown) {
    if (!raw.headersSent) throw thrown;
    if (signal.aborted || !isEvents) raw.destroy();
    else raw.end(event('error', toProblem(toPolybError(thrown))));
  } finally {
    clearInterval(heartbeat);
    left();
    raw.off('close', leave);
    leave();
  }
}

function bytesOf({ address }: Stream, item: unknown): Uint8Array {
  if (item instanceof Uint8Array) return item;
  throw new PolybError('internal', `${address} has an item that is no bytes; its contract says reply: 'stream'.`);
}
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new PolybError('deadline_exceeded', `The stream was silent for ${ms} ms.`)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
