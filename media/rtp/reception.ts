/** A receiver's statistics of a source (RFC 3550, appendices A.1, A.3 and A.8), and the resulting quality. */
import { rateHz } from '../audio/g711.ts';
import { sequenceAfter, timestampAfter } from './packet.ts';

export interface Reception {
  /** Counts a packet of the source; a new SSRC begins again. */
  packet(packet: { readonly ssrc: number; readonly sequence: number; readonly timestamp: number }, atMs: number): void;
  /** The counts since the beginning of this SSRC. */
  counts(): ReceptionCounts;
  /** Share of packets lost since the last call, 0 to 1, and how many. */
  sinceLast(): { readonly fraction: number; readonly lost: number };
}
export interface ReceptionCounts {
  readonly ssrc: number;
  readonly received: number;
  /** Packets that should have arrived and did not; negative when some arrived twice. */
  readonly lost: number;
  /** With the count of wraps above 16 bits. */
  readonly highestSequence: number;
  /** In samples. */
  readonly jitter: number;
}

/** A larger jump of the sequence number restarts the count. */
const largestJump = 3_000;

export function createReception(): Reception {
  let [ssrc, first, highest, received, jitter] = [-1, 0, 0, 0, 0];
  let lastTransit: number | null = null;
  let lastTimestamp = 0;
  let lastAtMs = 0;
  let before = { expected: 0, received: 0 };

  const begin = (packet: { readonly ssrc: number; readonly sequence: number }) => {
    ssrc = packet.ssrc;
    [first, highest, received, jitter] = [packet.sequence, packet.sequence, 0, 0];
    lastTransit = null;
    before = { expected: 0, received: 0 };
  };
  const expected = () => (received === 0 ? 0 : highest - first + 1);

  return {
    packet(packet, atMs) {
      const step = sequenceAfter(packet.sequence, highest & 0xffff);
      if (packet.ssrc !== ssrc || received === 0 || Math.abs(step) > largestJump) begin(packet);
      else if (step > 0) highest += step;
      received += 1;
      const transit = lastTransit === null ? null : (atMs - lastAtMs) * (rateHz / 1_000) - timestampAfter(packet.timestamp, lastTimestamp);
      if (transit !== null && Math.abs(transit) < rateHz) jitter += (Math.abs(transit) - jitter) / 16;
      [lastTransit, lastAtMs, lastTimestamp] = [transit ?? 0, atMs, packet.timestamp];
    },
    counts: () => ({ ssrc, received, lost: expected() - received, highestSequence: highest >>> 0, jitter: Math.round(jitter) }),
    sinceLast() {
      const now = { expected: expected(), received };
      const [due, came] = [now.expected - before.expected, now.received - before.received];
      before = now;
      return { fraction: due > 0 ? Math.max(0, (due - came) / due) : 0, lost: Math.max(0, due - came) };
    },
  };
}

/** Packet loss robustness of G.711 with concealment (ITU-T G.113, appendix I). */
const bpl = 25.1;

/**
 * Estimates the mean opinion score, 1 to 4.4, from the one-way delay and the share of lost packets, by the E-model of ITU-T G.107 for
 * G.711.
 */
export function meanOpinion({ delayMs, loss }: { readonly delayMs: number; readonly loss: number }): number {
  const delay = 0.024 * delayMs + (delayMs > 177.3 ? 0.11 * (delayMs - 177.3) : 0);
  const percent = 100 * loss;
  const rating = Math.max(0, Math.min(100, 93.2 - delay - (95 * percent) / (percent + bpl)));
  return Number(Math.max(1, 1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating)).toFixed(2));
}
