/** A phone's end of an RTP session, for tests: real UDP on loopback, G.711 in frames on a clock of absolute deadlines. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { decode, encode, type Law } from '../../media/audio/g711.ts';
import { parseRtp, type RtpPacket, writeRtp } from '../../media/rtp/packet.ts';

export interface RtpPeer {
  readonly port: number;
  /** Every packet that came, in its order. */
  readonly received: readonly (RtpPacket & { readonly from: number })[];
  /** Control packets that came. */
  readonly control: readonly Uint8Array[];
  send(packet: Partial<RtpPacket>, to: number): void;
  /** Sends a signal in real time; resolves after its last frame. */
  speak(
    samples: Int16Array,
    to: number,
    options?: { readonly law?: Law; readonly ssrc?: number; readonly signal?: AbortSignal },
  ): Promise<void>;
  /** What came, by its timestamps. */
  heard(): Int16Array;
  close(): void;
}

const frame = 160;

export async function startRtpPeer(): Promise<RtpPeer> {
  const [socket, controlSocket] = await pair();
  const received: (RtpPacket & { readonly from: number })[] = [];
  const control: Uint8Array[] = [];
  socket.on('message', (bytes, { port }) => {
    const packet = parseRtp(Uint8Array.from(bytes));
    if (packet !== null) received.push({ ...packet, from: port });
  });
  controlSocket.on('message', (bytes) => control.push(Uint8Array.from(bytes)));
  const send = (packet: Partial<RtpPacket>, to: number) =>
    socket.send(
      writeRtp({ payloadType: 0, marker: false, sequence: 0, timestamp: 0, ssrc: 1, payload: new Uint8Array(frame), ...packet }),
      to,
      '127.0.0.1',
    );
  return {
    port: socket.address().port,
    received,
    control,
    send,
    async speak(samples, to, { law = 'PCMU', ssrc = 77, signal } = {}) {
      const began = performance.now();
      for (let nth = 0; nth * frame < samples.length && !signal?.aborted; nth += 1) {
        const wait = began + nth * 20 - performance.now();
        if (wait > 0) await delay(wait);
        const payload = encode(law, samples.subarray(nth * frame, (nth + 1) * frame));
        send({ payloadType: law === 'PCMU' ? 0 : 8, marker: nth === 0, sequence: nth, timestamp: nth * frame, ssrc, payload }, to);
      }
    },
    heard() {
      const audio = received.filter(({ payloadType }) => payloadType === 0 || payloadType === 8);
      const first = audio[0]?.timestamp ?? 0;
      const end = audio.reduce((most, { timestamp, payload }) => Math.max(most, ((timestamp - first) >>> 0) + payload.length), 0);
      const samples = new Int16Array(end);
      for (const { timestamp, payload, payloadType } of audio)
        samples.set(decode(payloadType === 0 ? 'PCMU' : 'PCMA', payload), (timestamp - first) >>> 0);
      return samples;
    },
    close() {
      socket.close();
      controlSocket.close();
    },
  };
}

/** Two sockets on neighbouring ports. */
async function pair() {
  for (;;) {
    const first = createSocket('udp4');
    first.bind(0, '127.0.0.1');
    await once(first, 'listening');
    const second = createSocket('udp4');
    const isFree = await new Promise<boolean>((resolve) => {
      second.once('error', () => resolve(false));
      second.bind(first.address().port + 1, '127.0.0.1', () => resolve(true));
    });
    if (isFree) return [first, second] as const;
    first.close();
  }
}
