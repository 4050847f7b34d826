/** Packets of an OGG file (RFC 3533): a reader of its first stream, which trusts no size in the file, and a writer. */

/** What is wrong with an OGG file. */
export class OggError extends Error {
  override readonly name = 'OggError';
}

const headerBytes = 27;
/** A larger packet cannot be audio. */
const mostPacketBytes = 61_440;
const [isContinued, isFirst, isLast] = [1, 2, 4];

export const isOgg = (bytes: Uint8Array): boolean => bytes.length >= 4 && Buffer.from(bytes.subarray(0, 4)).toString('latin1') === 'OggS';

/** The packets in order, each a view of the file or a copy of its parts. A file that is cut ends early. @throws OggError */
export function* oggPackets(bytes: Uint8Array): Generator<Uint8Array> {
  if (!isOgg(bytes)) throw new OggError('expected a file that begins with OggS');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let serial: number | null = null;
  let parts: Uint8Array[] = [];
  let partBytes = 0;
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    if (view.getUint32(at) !== 0x4f_67_67_53) throw new OggError(`expected a page at byte ${at}`);
    const flags = view.getUint8(at + 5);
    const ofPage = view.getUint32(at + 14, true);
    const segments = bytes.subarray(at + headerBytes, at + headerBytes + view.getUint8(at + 26));
    let from = at + headerBytes + segments.length;
    at = from + segments.reduce((sum, size) => sum + size, 0);
    serial ??= ofPage;
    if (ofPage !== serial) continue;
    if ((flags & isContinued) === 0) {
      parts = [];
      partBytes = 0;
    }
    for (const size of segments) {
      const part = bytes.subarray(from, from + size);
      from += size;
      if (part.length < size) return;
      parts.push(part);
      partBytes += size;
      if (partBytes > mostPacketBytes) throw new OggError(`a packet has more than ${mostPacketBytes} bytes`);
      if (size === 255) continue;
      yield parts.length === 1 ? part : Buffer.concat(parts);
      parts = [];
      partBytes = 0;
    }
    if ((flags & isLast) !== 0) return;
  }
}

export interface OggPacket {
  readonly bytes: Uint8Array;
  /** Granule position of the stream after this packet. */
  readonly granule: number;
}

/** A file of one stream. The first packet has a page of its own. */
export function oggFile(packets: readonly OggPacket[]): Uint8Array {
  const pages: Uint8Array[] = [];
  let waiting: OggPacket[] = [];
  const segmentsOf = ({ bytes }: OggPacket): readonly number[] => [
    ...Array.from({ length: Math.floor(bytes.length / 255) }, () => 255),
    bytes.length % 255,
  ];
  const flush = (isEnd: boolean): void => {
    if (waiting.length === 0) return;
    const segments = waiting.flatMap(segmentsOf);
    pages.push(
      page({ segments, body: waiting.map(({ bytes }) => bytes), granule: waiting.at(-1)?.granule ?? 0, number: pages.length, isEnd }),
    );
    waiting = [];
  };
  for (const [nth, packet] of packets.entries()) {
    const size = waiting.reduce((sum, one) => sum + segmentsOf(one).length, segmentsOf(packet).length);
    if (size > 255) flush(false);
    waiting.push(packet);
    if (nth === 0) flush(false);
  }
  flush(true);
  return Buffer.concat(pages);
}

function page({
  segments,
  body,
  granule,
  number,
  isEnd,
}: {
  readonly segments: readonly number[];
  readonly body: readonly Uint8Array[];
  readonly granule: number;
  readonly number: number;
  readonly isEnd: boolean;
}): Uint8Array {
  const head = Buffer.alloc(headerBytes);
  head.write('OggS', 0, 'latin1');
  head.writeUInt8((number === 0 ? isFirst : 0) | (isEnd ? isLast : 0), 5);
  head.writeBigInt64LE(BigInt(granule), 6);
  head.writeUInt32LE(1, 14);
  head.writeUInt32LE(number, 18);
  head.writeUInt8(segments.length, 26);
  const whole = Buffer.concat([head, Uint8Array.from(segments), ...body]);
  whole.writeUInt32LE(checksum(whole), 22);
  return whole;
}

/** CRC-32 with the polynomial 0x04c11db7, neither reflected nor inverted. */
function checksum(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000_0000 ? (crc << 1) ^ 0x04c1_1db7 : crc << 1;
  }
  return crc >>> 0;
}
