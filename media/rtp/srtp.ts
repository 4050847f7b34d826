/**
 * SRTP and SRTCP (RFC 3711) with AES_CM_128_HMAC_SHA1_80 and keys of the SDP (RFC 4568), without a master key identifier.
 *
 * - rollover counter (ROC): how often the 16-bit sequence number has wrapped
 * - index: ROC and sequence number, 48 bits
 */
import { createCipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { headerLength, putUint32, uint16, uint32 } from './packet.ts';

export interface SrtpSender {
  protect(packet: Uint8Array): Uint8Array;
  protectRtcp(packet: Uint8Array): Uint8Array;
}
export interface SrtpReceiver {
  /** The decrypted packet; null if it is forged, repeated, too old or malformed. */
  open(packet: Uint8Array): Uint8Array | null;
  openRtcp(packet: Uint8Array): Uint8Array | null;
}

const [keyBytes, saltBytes, authBytes, tagBytes] = [16, 14, 20, 10];
/** Master key and salt of an `inline:` parameter. */
export const srtpKeyBytes = keyBytes + saltBytes;
const replayWindow = 128;
/** Sources whose counters a receiver keeps. */
const mostSources = 8;

interface Keys {
  readonly cipher: Buffer;
  readonly auth: Buffer;
  readonly salt: Buffer;
}

/** Session keys of a master key (section 4.3, key derivation rate 0). Labels: 0 to 2 for SRTP, 3 to 5 for SRTCP. */
export function sessionKeys(master: Uint8Array, firstLabel: 0 | 3): Keys {
  const derive = (label: number, length: number) => {
    const iv = Buffer.alloc(16);
    iv.set(master.subarray(keyBytes, srtpKeyBytes));
    iv[7] = (iv[7] as number) ^ label;
    return createCipheriv('aes-128-ctr', master.subarray(0, keyBytes), iv).update(Buffer.alloc(length));
  };
  return { cipher: derive(firstLabel, keyBytes), auth: derive(firstLabel + 1, authBytes), salt: derive(firstLabel + 2, saltBytes) };
}

/** Encrypts or decrypts bytes with the key stream of a source and index (section 4.1.1). */
export function keyStream({ cipher, salt }: Keys, ssrc: number, index: number, bytes: Uint8Array): Buffer {
  const iv = Buffer.alloc(16);
  salt.copy(iv);
  iv.writeUInt32BE((iv.readUInt32BE(4) ^ ssrc) >>> 0, 4);
  const [high, low] = [Math.floor(index / 2 ** 32), index >>> 0];
  iv.writeUInt16BE(iv.readUInt16BE(8) ^ high, 8);
  iv.writeUInt32BE((iv.readUInt32BE(10) ^ low) >>> 0, 10);
  return createCipheriv('aes-128-ctr', cipher, iv).update(bytes);
}
const tagOf = ({ auth }: Keys, ...parts: readonly Uint8Array[]) => {
  const hmac = createHmac('sha1', auth);
  for (const part of parts) hmac.update(part);
  return hmac.digest().subarray(0, tagBytes);
};
function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  putUint32(bytes, 0, value);
  return bytes;
}

/** Protects the packets of one sender; `master` is its key and salt. */
export function createSrtpSender(master: Uint8Array): SrtpSender {
  const [rtp, rtcp] = [sessionKeys(master, 0), sessionKeys(master, 3)];
  const counters = new Map<number, { roc: number; sequence: number }>();
  let rtcpIndex = 0;
  return {
    protect(packet) {
      const from = headerLength(packet) ?? packet.length;
      const [sequence, ssrc] = [uint16(packet, 2), uint32(packet, 8)];
      const counter = counters.get(ssrc) ?? { roc: 0, sequence };
      if (sequence < counter.sequence && counter.sequence - sequence > 0x8000) counter.roc += 1;
      counter.sequence = sequence;
      counters.set(ssrc, counter);
      const body = Buffer.concat([
        packet.subarray(0, from),
        keyStream(rtp, ssrc, counter.roc * 0x1_0000 + sequence, packet.subarray(from)),
      ]);
      return Buffer.concat([body, tagOf(rtp, body, word(counter.roc))]);
    },
    protectRtcp(packet) {
      const index = rtcpIndex;
      rtcpIndex = (rtcpIndex + 1) & 0x7fff_ffff;
      const body = Buffer.concat([
        packet.subarray(0, 8),
        keyStream(rtcp, uint32(packet, 4), index, packet.subarray(8)),
        word((index | 0x8000_0000) >>> 0),
      ]);
      return Buffer.concat([body, tagOf(rtcp, body)]);
    },
  };
}

/** The newest `replayWindow` indices used by a source (section 3.3.2). */
function createReplay() {
  const seen = new Float64Array(replayWindow).fill(-1);
  let highest = -1;
  return {
    highest: () => highest,
    isFresh: (index: number) => index > highest - replayWindow && seen[index % replayWindow] !== index,
    add(index: number) {
      seen[index % replayWindow] = index;
      highest = Math.max(highest, index);
    },
  };
}

/** Opens the packets of a peer; `master` is its key and salt. */
export function createSrtpReceiver(master: Uint8Array): SrtpReceiver {
  const [rtp, rtcp] = [sessionKeys(master, 0), sessionKeys(master, 3)];
  type Replay = ReturnType<typeof createReplay>;
  const rtpSources = new Map<number, Replay>();
  const rtcpSources = new Map<number, Replay>();
  const kept = (sources: Map<number, Replay>, ssrc: number, replay: Replay) => {
    if (!sources.has(ssrc) && sources.size >= mostSources) sources.delete(sources.keys().next().value as number);
    sources.set(ssrc, replay);
  };
  return {
    open(packet) {
      const from = headerLength(packet);
      const end = packet.length - tagBytes;
      if (from === null || from > end) return null;
      const [sequence, ssrc] = [uint16(packet, 2), uint32(packet, 8)];
      const replay = rtpSources.get(ssrc) ?? createReplay();
      const index = indexOf(sequence, replay.highest());
      if (!replay.isFresh(index)) return null;
      const body = packet.subarray(0, end);
      if (!timingSafeEqual(tagOf(rtp, body, word(Math.floor(index / 0x1_0000))), packet.subarray(end))) return null;
      replay.add(index);
      kept(rtpSources, ssrc, replay);
      return Buffer.concat([packet.subarray(0, from), keyStream(rtp, ssrc, index, packet.subarray(from, end))]);
    },
    openRtcp(packet) {
      const end = packet.length - tagBytes;
      if (end < 12) return null;
      const ssrc = uint32(packet, 4);
      const flagged = uint32(packet, end - 4);
      const index = flagged & 0x7fff_ffff;
      const replay = rtcpSources.get(ssrc) ?? createReplay();
      if (!replay.isFresh(index) || !timingSafeEqual(tagOf(rtcp, packet.subarray(0, end)), packet.subarray(end))) return null;
      replay.add(index);
      kept(rtcpSources, ssrc, replay);
      const body = packet.subarray(8, end - 4);
      const isEncrypted = flagged >>> 31 === 1;
      return Buffer.concat([packet.subarray(0, 8), isEncrypted ? keyStream(rtcp, ssrc, index, body) : body]);
    },
  };
}

/** The most likely index of a sequence number, given the highest so far (section 3.3.1). */
function indexOf(sequence: number, highest: number): number {
  if (highest < 0) return sequence;
  const [roc, last] = [Math.floor(highest / 0x1_0000), highest % 0x1_0000];
  const step = sequence - last > 0x8000 ? -1 : last - sequence > 0x8000 ? 1 : 0;
  return Math.max(0, roc + step) * 0x1_0000 + sequence;
}
