/** The control channel of a session: sends reports every five seconds, and measures round trip and loss by the peer's reports. */
import { rateHz } from '../audio/g711.ts';
import type { MediaFact, MediaStats } from './media.ts';
import type { Outbound } from './outbound.ts';
import type { RtpPacket } from './packet.ts';
import { createReception, meanOpinion } from './reception.ts';
import { parseRtcp, type ReportBlock, writeRtcp } from './rtcp.ts';

export interface Reports {
  /** Counts a packet of audio or events. */
  received(packet: RtpPacket, nowMs: number): void;
  /** Reads control packets; returns false for any other bytes. */
  receive(bytes: Uint8Array, nowMs: number): boolean;
  tick(dueMs: number): void;
  goodbye(nowMs: number): void;
  stats(bufferMs: number): Pick<MediaStats, 'lost' | 'jitterMs' | 'rttMs' | 'lostThere' | 'mos'>;
}
export interface ReportsOptions {
  readonly cname: string;
  readonly random: () => number;
  /** Wall-clock time at zero of the monotonic clock, so that adjusting the wall clock does not affect round trips. */
  readonly timeOrigin: number;
  readonly outbound: Pick<Outbound, 'ssrc' | 'counts'>;
  readonly send: (packet: Uint8Array) => void;
  readonly fact: (fact: MediaFact) => void;
}

const everyMs = 5_000;
/** Seconds from 1900, the epoch of NTP, to 1970. */
const ntpEpoch = 2_208_988_800;
/** A longer round trip is not a valid measurement. */
const mostRttMs = 30_000;

export function createReports({ cname, random, timeOrigin, outbound, send, fact }: ReportsOptions): Reports {
  const reception = createReception();
  let nextMs = Number.NaN;
  let peerReport: { readonly ntpMiddle: number; readonly atMs: number } | null = null;
  let [rttMs, lostThere, lossHere]: [number | null, number, number] = [null, 0, 0];
  let sentBefore = 0;

  const ntp = (nowMs: number) => {
    const ms = timeOrigin + nowMs;
    return { seconds: (Math.floor(ms / 1_000) + ntpEpoch) >>> 0, fraction: Math.floor((ms % 1_000) * (2 ** 32 / 1_000)) >>> 0 };
  };
  const middle = (seconds: number, fraction: number) => (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0;
  const block = (nowMs: number, fraction: number): ReportBlock | null => {
    const counts = reception.counts();
    if (counts.received === 0) return null;
    return {
      ssrc: counts.ssrc,
      fractionLost: Math.min(255, Math.floor(fraction * 256)),
      lost: Math.max(-0x80_0000, Math.min(0x7f_ffff, counts.lost)),
      highestSequence: counts.highestSequence,
      jitter: counts.jitter,
      lastReport: peerReport?.ntpMiddle ?? 0,
      delaySinceLastReport: peerReport === null ? 0 : Math.min(0xffff_ffff, Math.round((nowMs - peerReport.atMs) * 65.536)),
    };
  };
  const report = (nowMs: number, goodbye: boolean) => {
    const { fraction, lost } = reception.sinceLast();
    lossHere = fraction;
    if (lost > 0) fact({ lost });
    const { packets, bytes, timestampAt } = outbound.counts();
    const { seconds, fraction: ntpFraction } = ntp(nowMs);
    const sender = packets > sentBefore ? { ntpSeconds: seconds, ntpFraction, timestamp: timestampAt(nowMs), packets, bytes } : null;
    sentBefore = packets;
    send(writeRtcp({ ssrc: outbound.ssrc, sender, block: block(nowMs, fraction), cname, goodbye }));
  };

  return {
    received: (packet, nowMs) => reception.packet(packet, nowMs),
    receive(bytes, nowMs) {
      const packet = parseRtcp(bytes);
      if (packet === null) return false;
      if (packet.sender !== null) peerReport = { ntpMiddle: middle(packet.sender.ntpSeconds, packet.sender.ntpFraction), atMs: nowMs };
      const about = packet.blocks.find(({ ssrc }) => ssrc === outbound.ssrc);
      if (about === undefined) return true;
      lostThere = about.fractionLost / 256;
      if (about.lastReport === 0) return true;
      const { seconds, fraction } = ntp(nowMs);
      const trip = ((middle(seconds, fraction) - about.lastReport - about.delaySinceLastReport) | 0) / 65.536;
      if (trip < -1 || trip > mostRttMs) return true; // invalid, or the peer was away
      rttMs = Math.max(0, Math.round(trip * 10) / 10);
      fact({ rttMs });
      return true;
    },
    tick(dueMs) {
      // The first after a second, then with random spread, so that many calls do not report at once (RFC 3550, section 6.2).
      if (Number.isNaN(nextMs)) nextMs = dueMs + 1_000;
      if (dueMs < nextMs) return;
      nextMs = dueMs + everyMs * (0.5 + random());
      report(dueMs, false);
    },
    goodbye: (nowMs) => report(nowMs, true),
    stats(bufferMs) {
      const { lost, jitter } = reception.counts();
      return {
        lost: Math.max(0, lost),
        jitterMs: Number(((jitter * 1_000) / rateHz).toFixed(1)),
        rttMs,
        lostThere,
        mos: meanOpinion({ delayMs: (rttMs ?? 0) / 2 + bufferMs + 20, loss: Math.max(lossHere, lostThere) }),
      };
    },
  };
}
