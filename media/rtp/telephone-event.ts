/** Keys as named events beside the audio (RFC 4733). A press is one timestamp, however many packets repeat it. */
import { timestampAfter, uint16 } from './packet.ts';

const digits = '0123456789*#ABCD';
const longest = 0xffff;
/** After the end of a press its packet is sent three times (RFC 4733, section 2.5.1.4). */
const ends = 3;

export interface EventReceiver {
  /** The key of a press, on its first packet to arrive; null for a repeat and for an event that is not a key. */
  packet(event: { readonly ssrc: number; readonly timestamp: number; readonly payload: Uint8Array }): string | null;
}

export function createEventReceiver(): EventReceiver {
  let last: { readonly ssrc: number; readonly timestamp: number; readonly duration: number; readonly event: number } | null = null;
  return {
    packet({ ssrc, timestamp, payload }) {
      if (payload.length < 4) return null;
      const [event, duration] = [payload[0] as number, uint16(payload, 2)];
      const digit = digits[event] ?? null;
      if (digit === null) return null;
      const after = last?.ssrc === ssrc ? timestampAfter(timestamp, last.timestamp) : 1;
      if (after < 0) return null; // a late repeat of an earlier press
      const goesOn = after === 0 || (last?.event === event && last.duration === longest && after === longest); // section 2.5.1.3
      last = { ssrc, timestamp, event, duration: after === 0 ? Math.max(duration, last?.duration ?? 0) : duration };
      return goesOn ? null : digit;
    },
  };
}

export interface EventPacket {
  readonly payload: Uint8Array;
  readonly timestamp: number;
  readonly marker: boolean;
}
export interface EventSender {
  /** Queues up to 64 keys; `,` and `w` are pauses of half a second, other characters are ignored. */
  send(digits: string): void;
  /** What to send in place of a frame of audio: a packet, silence (null), or nothing (undefined: the audio itself). */
  next(timestamp: number, samples: number): EventPacket | null | undefined;
  readonly isBusy: () => boolean;
}

const [toneSamples, pauseSamples, waitSamples] = [800, 640, 4_000];
const volume = 10;
const mostQueued = 64;
const isKey = (digit: string) => digits.includes(digit);
const isWait = (digit: string) => digit === ',' || digit === 'w';

export function createEventSender(): EventSender {
  let queue = '';
  let active: { readonly event: number; readonly timestamp: number; duration: number; ends: number } | null = null;
  let pause = 0;

  return {
    send(more) {
      queue = (queue + [...more.toUpperCase().replaceAll('W', 'w')].filter((digit) => isKey(digit) || isWait(digit)).join('')).slice(
        0,
        mostQueued,
      );
    },
    isBusy: () => active !== null || pause > 0 || queue !== '',
    next(timestamp, samples) {
      if (pause > 0) {
        pause -= samples;
        return null;
      }
      const digit = queue[0];
      if (active === null) {
        if (digit === undefined) return undefined;
        queue = queue.slice(1);
        if (isWait(digit)) {
          pause = waitSamples - samples;
          return null;
        }
        active = { event: digits.indexOf(digit), timestamp, duration: 0, ends: 0 };
      }
      const isFirst = active.duration === 0;
      if (active.ends === 0) active.duration += samples;
      const isEnd = active.duration >= toneSamples;
      if (isEnd) active.ends += 1;
      const packet = {
        payload: Uint8Array.of(active.event, (isEnd ? 0x80 : 0) | volume, active.duration >> 8, active.duration & 0xff),
        timestamp: active.timestamp,
        marker: isFirst,
      };
      if (active.ends === ends) [active, pause] = [null, pauseSamples];
      return packet;
    },
  };
}
