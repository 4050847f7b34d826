/** RTCP: reports of senders and receivers, descriptions and goodbyes (RFC 3550, section 6). */
import { putUint16, putUint32, uint16, uint32 } from './packet.ts';

/** What a receiver reports about one source. */
export interface ReportBlock {
  readonly ssrc: number;
  /** Share of packets lost since the previous report, in 1/256. */
  readonly fractionLost: number;
  /** Packets lost since the beginning, 24 bits, signed. */
  readonly lost: number;
  /** Highest sequence number, with the count of wraps above it. */
  readonly highestSequence: number;
  /** In units of the timestamp. */
  readonly jitter: number;
  /** Middle 32 bits of the NTP time of the last sender report; 0 for none. */
  readonly lastReport: number;
  /** 1/65,536 s since that report arrived. */
  readonly delaySinceLastReport: number;
}
export interface SenderInfo {
  /** NTP time: seconds since 1900 and 1/2³² s. */
  readonly ntpSeconds: number;
  readonly ntpFraction: number;
  readonly timestamp: number;
  readonly packets: number;
  readonly bytes: number;
}
export interface Rtcp {
  /** The source that reports; null for a compound without a report. */
  readonly ssrc: number | null;
  readonly sender: SenderInfo | null;
  readonly blocks: readonly ReportBlock[];
  readonly cname: string | null;
  /** Sources that end. */
  readonly goodbyes: readonly number[];
}

const types = { senderReport: 200, receiverReport: 201, description: 202, goodbye: 203 } as const;
const cnameItem = 1;
const blockBytes = 24;
/** Maximum blocks read from a compound: one report has at most 31. */
const mostBlocks = 31;

/** Parses a compound packet; null for other bytes (RFC 3550, A.2). Unknown parts are skipped. */
export function parseRtcp(bytes: Uint8Array): Rtcp | null {
  let [ssrc, sender, cname]: [number | null, SenderInfo | null, string | null] = [null, null, null];
  const blocks: ReportBlock[] = [];
  const goodbyes: number[] = [];
  let at = 0;
  for (; at + 4 <= bytes.length; ) {
    const size = 4 * (uint16(bytes, at + 2) + 1);
    if ((bytes[at] as number) >> 6 !== 2 || at + size > bytes.length) return null;
    const part = bytes.subarray(at, at + size);
    const count = (part[0] as number) & 0x1f;
    switch (part[1]) {
      case types.senderReport:
      case types.receiverReport: {
        const isSender = part[1] === types.senderReport;
        if (size < (isSender ? 28 : 8)) return null;
        ssrc = uint32(part, 4);
        if (isSender) sender = readSender(part);
        for (let from = isSender ? 28 : 8, nth = 0; nth < count && from + blockBytes <= size; from += blockBytes, nth += 1)
          if (blocks.length < mostBlocks) blocks.push(readBlock(part, from));
        break;
      }
      case types.description:
        cname ??= readCname(part);
        break;
      case types.goodbye:
        for (let from = 4, nth = 0; nth < count && from + 4 <= size; from += 4, nth += 1) goodbyes.push(uint32(part, from));
        break;
      default:
    }
    at += size;
  }
  return at === 0 || at !== bytes.length ? null : { ssrc, sender, blocks, cname, goodbyes };
}

const readSender = (part: Uint8Array): SenderInfo => ({
  ntpSeconds: uint32(part, 8),
  ntpFraction: uint32(part, 12),
  timestamp: uint32(part, 16),
  packets: uint32(part, 20),
  bytes: uint32(part, 24),
});
const readBlock = (part: Uint8Array, at: number): ReportBlock => ({
  ssrc: uint32(part, at),
  fractionLost: part[at + 4] as number,
  lost: (uint32(part, at + 4) << 8) >> 8,
  highestSequence: uint32(part, at + 8),
  jitter: uint32(part, at + 12),
  lastReport: uint32(part, at + 16),
  delaySinceLastReport: uint32(part, at + 20),
});

function readCname(part: Uint8Array): string | null {
  const [item, length] = [part[8], part[9]];
  if (item !== cnameItem || length === undefined || 10 + length > part.length) return null;
  return new TextDecoder().decode(part.subarray(10, 10 + length));
}

export interface Report {
  readonly ssrc: number;
  readonly sender: SenderInfo | null;
  readonly block: ReportBlock | null;
  readonly cname: string;
  readonly goodbye?: boolean;
}

/** Writes a compound of a report, the description, and a goodbye if the source ends. */
export function writeRtcp({ ssrc, sender, block, cname, goodbye = false }: Report): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(cname).subarray(0, 255);
  const reportBytes = (sender ? 28 : 8) + (block ? blockBytes : 0);
  const descriptionBytes = 8 + 4 * Math.ceil((2 + name.length + 1) / 4); // at least one zero ends the items
  const bytes = new Uint8Array(reportBytes + descriptionBytes + (goodbye ? 8 : 0));
  header(bytes, 0, block ? 1 : 0, sender ? types.senderReport : types.receiverReport, reportBytes);
  putUint32(bytes, 4, ssrc);
  if (sender) {
    for (const [nth, value] of [sender.ntpSeconds, sender.ntpFraction, sender.timestamp, sender.packets, sender.bytes].entries())
      putUint32(bytes, 8 + 4 * nth, value);
  }
  if (block) {
    const at = reportBytes - blockBytes;
    putUint32(bytes, at, block.ssrc);
    putUint32(bytes, at + 4, ((block.fractionLost & 0xff) << 24) | (block.lost & 0xff_ffff));
    for (const [nth, value] of [block.highestSequence, block.jitter, block.lastReport, block.delaySinceLastReport].entries())
      putUint32(bytes, at + 8 + 4 * nth, value);
  }
  header(bytes, reportBytes, 1, types.description, descriptionBytes);
  putUint32(bytes, reportBytes + 4, ssrc);
  bytes[reportBytes + 8] = cnameItem;
  bytes[reportBytes + 9] = name.length;
  bytes.set(name, reportBytes + 10);
  if (goodbye) {
    header(bytes, reportBytes + descriptionBytes, 1, types.goodbye, 8);
    putUint32(bytes, reportBytes + descriptionBytes + 4, ssrc);
  }
  return bytes;
}

function header(bytes: Uint8Array, at: number, count: number, type: number, size: number): void {
  bytes[at] = 0x80 | count;
  bytes[at + 1] = type;
  putUint16(bytes, at + 2, size / 4 - 1);
}
