/** What a media session negotiates, reports and counts. Plain data: it crosses threads. */
import type { Law } from '../audio/g711.ts';
import type { DigitSource } from './digits.ts';
import type { Endpoint } from './latch.ts';

/** As we see it: `recvonly` when the other side put us on hold with music, `sendonly` when we put it on hold. */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface Negotiated {
  readonly codec: Law;
  readonly payloadType: number;
  /** 10 to 60, in steps of 10: what we send. What we receive may have any length. */
  readonly ptimeMs: number;
  /** The payload type of RFC 4733; null where keys must be tones in the audio. */
  readonly telephoneEventType: number | null;
  /** Whether silence may be comfort noise instead of packets (RFC 3389). */
  readonly comfortNoise: boolean;
  /** The address of the SDP; null for none yet. */
  readonly remote: Endpoint | null;
  readonly direction: Direction;
  /** Master key and salt of each side, 30 bytes in base64 (RFC 4568, `inline:`). */
  readonly srtp?: { readonly local: string; readonly remote: string };
  /** RTCP on the port of RTP (RFC 5761). */
  readonly rtcpMux?: boolean;
}

export type MediaFact =
  /** A chunk has ended after so much of it, or a mark was reached (0 ms). */
  | { readonly played: string; readonly ms: number }
  | { readonly dtmf: string; readonly by: DigitSource }
  | { readonly speech: 'started' | 'stopped' }
  /** Packets lost since the report before. */
  | { readonly lost: number }
  | { readonly rttMs: number }
  /** Frames come so long after their packets would have that nothing delayed. Reported when it changes, and once a second. */
  | { readonly delayMs: number }
  /** The other side put us on hold, or took us back. */
  | { readonly held: boolean }
  /** Nothing has arrived for so long. */
  | { readonly inactiveMs: number }
  /** A recording has ended; with an error, the file has what was written before. */
  | { readonly recording: string; readonly ms: number; readonly error: string | null }
  /** The session is gone. */
  | { readonly failed: string };

export interface MediaStats {
  readonly received: number;
  readonly lost: number;
  readonly late: number;
  readonly duplicates: number;
  /** Packets of addresses that are not the peer's. */
  readonly strangers: number;
  /** Packets that are no RTP, fail authentication, or have a payload that nobody negotiated. */
  readonly rejected: number;
  readonly sent: number;
  readonly jitterMs: number;
  readonly delayMs: number;
  readonly rttMs: number | null;
  /** Share of our packets that the peer reported lost last. */
  readonly lostThere: number;
  readonly driftPpm: number | null;
  readonly mos: number;
  /** Where audio is sent, once the peer has been heard. */
  readonly peer: Endpoint | null;
}
