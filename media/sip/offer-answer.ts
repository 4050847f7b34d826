/** Negotiation of one G.711 audio stream (RFC 3264, RFC 4733, RFC 3389, RFC 4568). */
import { attribute, type Direction, directionOf, formatSdp, type MediaLine, opposite, parseSdp, type Sdp, type SdpOrigin } from './sdp.ts';

export type Codec = 'PCMU' | 'PCMA';

export interface LocalAudio extends SdpOrigin {
  readonly port: number;
  /** In order of preference. */
  readonly codecs: readonly Codec[];
  /** 10 to 60. */
  readonly ptimeMs: number;
  readonly direction: Direction;
  readonly comfortNoise?: boolean;
  /**
   * Master key and salt in base64, 30 bytes, for AES_CM_128_HMAC_SHA1_80. Makes an offer secure; an answer uses it if the offer is secure.
   */
  readonly srtpKey?: string;
  /** Refuses offers and answers without SRTP. */
  readonly requiresSrtp?: boolean;
}

/** The media configuration of a call. */
export interface Negotiated {
  readonly codec: Codec;
  readonly payloadType: number;
  /** For packets sent by this side. */
  readonly ptimeMs: number;
  readonly telephoneEventType: number | null;
  readonly comfortNoise: boolean;
  /** Null while the peer has no address for media. */
  readonly remote: { readonly address: string; readonly port: number } | null;
  /** The directions permitted to this side. */
  readonly direction: Direction;
  /** Whether the peer has put this side on hold. */
  readonly isHeld: boolean;
  readonly srtp?: { readonly local: string; readonly remote: string };
}

export type Refusal = 'no_audio' | 'no_common_codec' | 'srtp_required' | 'srtp_unsupported' | 'invalid_sdp';
/** `sdp` of a refusal describes what this side supports: the body of a 488 (RFC 3261, section 21.4.26). */
export type Answer =
  | { readonly refused: null; readonly sdp: string; readonly negotiated: Negotiated }
  | { readonly refused: Refusal; readonly sdp: string };

const suite = 'AES_CM_128_HMAC_SHA1_80';
const staticTypes: Readonly<Record<Codec, number>> = { PCMU: 0, PCMA: 8 };
const defaultEventType = 101;

export function createOffer(local: LocalAudio): string {
  const codecs = local.codecs.map((name) => ({ name, type: staticTypes[name] }));
  return formatSdp(local, audioLines(local, { codecs, eventType: defaultEventType, tag: '1', direction: local.direction }));
}

interface Lines {
  readonly codecs: readonly { readonly name: Codec; readonly type: number }[];
  readonly eventType: number | null;
  readonly hasComfortNoise?: boolean;
  /** Of the crypto line. */
  readonly tag: string;
  readonly direction: Direction;
}

function audioLines(
  local: LocalAudio,
  { codecs, eventType, hasComfortNoise = local.comfortNoise === true, tag, direction }: Lines,
): string[] {
  const types = [...codecs.map(({ type }) => type), ...(hasComfortNoise ? [13] : []), ...(eventType === null ? [] : [eventType])];
  return [
    `m=audio ${local.port} RTP/${local.srtpKey === undefined ? '' : 'S'}AVP ${types.join(' ')}`,
    ...codecs.map(({ name, type }) => `a=rtpmap:${type} ${name}/8000`),
    ...(hasComfortNoise ? ['a=rtpmap:13 CN/8000'] : []),
    ...(eventType === null ? [] : [`a=rtpmap:${eventType} telephone-event/8000`, `a=fmtp:${eventType} 0-16`]),
    `a=ptime:${local.ptimeMs}`,
    ...(local.srtpKey === undefined ? [] : [`a=crypto:${tag} ${suite} inline:${local.srtpKey}`]),
    `a=${direction}`,
  ];
}

/** Answers an offer: takes the first acceptable audio line and refuses every other line with port 0. */
export function answerOffer(text: string, local: LocalAudio): Answer {
  const offer = parseSdp(text);
  if (!offer) return { refused: 'invalid_sdp', sdp: createOffer(local) };
  let refused: Refusal = 'no_audio';
  for (const [index, line] of offer.media.entries()) {
    const found = agree(offer, line, local);
    if (typeof found === 'string') {
      if (line.kind === 'audio' && line.port !== 0) refused = found;
      continue;
    }
    const { srtpKey, ...plain } = local;
    const own = { ...plain, ptimeMs: found.negotiated.ptimeMs, ...(found.tag !== null && srtpKey !== undefined ? { srtpKey } : {}) };
    const { codec, payloadType, telephoneEventType: eventType, comfortNoise, direction } = found.negotiated;
    const lines = audioLines(own, {
      codecs: [{ name: codec, type: payloadType }],
      eventType,
      hasComfortNoise: comfortNoise,
      tag: found.tag ?? '1',
      direction,
    });
    const media = offer.media.flatMap((other, at) => (at === index ? lines : [refusedLine(other)]));
    return { refused: null, sdp: formatSdp(local, media), negotiated: found.negotiated };
  }
  return { refused, sdp: createOffer(local) };
}
const refusedLine = ({ kind, protocol, formats }: MediaLine): string => `m=${kind} 0 ${protocol} ${formats[0] ?? '0'}`;

/** Reads the answer to an offer that was made with `local`. */
export function readAnswer(text: string, local: LocalAudio): Negotiated | Refusal {
  const answer = parseSdp(text);
  if (!answer) return 'invalid_sdp';
  const line = answer.media.find(({ kind, port }) => kind === 'audio' && port !== 0);
  if (!line) return 'no_audio';
  const found = agree(answer, line, local);
  return typeof found === 'string' ? found : found.negotiated;
}

function agree(sdp: Sdp, line: MediaLine, local: LocalAudio): { negotiated: Negotiated; tag: string | null } | Refusal {
  if (line.kind !== 'audio' || line.port === 0) return 'no_audio';
  const isSecure = /^(?:UDP\/TLS\/)?RTP\/SAVPF?$/.test(line.protocol);
  if (line.protocol.startsWith('UDP/TLS')) return 'srtp_unsupported';
  if (!isSecure && !/^RTP\/AVPF?$/.test(line.protocol)) return 'no_audio';
  const crypto = cryptoOf(line);
  if (isSecure && (crypto === null || local.srtpKey === undefined)) return 'srtp_unsupported';
  if (!isSecure && local.requiresSrtp === true) return 'srtp_required';
  const codec = commonCodec(line, local.codecs);
  if (!codec) return 'no_common_codec';
  const wanted = directionOf(sdp, line);
  const remoteAllows = opposite(wanted);
  const isHeld = wanted === 'sendonly' || wanted === 'inactive';
  const hasAddress = line.address !== null && line.address !== '0.0.0.0' && line.address !== '::';
  return {
    tag: isSecure ? (crypto?.tag ?? null) : null,
    negotiated: {
      codec: codec.name,
      payloadType: codec.type,
      ptimeMs: ptimeOf(line, local.ptimeMs),
      telephoneEventType: payloadTypeOf(line, 'telephone-event'),
      comfortNoise: local.comfortNoise === true && payloadTypeOf(line, 'CN') !== null,
      remote: hasAddress ? { address: line.address ?? '', port: line.port } : null,
      direction: both(remoteAllows, local.direction),
      isHeld,
      ...(isSecure && crypto && local.srtpKey !== undefined ? { srtp: { local: local.srtpKey, remote: crypto.key } } : {}),
    },
  };
}

/** The peer's order of preference applies (RFC 3264, section 6.1). */
function commonCodec(line: MediaLine, ours: readonly Codec[]): { readonly name: Codec; readonly type: number } | null {
  for (const format of line.formats) {
    const type = Number(format);
    const name = ours.find((each) => encodingOf(line, format) === each.toLowerCase());
    if (name !== undefined && Number.isInteger(type) && type >= 0 && type < 128) return { name, type };
  }
  return null;
}

const staticNames: Readonly<Record<string, string>> = { 0: 'pcmu', 8: 'pcma', 13: 'cn' };
/** The name of a payload type at 8 kHz mono, lower-case; null for any other. */
function encodingOf(line: MediaLine, format: string): string | null {
  for (const [name, value] of line.attributes) {
    if (name !== 'rtpmap' || value === null) continue;
    const match = /^(\d{1,3})\s+([\w.-]{1,64})\/(\d{1,6})(?:\/(\d))?$/.exec(value);
    if (match?.[1] === format) return match[3] === '8000' && (match[4] ?? '1') === '1' ? (match[2] ?? '').toLowerCase() : null;
  }
  return staticNames[format] ?? null;
}
function payloadTypeOf(line: MediaLine, name: string): number | null {
  const format = line.formats.find((each) => encodingOf(line, each) === name.toLowerCase());
  return format === undefined ? null : Number(format);
}

/** The packet time that the peer requests, within 10 to 60 ms and its `maxptime`. */
function ptimeOf(line: MediaLine, fallbackMs: number): number {
  const most = Math.min(60, Number(attribute(line, 'maxptime') ?? 60) || 60);
  const asked = Number(attribute(line, 'ptime')) || fallbackMs;
  return Math.max(10, Math.floor(Math.min(asked, most) / 10) * 10);
}

function cryptoOf(line: MediaLine): { readonly tag: string; readonly key: string } | null {
  for (const [name, value] of line.attributes) {
    if (name !== 'crypto' || value === null) continue;
    const match = /^(\d{1,9})\s+(\S+)\s+inline:([A-Za-z\d+/=]+)/.exec(value);
    // 30 bytes of key and salt are 40 characters; a key with limits (MKI, lifetime) may follow.
    if (match?.[1] && match[2] === suite && match[3]?.length === 40) return { tag: match[1], key: match[3] };
  }
  return null;
}

function both(one: Direction, other: Direction): Direction {
  const sends = (direction: Direction): boolean => direction === 'sendrecv' || direction === 'sendonly';
  const receives = (direction: Direction): boolean => direction === 'sendrecv' || direction === 'recvonly';
  const isSending = sends(one) && sends(other);
  const isReceiving = receives(one) && receives(other);
  return isSending ? (isReceiving ? 'sendrecv' : 'sendonly') : isReceiving ? 'recvonly' : 'inactive';
}
