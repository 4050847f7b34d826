/** RTP packets (RFC 3550, section 5.1). */

export interface RtpPacket {
  readonly payloadType: number;
  readonly marker: boolean;
  /** 16 bits. */
  readonly sequence: number;
  /** 32 bits, in samples of 8 kHz for the payloads here. */
  readonly timestamp: number;
  readonly ssrc: number;
  /** Without padding, extension and contributing sources. */
  readonly payload: Uint8Array;
}

const headerBytes = 12;
const extensionHeaderBytes = 4;

/** Parses a packet; null for bytes that are not one. The payload is a view of `bytes`. */
export function parseRtp(bytes: Uint8Array): RtpPacket | null {
  const payload = payloadRange(bytes);
  if (payload === null) return null;
  return {
    payloadType: (bytes[1] as number) & 0x7f,
    marker: ((bytes[1] as number) & 0x80) !== 0,
    sequence: uint16(bytes, 2),
    timestamp: uint32(bytes, 4),
    ssrc: uint32(bytes, 8),
    payload: bytes.subarray(payload.from, payload.to),
  };
}

/** Where the payload of a packet begins and ends, without padding; null for bytes that are not a packet. */
export function payloadRange(bytes: Uint8Array): { readonly from: number; readonly to: number } | null {
  const from = headerLength(bytes);
  if (from === null) return null;
  const padding = (bytes[0] as number) & 0x20 ? (bytes[bytes.length - 1] as number) : 0;
  const to = bytes.length - padding;
  return to < from || (((bytes[0] as number) & 0x20) !== 0 && padding === 0) ? null : { from, to };
}

/** Bytes before the payload: header, contributing sources and extension; null for bytes that are not a packet. */
export function headerLength(bytes: Uint8Array): number | null {
  if (bytes.length < headerBytes || (bytes[0] as number) >> 6 !== 2) return null;
  const withSources = headerBytes + 4 * ((bytes[0] as number) & 0x0f);
  if (((bytes[0] as number) & 0x10) === 0) return withSources <= bytes.length ? withSources : null;
  if (withSources + extensionHeaderBytes > bytes.length) return null;
  const whole = withSources + extensionHeaderBytes + 4 * uint16(bytes, withSources + 2);
  return whole <= bytes.length ? whole : null;
}

export function writeRtp({ payloadType, marker, sequence, timestamp, ssrc, payload }: RtpPacket): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(headerBytes + payload.length);
  bytes[0] = 0x80;
  bytes[1] = (marker ? 0x80 : 0) | payloadType;
  putUint16(bytes, 2, sequence);
  putUint32(bytes, 4, timestamp);
  putUint32(bytes, 8, ssrc);
  bytes.set(payload, headerBytes);
  return bytes;
}

/** Whether bytes on a port that carries both are RTCP (RFC 5761, section 4). */
export const isRtcp = (bytes: Uint8Array) => bytes.length >= 8 && (bytes[1] as number) >= 192 && (bytes[1] as number) <= 223;

/** How far 16-bit sequence number `a` is after `b`: −32,768 to 32,767. */
export const sequenceAfter = (a: number, b: number) => ((a - b) << 16) >> 16;
/** The same for 32-bit timestamps. */
export const timestampAfter = (a: number, b: number) => (a - b) | 0;

export const uint16 = (bytes: Uint8Array, at: number) => ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
export const uint32 = (bytes: Uint8Array, at: number) => ((uint16(bytes, at) << 16) | uint16(bytes, at + 2)) >>> 0;
export function putUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  putUint16(bytes, at, value >>> 16);
  putUint16(bytes, at + 2, value);
}
