/** Streams: an opening that is a call, then items both ways under credit, each end listening below its own user's name. */
import type { z } from 'zod';
import type { Entry, Stream } from '../../contracts/kit/define.ts';
import { PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import type { Origin, RequestOptions } from '../call.ts';
import { type Cancellable, cancelled, stop } from '../middleware/cancel.ts';
import { createSweep } from '../middleware/deadline-timer.ts';
import type { CallOptions, Log, TapItem, TapOptions } from '../service.ts';
import type { LocalCall, LocalEndpoints } from '../transports/in-process.ts';
import type { Arrived, Subscription, Transport } from '../transports/transport.ts';
import { plainCopy } from '../wire/codec.ts';
import { type Frame, type Packed, pack, unpack } from '../wire/frames.ts';
import { headerBlock, readHead } from '../wire/headers.ts';
import { createEnd, type End } from './stream-end.ts';
import { createTaps, type Side, type TapParts, type Taps } from './tap.ts';

export interface StreamParts {
  readonly transport: Transport;
  readonly prefix: string;
  readonly now: () => number;
  readonly log: Log;
  readonly localEndpoints: LocalEndpoints | undefined;
  /** After three such times of silence an end is lost. Each end sends at least five frames in one. */
  readonly pingMs: number;
  readonly tapDropped: TapParts['dropped'];
  readonly permit: (entry: Pick<Entry, 'address' | 'service'>) => void;
  /** Sends the opening request; resolves with the subject of the service's end. */
  readonly opening: (stream: Stream, input: unknown, mine: string, options: RequestOptions, origin: Origin | undefined) => Promise<string>;
}
/** The opening call as the server runs it. */
export interface OpenCall extends Cancellable {
  /** The caller. */
  readonly from: string;
  readonly reply: string;
  readonly local: LocalCall | undefined;
  readonly stream: string;
  deadlineAt: number;
  /** The opening was answered; later failures are sent on the stream. */
  opened: boolean;
}
export interface Accept {
  readonly up: (item: unknown) => unknown;
  readonly down: (item: unknown) => unknown;
  /** The failure of the stream, redacted for the other end. */
  readonly failed: (thrown: unknown) => unknown;
}
export interface Streams {
  open<I extends z.ZodType, U extends z.ZodType, D extends z.ZodType>(
    stream: Stream<I, U, D>,
    input: z.input<I>,
    up: AsyncIterable<z.input<U>>,
    options?: CallOptions & { readonly onOpened?: () => void },
    origin?: Origin,
  ): AsyncIterable<z.output<D>>;
  tap<I extends z.ZodType, U extends z.ZodType, D extends z.ZodType>(
    stream: Stream<I, U, D>,
    topic: string,
    options?: TapOptions,
  ): AsyncIterable<TapItem<z.output<U>, z.output<D>>>;
  /** Replies to the opening and runs the stream to its end. */
  serve(
    stream: Stream,
    call: OpenCall,
    topic: string,
    accept: Accept,
    start: (up: AsyncIterable<unknown>) => AsyncIterable<unknown>,
  ): Promise<void>;
  /** Publishes the items of this topic to taps for the time of a lease from now. */
  readonly lease: Taps['lease'];
  close(): void;
}

/** A lease of a tap, in intervals of pings: 30 s. */
const leaseOfPings = 6;

interface Link {
  readonly side: 'caller' | 'server';
  readonly mine: string;
  peer: string;
  readonly end: End;
  heardAt: number;
  saidAt: number;
}

export function createStreams(parts: StreamParts): Streams {
  const { transport, prefix, now, log, localEndpoints, pingMs, permit } = parts;
  const base = `${prefix}.str.${transport.inbox.slice('_INBOX.'.length)}`;
  const links = new Map<number, Link>();
  const instance = transport.inbox.slice(transport.inbox.lastIndexOf('.') + 1);
  const taps = createTaps({ transport, prefix, now, leaseMs: leaseOfPings * pingMs, dropped: parts.tapDropped });
  let outbox: { readonly packed: Packed; readonly from: string }[] = [];
  let subscription: Subscription | undefined;
  let last = 0;
  let beatAt = 0;
  const beatMs = Math.max(5, pingMs / 5);
  const sweep = createSweep(beatMs, beat, now);
  const forget = transport.onConnection((connected) => {
    if (connected) return;
    for (const { peer, end } of links.values()) if (!isNear(peer)) end.close(lost());
  });

  const isNear = (peer: string): boolean => localEndpoints?.streams.has(peer) === true;

  function link(side: Link['side'], onClosed: (why: PolybError | undefined) => void): Link {
    subscription ??= transport.subscribe(`${base}.*`, arrive);
    last += 1;
    const number = last;
    const made: Link = {
      side,
      mine: `${base}.${number}`,
      peer: '',
      heardAt: now(),
      saidAt: now(),
      end: createEnd(
        (frame) => post(made, frame),
        (why) => {
          links.delete(number);
          localEndpoints?.streams.delete(made.mine);
          onClosed(why);
        },
      ),
    };
    links.set(number, made);
    localEndpoints?.streams.set(made.mine, (frame) => give(made, frame));
    sweep.wake();
    return made;
  }
  function post(from: Link, frame: Frame): void {
    from.saidAt = now();
    const near = localEndpoints?.streams.get(from.peer);
    if (near !== undefined) {
      const copy = frame.kind === 'item' ? { ...frame, value: plainCopy(frame.value) } : frame;
      queueMicrotask(() => near(copy));
      return;
    }
    const packed = pack(frame, from.peer);
    if (!transport.connected) throw lost();
    if (packed.body.length + packed.headers.length > transport.maxPayload / 4 || frame.kind !== 'item') {
      flush();
      publish(packed, from.mine);
    } else if (outbox.push({ packed, from: from.mine }) === 1) setImmediate(flush);
  }
  /** Each frame asks for a reply, which only the bus gives: that nobody listens at the other end, whose process is gone. */
  function publish({ subject, body, headers }: Packed, mine: string): void {
    transport.publish(subject, body, headers, `${mine}c`);
  }
  /** Small items of one turn of the event loop leave in one write: a socket write for each would cost more than all the rest. */
  function flush(): void {
    const waiting = outbox;
    outbox = [];
    if (!transport.connected) return; // `onConnection` has closed the links
    for (const { packed, from } of waiting) publish(packed, from);
  }
  /** Sends a last frame to an end that may be gone. */
  function postIfPossible(from: Link, frame: Frame): void {
    if (from.peer === '') return;
    try {
      post(from, frame);
    } catch (err) {
      log.debug({ err }, 'the other end of a stream could not be informed of its end');
    }
  }
  function arrive(message: Arrived): void {
    const at = links.get(Number(message.subject.slice(base.length + 1, -1)));
    if (at === undefined) return; // the stream has ended
    at.heardAt = now();
    let frame: Frame;
    try {
      frame = isUnheard(message) ? { kind: 'error', error: lost() } : unpack(message);
    } catch (thrown) {
      const error = toPolybError(thrown);
      postIfPossible(at, { kind: 'error', error });
      at.end.close(error);
      return;
    }
    give(at, frame);
  }
  function give({ side, end }: Link, frame: Frame): void {
    // A caller whose source failed reads no more. Items that a service sent before its failure are read first.
    if (frame.kind === 'error' && side === 'server') end.close(frame.error);
    else end.take(frame);
  }
  function beat(at: number): boolean {
    const wasStalled = at - beatAt > pingMs; // this process stalled, so silence proves nothing about the others
    beatAt = at;
    for (const one of links.values()) {
      if (wasStalled) one.heardAt = at;
      if (one.peer === '' || isNear(one.peer)) continue;
      if (at - one.heardAt > 3 * pingMs) one.end.close(lost());
      else if (at - one.saidAt >= beatMs) postIfPossible(one, { kind: 'ping' });
    }
    return links.size > 0;
  }

  async function* open(
    stream: Stream,
    input: unknown,
    up: AsyncIterable<unknown>,
    options: CallOptions & { readonly onOpened?: () => void } = {},
    origin?: Origin,
  ): AsyncGenerator<unknown> {
    const { signal } = options;
    const at = link('caller', () => {});
    const leave = (): void => {
      postIfPossible(at, { kind: 'cancel' });
      at.end.close(cancelled(stream.address, 'unknown'));
    };
    const detach = origin?.attach(leave);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      at.peer = await parts.opening(stream, input, at.mine, options, origin);
      at.heardAt = now();
      options.onOpened?.();
      if (at.end.closed) postIfPossible(at, { kind: 'cancel' }); // aborted while it was opening
      void at.end
        .sendAll(up, (item) => item, stream.overflow)
        .catch((thrown) => {
          if (at.end.closed) return;
          const error = toPolybError(thrown);
          postIfPossible(at, { kind: 'error', error });
          at.end.close(error);
        });
      yield* at.end.read((item) => item);
      at.end.close(undefined);
    } finally {
      signal?.removeEventListener('abort', leave);
      detach?.();
      if (!at.end.closed) leave();
    }
  }

  async function serve(
    stream: Stream,
    call: OpenCall,
    topic: string,
    accept: Accept,
    start: (up: AsyncIterable<unknown>) => AsyncIterable<unknown>,
  ): Promise<void> {
    // The end of another user would get items that it did not request.
    const peers = `${prefix}.str.${call.from}.`;
    if (!call.stream.startsWith(peers) || !/^[\w-]+\.\d+$/.test(call.stream.slice(peers.length)))
      throw new PolybError(
        'invalid_argument',
        `${stream.address} is a stream: open it from a bus, which names its own end in polyb-stream.`,
      );
    const at = link('server', (why) => {
      if (why !== undefined) stop(call, why);
    });
    at.peer = call.stream;
    call.onward ??= new Set();
    call.onward.add((why) => {
      postIfPossible(at, { kind: 'error', error: why });
      at.end.close(why);
    });
    call.deadlineAt = Number.POSITIVE_INFINITY; // the deadline applies to the opening; the stream ends when one side ends it
    const tapped =
      stream.topic === undefined ? undefined : taps.open(stream, topic, at.mine.slice(at.mine.indexOf(instance)).replace('.', '-'));
    const through = (side: Side) => (item: unknown) => {
      const valid = accept[side](item);
      tapped?.item(side, valid);
      return valid;
    };
    try {
      const items = start(at.end.read(through('up')));
      if (call.local !== undefined) call.local.done(undefined, at.mine, false);
      else transport.publish(call.reply, '{}', headerBlock({ 'polyb-stream': at.mine }));
      call.opened = true;
      await at.end.sendAll(items, through('down'), stream.overflow);
      at.end.close(undefined);
    } catch (thrown) {
      if (!at.end.closed) {
        postIfPossible(at, { kind: 'error', error: toPolybError(accept.failed(thrown)) });
        at.end.close(undefined);
      }
      throw thrown;
    } finally {
      tapped?.close();
    }
  }

  return {
    open: open as Streams['open'],
    tap: ((stream, topic, options = {}) => {
      permit(stream);
      return taps.listen(stream, topic, options);
    }) as Streams['tap'],
    serve,
    lease: taps.lease,
    close() {
      flush();
      forget();
      taps.close();
      for (const at of links.values()) {
        postIfPossible(at, { kind: 'cancel' });
        at.end.close(cancelled('a stream', 'unknown'));
      }
      subscription?.unsubscribe();
      sweep.stop();
    },
  };
}

const isUnheard = ({ data, headers }: Arrived): boolean => data.length === 0 && readHead(headers).status === 503;
function lost(): PolybError {
  return new PolybError('upstream_failed', 'The other end of the stream is gone.', { reason: 'connection_lost' });
}
