/** The negotiated parameters, facts and statistics of a media session. Plain data, which crosses threads. */
import type { Law } from '../audio/g711.ts';
import type { DigitSource } from './digits.ts';
import type { Endpoint } from './latch.ts';

/**
 * From this side's view: `recvonly` when the peer has put this side on hold with music, `sendonly` when this side has put the peer on hold.
 */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface Negotiated {
  readonly codec: Law;
  readonly payloadType: number;
  /** 10 to 60, in steps of 10, for sent packets. Received ones may have any length. */
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
  /** A chunk has ended after this much of it, or a mark was reached (0 ms). */
  | { readonly played: string; readonly ms: number }
  | { readonly dtmf: string; readonly by: DigitSource }
  | { readonly speech: 'started' | 'stopped' }
  /** Packets lost since the previous report. */
  | { readonly lost: number }
  | { readonly rttMs: number }
  /** How much later frames come than undelayed packets would have. Reported when it changes, and once per second. */
  | { readonly delayMs: number }
  /** The peer has put this side on hold, or resumed. */
  | { readonly held: boolean }
  /** Nothing has arrived for this long. */
  | { readonly inactiveMs: number }
  /** A recording has ended; after an error the file has everything written before. */
  | { readonly recording: string; readonly ms: number; readonly error: string | null }
  /** The session is gone. */
  | { readonly failed: string };

export interface MediaStats {
  readonly received: number;
  readonly lost: number;
  readonly late: number;
  readonly duplicates: number;
  /** Packets from addresses other than the peer's. */
  readonly strangers: number;
  /** Packets that are not RTP, fail authentication, or have a payload type that was not negotiated. */
  readonly rejected: number;
  readonly sent: number;
  readonly jitterMs: number;
  readonly delayMs: number;
  readonly rttMs: number | null;
  /** Share of sent packets lost according to the last report of the peer. */
  readonly lostThere: number;
  readonly driftPpm: number | null;
  readonly mos: number;
  /** Where audio is sent, once the peer has been heard. */
  readonly peer: Endpoint | null;
}
