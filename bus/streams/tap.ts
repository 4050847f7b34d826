/**
 * Taps: listeners of open streams, without flow control. The instance with the stream publishes its items while a lease runs, numbered for
 * each side, so that a listener counts every item that it misses, wherever it was lost.
 */
import type { Stream } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { cancelled } from '../middleware/cancel.ts';
import type { TapItem, TapOptions } from '../service.ts';
import type { Transport } from '../transports/transport.ts';
import { pack, unpack } from '../wire/frames.ts';
import { subjectToken } from '../wire/ids.ts';

export type Side = 'up' | 'down';
export interface TapParts {
  readonly transport: Transport;
  readonly prefix: string;
  readonly now: () => number;
  /** How long items are published after a request for them. */
  readonly leaseMs: number;
  /** Counts items of a stream that were not published (`service`), or that a listener did not get (`listener`). */
  readonly dropped: (address: string, at: 'service' | 'listener', items: number) => void;
}
/** The end of an open stream at its service, as taps hear it. */
export interface Tapped {
  item(side: Side, value: unknown): void;
  close(): void;
}
export interface Taps {
  /** `end` is a token that no other open stream has. */
  open(stream: Stream, topic: string, end: string): Tapped;
  lease(name: string, topic: string, side: Side | 'both'): void;
  listen(stream: Stream, topic: string, options: TapOptions): AsyncGenerator<TapItem<unknown, unknown>>;
  /** Ends all listeners of this process. */
  close(): void;
}

/** Above it the connection is behind: its calls go first. */
const mostBacklogBytes = 1_048_576;
/** Items that a listener may be behind: 2.5 s of both sides in frames of 20 ms. */
const listenerBacklog = 256;
const sides: readonly Side[] = ['up', 'down'];
/** The first byte of a message; items have the letter of their format instead. Then the number of the item, or of the next one. */
const started = 's'.charCodeAt(0);
const ended = 'e'.charCodeAt(0);
const headBytes = 5;

function message(kind: number, n: number, body: string | Uint8Array = ''): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const made = Buffer.allocUnsafe(headBytes + bytes.length);
  made[0] = kind;
  made.writeUInt32BE(n >>> 0, 1);
  made.set(bytes, headBytes);
  return made;
}

export function createTaps(parts: TapParts): Taps {
  const { transport, prefix, now, leaseMs, dropped } = parts;
  const open = new Map<string, Set<(side: Side, until: number) => void>>();
  /** By `stream/topic side`: Unix ms. */
  const leases = new Map<string, number>();
  const listeners = new Set<() => void>();
  const subjectOf = ({ address }: Stream, topic: string): string => `${prefix}.tap.${address}.${subjectToken(topic)}`;

  function tapped(stream: Stream, topic: string, end: string): Tapped {
    const key = `${stream.name}/${topic}`;
    const subject = subjectOf(stream, topic);
    const until = { up: 0, down: 0 };
    const next = { up: 0, down: 0 };
    const publish = (side: Side, kind: number, body?: string | Uint8Array): void => {
      if (transport.connected) transport.publish(`${subject}.${side}.${end}`, message(kind, next[side], body));
    };
    const leased = (side: Side, at: number): void => {
      until[side] = at;
      publish(side, started);
    };
    const those = open.get(key) ?? new Set();
    open.set(key, those.add(leased));
    for (const side of sides) {
      const at = leases.get(`${key} ${side}`) ?? 0;
      if (at > now()) leased(side, at);
    }
    return {
      item(side, value) {
        if (until[side] !== 0) {
          if (until[side] <= now()) until[side] = 0;
          else {
            const { subject: format, body } = pack({ kind: 'item', value }, '');
            if (transport.backlogBytes > mostBacklogBytes || body.length + headBytes > transport.maxPayload)
              dropped(stream.address, 'service', 1);
            else publish(side, format.charCodeAt(0), body);
          }
        }
        next[side] += 1;
      },
      close() {
        those.delete(leased);
        if (those.size === 0) open.delete(key);
        for (const side of sides) if (until[side] > now()) publish(side, ended);
      },
    };
  }

  function lease(name: string, topic: string, side: Side | 'both'): void {
    for (const [key, until] of leases) if (until <= now()) leases.delete(key);
    const key = `${name}/${topic}`;
    for (const one of side === 'both' ? sides : [side]) {
      leases.set(`${key} ${one}`, now() + leaseMs);
      for (const leased of open.get(key) ?? []) leased(one, now() + leaseMs);
    }
  }

  async function* listen(stream: Stream, topic: string, { side = 'both', signal }: TapOptions): AsyncGenerator<TapItem<unknown, unknown>> {
    if (stream.topic === undefined)
      throw new PolybError('failed_precondition', `${stream.address} declares no topic, so it cannot be tapped.`);
    interface Track {
      readonly side: Side;
      /** Number of the next item that is read. */
      next: number;
      /** Number of items of the side, once the stream has ended. */
      total: number | undefined;
      heardAt: number;
    }
    const tracks = new Map<string, Track>();
    const heard = new Set<string>();
    const backlog: { readonly track: Track; readonly n: number; readonly format: string; readonly body: Uint8Array }[] = [];
    let starts = 0;
    let isOver = false;
    let failure: PolybError | undefined;
    let wake = (): void => {};

    const hearing = transport.subscribe(`${subjectOf(stream, topic)}.${side === 'both' ? '*' : side}.*`, ({ subject, data }) => {
      if (data.length < headBytes) return;
      const tokens = subject.split('.');
      const end = tokens.at(-1) ?? '';
      const key = `${tokens.at(-2)} ${end}`;
      const n = Buffer.from(data.buffer, data.byteOffset, headBytes).readUInt32BE(1);
      let track = tracks.get(key);
      if (track === undefined) {
        track = { side: tokens.at(-2) === 'up' ? 'up' : 'down', next: n, total: undefined, heardAt: 0 };
        tracks.set(key, track);
        if (!heard.has(end)) starts += 1;
        heard.add(end);
      }
      track.heardAt = now();
      if (data[0] === ended) track.total = n;
      else if (data[0] !== started) {
        backlog.push({ track, n, format: String.fromCharCode(data[0] ?? 0), body: data.subarray(headBytes) });
        if (backlog.length > listenerBacklog) backlog.shift();
      }
      wake();
    });
    /** Items between the next one of the track and `n`; they are counted. */
    const missed = (track: Track, n: number): TapItem<unknown, unknown> | undefined => {
      const items = (n - track.next) | 0;
      track.next = n;
      if (items <= 0) return undefined;
      dropped(stream.address, 'listener', items);
      return { kind: 'dropped', side: track.side, items };
    };
    const request = JSON.stringify({ op: 'tap', stream: stream.name, topic, side });
    const renew = (): void => {
      if (!transport.connected) return;
      for (const [key, { heardAt }] of tracks) if (now() - heardAt > leaseMs) tracks.delete(key);
      if (tracks.size === 0 && heard.size > 0) failure ??= lost();
      transport.publish(`${prefix}.ctl.${stream.service}`, request);
      wake();
    };
    const forget = transport.onConnection((connected) => {
      if (!connected) return;
      for (const track of tracks.values()) track.heardAt = now();
      renew();
    });
    const leave = (): void => wake();
    const finish = (): void => {
      isOver = true;
      wake();
    };
    listeners.add(finish);
    const timer = setInterval(renew, leaseMs / 3);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      renew();
      for (;;) {
        if (signal?.aborted) throw cancelled(stream.address, 'not_executed');
        const item = backlog.shift();
        if (starts > 0) {
          starts -= 1;
          if (item !== undefined) backlog.unshift(item);
          yield { kind: 'started' };
        } else if (item !== undefined) {
          const { track, n, format, body } = item;
          const gap = missed(track, n);
          track.next = (n + 1) >>> 0;
          if (gap !== undefined) yield gap;
          const frame = unpack({ subject: format, data: body, headers: '', reply: '' });
          if (frame.kind === 'item') yield { kind: 'item', side: track.side, item: frame.value };
        } else if (failure !== undefined) throw failure;
        else {
          for (const [key, track] of tracks) {
            if (track.total === undefined) continue;
            tracks.delete(key);
            const gap = missed(track, track.total);
            if (gap !== undefined) yield gap;
          }
          if (isOver || (tracks.size === 0 && heard.size > 0)) return;
          if (starts === 0 && backlog.length === 0)
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      }
    } finally {
      clearInterval(timer);
      forget();
      listeners.delete(finish);
      signal?.removeEventListener('abort', leave);
      hearing.unsubscribe();
    }
  }

  return {
    open: tapped,
    lease,
    listen,
    close() {
      for (const finish of listeners) finish();
    },
  };
}

function lost(): PolybError {
  return new PolybError('upstream_failed', 'The instance with the tapped stream is gone.', { reason: 'connection_lost' });
}
