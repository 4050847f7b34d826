/** Phones that count the holes in what they hear, packet by packet, in a thread that does nothing else. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { parseRtp, writeRtp } from '../../media/rtp/packet.ts';
import type { MediaSession, MediaWorker } from '../../media/rtp/worker-client.ts';

export interface Holes {
  /** Phones that have heard speech since `restart`. */
  readonly hearing: number;
  /** The longest time between two packets of speech at one phone. */
  readonly longestMs: number;
  /** When it ended, in ms since `restart`. */
  readonly atMs: number;
  /** The longest time for which the listening thread itself did not run; it is not counted into a hole. */
  readonly deafMs: number;
}
export interface Ears extends Pick<MediaWorker, 'open' | 'close'> {
  holes(): Promise<Holes>;
  /** Counts anew from now on. */
  restart(): void;
}
type Order = { readonly ask: 'open' | 'holes'; readonly id: number } | { readonly ask: 'restart' };
type Reply = { readonly id: number; readonly reply: unknown };

export function openEars(): Ears {
  const thread = new Worker(new URL(import.meta.url));
  const waiting = new Map<number, (reply: unknown) => void>();
  let last = 0;
  thread.on('message', ({ id, reply }: Reply) => {
    waiting.get(id)?.(reply);
    waiting.delete(id);
  });
  const ask = <T>(what: 'open' | 'holes'): Promise<T> =>
    new Promise((resolve) => {
      last += 1;
      waiting.set(last, resolve as (reply: unknown) => void);
      thread.postMessage({ ask: what, id: last } satisfies Order);
    });
  const nothing = (): void => {};
  return {
    async open(): Promise<MediaSession> {
      const port = await ask<number>('open');
      const ignored = { configure: nothing, play: nothing, clear: nothing, mark: nothing, sendDtmf: nothing, digit: nothing };
      return {
        ...{ port, ...ignored, connect: nothing, record: nothing, pauseRecording: nothing, on: () => nothing },
        stats: () => Promise.reject(new Error('these phones count holes alone')),
        close: async () => {},
      };
    },
    holes: () => ask<Holes>('holes'),
    restart: () => thread.postMessage({ ask: 'restart' } satisfies Order),
    close: async () => void (await thread.terminate()),
  };
}

const tickMs = 4;
/** A leg whose phone sends nothing for long is hung up. */
const sendEveryMs = 1_000;

function listen(port: NonNullable<typeof parentPort>): void {
  const heardAt = new Map<number, number>();
  let began = performance.now();
  let worst = { longestMs: 0, atMs: 0 };
  let deafMs = 0;
  let ranAt = performance.now();
  setInterval(() => {
    const now = performance.now();
    deafMs = Math.max(deafMs, now - ranAt - tickMs);
    ranAt = now;
  }, tickMs);

  async function open(): Promise<number> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const own = socket.address().port;
    let sequence = 0;
    let sentAt = Number.NEGATIVE_INFINITY;
    socket.on('message', (bytes, from) => {
      const packet = parseRtp(bytes);
      const now = performance.now();
      if (packet === null) return;
      if (now - sentAt > sendEveryMs) {
        sentAt = now;
        sequence += 1;
        const quiet = { payloadType: 0, marker: false, ssrc: own, payload: new Uint8Array(160).fill(0xff) };
        socket.send(writeRtp({ ...quiet, sequence, timestamp: sequence * 8 * sendEveryMs }), from.port, from.address);
      }
      if (packet.payload.every((sample) => sample === 0xff)) return;
      // What waited while this thread did not run came at some moment after it ran last.
      const came = Math.min(now, ranAt + 2 * tickMs);
      const before = heardAt.get(own);
      heardAt.set(own, came);
      if (before !== undefined && came - before > worst.longestMs) worst = { longestMs: came - before, atMs: now - began };
    });
    return own;
  }
  port.on('message', async (order: Order) => {
    if (order.ask === 'restart') {
      heardAt.clear();
      [began, worst, deafMs] = [performance.now(), { longestMs: 0, atMs: 0 }, 0];
      return;
    }
    const found = { ...worst, hearing: heardAt.size, deafMs };
    port.postMessage({ id: order.id, reply: order.ask === 'open' ? await open() : found } satisfies Reply);
  });
}
if (!isMainThread && parentPort !== null) listen(parentPort);
