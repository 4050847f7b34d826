/** The outbound stream: one SSRC and continuous timestamps across all sources of audio; one frame per packet time. */
import { decode, encode, rateHz, silence, transcode } from '../audio/g711.ts';
import { makeDtmf } from '../audio/tones.ts';
import { comfortNoiseType, writeNoise } from './comfort-noise.ts';
import type { Negotiated } from './media.ts';
import { writeRtp } from './packet.ts';
import { createPlayout, type Played, type Playout } from './playout.ts';
import { createEventSender } from './telephone-event.ts';

export interface Outbound {
  readonly ssrc: number;
  readonly playout: Playout;
  configure(negotiated: Negotiated): void;
  /** The other party's audio, 20 ms of μ-law; plays when nothing else does. */
  bridge(frame: Uint8Array): void;
  /** Sends keys, as events where they are negotiated, else as tones. */
  sendDtmf(digits: string): void;
  /** Sends the frame that is due, if one is. */
  tick(dueMs: number): void;
  /** For sender reports. */
  counts(): { readonly packets: number; readonly bytes: number; timestampAt(ms: number): number };
}
export interface OutboundOptions {
  readonly random: () => number;
  readonly send: (packet: Uint8Array) => void;
  readonly played: (played: Played) => void;
  /** Called with the audio that the peer will hear, at the moment at which it begins. */
  readonly spoken: (samples: Int16Array, atMs: number) => void;
}

const perMs = rateHz / 1_000;
/** The longest queue of bridged audio: more would only be delay. */
const mostBridgedMs = 60;
/** Silence before comfort noise replaces it, and the interval at which noise is sent. */
const noiseEveryMs = 200;
const noiseDb = -65;
const tonePauseMs = 80;

type Voice = 'tone' | 'play' | 'bridge' | 'silence';

export function createOutbound({ random, send, played, spoken }: OutboundOptions): Outbound {
  const uint = (bits: number) => Math.floor(random() * 2 ** bits);
  const [ssrc, firstTimestamp] = [uint(32), uint(32)];
  let sequence = uint(16);
  const playout = createPlayout(played);
  const tones = createPlayout(() => {});
  const bridged = createPlayout(() => {});
  const events = createEventSender();
  let now: Negotiated | null = null;
  let originMs: number | null = null;
  let nextMs = Number.NEGATIVE_INFINITY;
  let [packets, bytes] = [0, 0];
  let voice: Voice = 'silence';
  let silentMs = 0;
  /** Whether the next packet begins a talkspurt, after an omission. */
  let isBeginning = true;

  const timestampAt = (ms: number) => (firstTimestamp + Math.round((ms - (originMs ?? ms)) * perMs)) >>> 0;
  const packet = (payloadType: number, payload: Uint8Array, timestamp: number, marker: boolean) => {
    send(writeRtp({ payloadType, marker, sequence, timestamp, ssrc, payload }));
    sequence = (sequence + 1) & 0xffff;
    packets += 1;
    bytes += payload.length;
  };
  /** The next frame: tones interrupt played audio, and both interrupt bridged audio. */
  const frameOf = (size: number): { readonly audio: Uint8Array; readonly by: Voice } => {
    const audio = new Uint8Array(size).fill(silence.PCMU);
    if (tones.take(audio) > 0) return { audio, by: 'tone' };
    if (playout.take(audio) > 0) return { audio, by: 'play' };
    return { audio, by: bridged.take(audio) > 0 ? 'bridge' : 'silence' };
  };
  const audio = ({ codec, payloadType, ptimeMs, comfortNoise }: Negotiated, dueMs: number) => {
    const frame = frameOf(ptimeMs * perMs);
    silentMs = frame.by === 'silence' ? silentMs + ptimeMs : 0;
    if (comfortNoise && silentMs > noiseEveryMs) {
      isBeginning = true;
      if ((silentMs - ptimeMs) % noiseEveryMs < ptimeMs) packet(comfortNoiseType, writeNoise(noiseDb), timestampAt(dueMs), false);
      return;
    }
    const marker = isBeginning || (frame.by !== voice && frame.by !== 'silence');
    packet(payloadType, transcode('PCMU', codec, frame.audio), timestampAt(dueMs), marker);
    [voice, isBeginning] = [frame.by, false];
    if (frame.by !== 'silence') spoken(decode('PCMU', frame.audio), dueMs);
  };

  return {
    ssrc,
    playout,
    configure(negotiated) {
      if (now?.ptimeMs !== negotiated.ptimeMs) nextMs = Number.NEGATIVE_INFINITY;
      now = negotiated;
    },
    bridge(frame) {
      bridged.play('', frame);
      while (bridged.queuedMs() > mostBridgedMs) bridged.take(new Uint8Array(20 * perMs));
    },
    sendDtmf(digits) {
      if (now?.telephoneEventType != null) return events.send(digits);
      for (const digit of digits.toUpperCase().slice(0, 64)) {
        const tone = makeDtmf(digit);
        if (tone !== null) tones.play('', encode('PCMU', tone));
        if (tone !== null || digit === ',' || digit === 'W')
          tones.play('', new Uint8Array((tone === null ? 500 : tonePauseMs) * perMs).fill(silence.PCMU));
      }
    },
    tick(dueMs) {
      if (now === null || dueMs < nextMs - 0.5) return;
      originMs ??= dueMs;
      nextMs = dueMs - nextMs > now.ptimeMs ? dueMs + now.ptimeMs : nextMs + now.ptimeMs;
      if (now.direction === 'recvonly' || now.direction === 'inactive') {
        isBeginning = true;
        return;
      }
      const event = now.telephoneEventType === null ? undefined : events.next(timestampAt(dueMs), now.ptimeMs * perMs);
      if (event === undefined) return audio(now, dueMs);
      isBeginning = true;
      if (event !== null && now.telephoneEventType !== null) packet(now.telephoneEventType, event.payload, event.timestamp, event.marker);
      else packet(now.payloadType, new Uint8Array(now.ptimeMs * perMs).fill(silence[now.codec]), timestampAt(dueMs), false);
    },
    counts: () => ({ packets, bytes, timestampAt }),
  };
}
