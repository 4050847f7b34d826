/** Parser and writer of session descriptions (RFC 8866). For their negotiation see offer-answer.ts. */
import { isIPv4, isIPv6 } from 'node:net';

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
/** `a=name:value`, or `a=name` with null. */
export type Attribute = readonly [name: string, value: string | null];

export interface MediaLine {
  /** `audio`, `video`, … */
  readonly kind: string;
  /** 0 refuses or removes the stream. */
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly string[];
  /** The address of this line, else that of the session. */
  readonly address: string | null;
  readonly attributes: readonly Attribute[];
}
export interface Sdp {
  readonly origin: string;
  readonly address: string | null;
  readonly attributes: readonly Attribute[];
  readonly media: readonly MediaLine[];
}

const mostLines = 1_000;
const mostMediaLines = 32;

/** Null if the text is not a session description; lines irrelevant to media are skipped. */
export function parseSdp(text: string): Sdp | null {
  const lines = text.split(/\r?\n/, mostLines);
  if (!lines[0]?.startsWith('v=0')) return null;
  let origin = '';
  let address: string | null = null;
  const attributes: Attribute[] = [];
  const media: { -readonly [field in keyof MediaLine]: field extends 'attributes' ? Attribute[] : MediaLine[field] }[] = [];
  for (const line of lines) {
    const value = line.slice(2).trim();
    const current = media.at(-1);
    switch (line.slice(0, 2)) {
      case 'o=':
        origin = value;
        break;
      case 'c=': {
        const found = connectionAddress(value);
        if (found === null) return null;
        if (current) current.address = found;
        else address = found;
        break;
      }
      case 'm=': {
        const [kind = '', ports = '', protocol = '', ...formats] = value.split(/\s+/);
        const port = /^(\d{1,5})(?:\/\d+)?$/.exec(ports)?.[1];
        if (kind === '' || protocol === '' || port === undefined || Number(port) > 65_535 || media.length >= mostMediaLines) return null;
        media.push({ kind: kind.toLowerCase(), port: Number(port), protocol, formats, address: null, attributes: [] });
        break;
      }
      case 'a=': {
        const colon = value.indexOf(':');
        const attribute: Attribute = colon < 0 ? [value, null] : [value.slice(0, colon), value.slice(colon + 1).trim()];
        (current?.attributes ?? attributes).push(attribute);
        break;
      }
    }
  }
  return { origin, address, attributes, media: media.map((line) => ({ ...line, address: line.address ?? address })) };
}

/** `IN IP4 192.0.2.1`, a multicast lifetime cut off. A host name is allowed (RFC 8866, section 5.7). */
function connectionAddress(value: string): string | null {
  const [network, family, written = ''] = value.split(/\s+/);
  const address = written.split('/', 1)[0] ?? '';
  if (network !== 'IN') return null;
  const isName = /^[\w.-]{1,255}$/.test(address) && !/^[\d.]+$/.test(address);
  if (family === 'IP4') return isIPv4(address) || isName ? address : null;
  return family === 'IP6' && (isIPv6(address) || isName) ? address : null;
}

export interface SdpOrigin {
  /** A whole number, constant within a session. */
  readonly sessionId: string;
  /** Incremented with each change (RFC 3264, section 8). */
  readonly version: number;
  readonly address: string;
}

/** `media` are whole lines, `m=` first. */
export function formatSdp({ sessionId, version, address }: SdpOrigin, media: readonly string[]): string {
  const connection = `IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`;
  return ['v=0', `o=- ${sessionId} ${version} ${connection}`, 's=-', `c=${connection}`, 't=0 0', ...media, ''].join('\r\n');
}

/** The first attribute of that name: its value, '' when it has none, or null. */
export function attribute(line: { readonly attributes: readonly Attribute[] }, name: string): string | null {
  const found = line.attributes.find(([each]) => each === name);
  return found ? (found[1] ?? '') : null;
}

const directions: ReadonlySet<string> = new Set<Direction>(['sendrecv', 'sendonly', 'recvonly', 'inactive']);
const isDirection = (name: string): name is Direction => directions.has(name);

/** The direction requested by the sender of the description; an address of zeros is the older way to hold (RFC 3264, section 8.4). */
export function directionOf(sdp: Sdp, line: MediaLine): Direction {
  const named = [...line.attributes, ...sdp.attributes].map(([name]) => name).find(isDirection) ?? 'sendrecv';
  if (line.address !== '0.0.0.0' && line.address !== '::') return named;
  return named === 'recvonly' || named === 'inactive' ? 'inactive' : 'sendonly';
}

/** The direction as seen from the other side. */
export function opposite(direction: Direction): Direction {
  return direction === 'sendonly' ? 'recvonly' : direction === 'recvonly' ? 'sendonly' : direction;
}
