/** SIP messages on the wire (RFC 3261, section 7): their only parser and serialiser. */
import {
  formatHostPort,
  formatParams,
  type NameAddress,
  type Params,
  paramsOf,
  parseHostPort,
  parseNameAddress,
  splitOutside,
} from './uri.ts';

/** The name in its usual spelling: `Call-ID`, never `i` or `call-id`. */
export type Header = readonly [name: string, value: string];

interface Content {
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
}
export interface SipRequest extends Content {
  readonly kind: 'request';
  readonly method: string;
  readonly uri: string;
}
export interface SipResponse extends Content {
  readonly kind: 'response';
  readonly status: number;
  readonly reason: string;
}
export type SipMessage = SipRequest | SipResponse;

export interface Via {
  /** Upper-case: UDP, TCP, TLS. */
  readonly protocol: string;
  readonly host: string;
  readonly port: number | null;
  readonly params: Params;
}

/** `message` of a malformed one is its readable part: a request with the headers needed for a response, or null. */
export type ParseResult =
  | { readonly message: SipMessage; readonly malformed: null }
  | { readonly message: SipRequest | null; readonly malformed: { readonly status: number; readonly why: string } };

export const mostHeadBytes = 32 * 1024;
export const mostBodyBytes = 64 * 1024;
const mostHeaders = 256;
const noBody = new Uint8Array(0);
const token = /^[\w!%'*+.~`-]+$/;

const compact: Readonly<Record<string, string>> = {
  a: 'Accept-Contact',
  b: 'Referred-By',
  c: 'Content-Type',
  d: 'Request-Disposition',
  e: 'Content-Encoding',
  f: 'From',
  i: 'Call-ID',
  j: 'Reject-Contact',
  k: 'Supported',
  l: 'Content-Length',
  m: 'Contact',
  n: 'Identity-Info',
  o: 'Event',
  r: 'Refer-To',
  s: 'Subject',
  t: 'To',
  u: 'Allow-Events',
  v: 'Via',
  x: 'Session-Expires',
  y: 'Identity',
};
/** Spellings other than a capital after each hyphen. */
const spelled = new Map(
  ['Call-ID', 'CSeq', 'MIME-Version', 'Min-SE', 'RAck', 'RSeq', 'SIP-ETag', 'SIP-If-Match', 'WWW-Authenticate'].map((name) => [
    name.toLowerCase(),
    name,
  ]),
);
const spelling = new Map<string, string>();

/** The usual spelling of a header's name, from any spelling or its compact form. */
export function headerName(name: string): string {
  const known = spelling.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const usual = compact[lower] ?? spelled.get(lower) ?? lower.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
  if (spelling.size < 500) spelling.set(name, usual);
  return usual;
}

/** Headers that every message has exactly once. */
const needed = ['From', 'To', 'Call-ID', 'CSeq'] as const;
const once = new Set<string>([...needed, 'Max-Forwards', 'Content-Type']);

/**
 * Parses one complete message: a datagram, or a message framed from a stream. A body longer than Content-Length is cut; a shorter one is
 * malformed (RFC 3261, section 18.3).
 */
export function parseMessage(bytes: Uint8Array): ParseResult {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = leadingLineEnds(buffer);
  const head = headEnd(buffer, start);
  if (head === null || head.end - start > mostHeadBytes) return broken(null, head === null ? 'no end of the headers' : 'headers too long');
  const lines = buffer.toString('utf8', start, head.end).split(/\r?\n/);
  const headers = readHeaders(lines);
  if (typeof headers === 'string') return broken(null, headers);
  const firstLine = readFirstLine(lines[0] ?? '');
  if (typeof firstLine === 'string') return broken(null, firstLine);
  const rest = buffer.subarray(head.next);
  const lengths = headers.filter(([name]) => name === 'Content-Length').map(([, value]) => value);
  const length = lengths[0] === undefined ? rest.length : Number(lengths[0]);
  const body = rest.length === 0 ? noBody : rest.subarray(0, Number.isFinite(length) ? length : 0);
  const message: SipMessage = { ...firstLine.line, headers, body };
  const request = message.kind === 'request' ? message : null;
  if (firstLine.version !== 'SIP/2.0') return broken(request, `version ${firstLine.version.slice(0, 20)}`, 505);
  if (lengths.some((each) => !/^\d{1,9}$/.test(each) || each !== lengths[0])) return broken(request, 'Content-Length');
  if (length > rest.length) return broken(request, 'body shorter than Content-Length');
  if (length > mostBodyBytes) return broken(request, 'body too long', 413);
  const fault = faultOf(message);
  return fault === null ? { message, malformed: null } : broken(request, fault);
}

function broken(message: SipRequest | null, why: string, status = 400): ParseResult {
  return { message: message !== null && canBeAnswered(message) ? message : null, malformed: { status, why } };
}
/** Whether a response can be routed back. */
function canBeAnswered(message: SipRequest): boolean {
  return message.method !== 'ACK' && topVia(message) !== null && needed.every((name) => header(message, name) !== null);
}

function leadingLineEnds(buffer: Buffer): number {
  let at = 0;
  while (buffer[at] === 13 || buffer[at] === 10) at += 1;
  return at;
}

/** Where the headers end and where the part after the empty line begins; some peers write bare line feeds. */
export function headEnd(buffer: Buffer, start = 0): { readonly end: number; readonly next: number } | null {
  const usual = buffer.indexOf('\r\n\r\n', start, 'latin1');
  const bare = buffer.indexOf('\n\n', start, 'latin1');
  if (usual < 0 && bare < 0) return null;
  return usual >= 0 && (bare < 0 || usual < bare) ? { end: usual, next: usual + 4 } : { end: bare, next: bare + 2 };
}

/** Parses all lines but the first; folded lines are joined with one space. Returns a string if one is malformed. */
function readHeaders(lines: readonly string[]): Header[] | string {
  if (lines.length > mostHeaders) return 'too many headers';
  const headers: [string, string][] = [];
  for (const line of lines.slice(1)) {
    const last = headers.at(-1);
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (!last) return 'a folded line without a header';
      last[1] = `${last[1]} ${line.trim()}`.trim();
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).trimEnd();
    if (!token.test(name)) return 'a line that is no header';
    headers.push([headerName(name), line.slice(colon + 1).trim()]);
  }
  return headers;
}

type FirstLine = Omit<SipRequest, keyof Content> | Omit<SipResponse, keyof Content>;

function readFirstLine(line: string): { readonly line: FirstLine; readonly version: string } | string {
  if (/^SIP\/\d/i.test(line)) {
    const [version = '', status = ''] = line.split(' ', 2);
    const code = /^[1-6]\d\d$/.test(status) ? Number(status) : 0;
    if (code === 0) return 'status line';
    return { line: { kind: 'response', status: code, reason: line.slice(version.length + 5) }, version: version.toUpperCase() };
  }
  const parts = line.split(' ');
  const [method = '', uri = '', version = ''] = parts;
  if (parts.length !== 3 || !token.test(method) || !/^SIP\/\d+\.\d+$/i.test(version)) return 'request line';
  if (!/^[a-zA-Z][\w+.-]*:[^\s<>"]+$/.test(uri)) return 'Request-URI';
  return { line: { kind: 'request', method, uri }, version: version.toUpperCase() };
}

function faultOf(message: SipMessage): string | null {
  const counted = new Map<string, number>();
  for (const [name] of message.headers) if (once.has(name)) counted.set(name, (counted.get(name) ?? 0) + 1);
  for (const [name, count] of counted) if (count > 1) return `${name} repeated`;
  for (const name of needed) if (!header(message, name)) return `${name} missing`;
  const vias = values(message, 'Via');
  if (vias.length === 0) return 'Via missing';
  if (vias.some((value) => parseVia(value) === null)) return 'Via';
  for (const name of ['From', 'To'] as const) if (parseNameAddress(header(message, name) ?? '') === null) return name;
  const sequence = cseq(message);
  if (sequence === null) return 'CSeq';
  if (message.kind === 'request' && sequence.method !== message.method) return 'CSeq of another method';
  const forwards = header(message, 'Max-Forwards');
  if (forwards !== null && !(/^\d{1,3}$/.test(forwards) && Number(forwards) < 256)) return 'Max-Forwards';
  for (const value of values(message, 'Contact')) if (value !== '*' && parseNameAddress(value) === null) return 'Contact';
  for (const name of ['Route', 'Record-Route'] as const)
    if (values(message, name).some((value) => parseNameAddress(value) === null)) return name;
  return null;
}

/** Serialises a message. Content-Length is that of the body, regardless of the headers. */
export function serialise(message: SipMessage): Buffer {
  const first =
    message.kind === 'request' ? `${message.method} ${message.uri} SIP/2.0` : `SIP/2.0 ${message.status} ${oneLine(message.reason)}`;
  let head = `${first}\r\n`;
  for (const [name, value] of message.headers) if (name !== 'Content-Length') head += `${name}: ${oneLine(value)}\r\n`;
  head += `Content-Length: ${message.body.length}\r\n\r\n`;
  return message.body.length === 0 ? Buffer.from(head) : Buffer.concat([Buffer.from(head), message.body]);
}
/** Prevents header injection: no value may begin another header. */
function oneLine(value: string): string {
  return /[\r\n\0]/.test(value) ? value.replace(/[\r\n\0]+/g, ' ') : value;
}

/** The first header of that name. */
export function header(message: Content, name: string): string | null {
  for (const each of message.headers) if (each[0] === name) return each[1];
  return null;
}

/** All values of a list header in order, on one line or several. */
export function values(message: Content, name: string): string[] {
  const found: string[] = [];
  for (const [each, value] of message.headers)
    if (each === name)
      for (const part of splitOutside(value, ',')) {
        const trimmed = part.trim();
        if (trimmed !== '') found.push(trimmed);
      }
  return found;
}

/** Whether a list of tokens, such as Supported, has `value`; case does not count. */
export function lists(message: Content, name: string, value: string): boolean {
  return values(message, name).some((each) => each.toLowerCase() === value.toLowerCase());
}

/** Replaces the first header of that name, or adds it. */
export function withHeader<M extends SipMessage>(message: M, name: string, value: string): M {
  const at = message.headers.findIndex(([each]) => each === name);
  return { ...message, headers: at < 0 ? [...message.headers, [name, value]] : message.headers.with(at, [name, value]) };
}

export function parseVia(value: string): Via | null {
  const [sent = '', ...params] = splitOutside(value, ';');
  const match = /^SIP\s*\/\s*2\.0\s*\/\s*([\w-]+)\s+(\S.*)$/i.exec(sent.trim());
  const place = parseHostPort(match?.[2]?.replace(/\s*:\s*/, ':').trim() ?? '');
  if (!match?.[1] || !place) return null;
  return { protocol: match[1].toUpperCase(), ...place, params: paramsOf(params) };
}
export function formatVia({ protocol, host, port, params }: Via): string {
  return `SIP/2.0/${protocol} ${formatHostPort(host, port)}${formatParams(params)}`;
}
export function topVia(message: Content): Via | null {
  const [value] = values(message, 'Via');
  return value === undefined ? null : parseVia(value);
}

export function cseq(message: Content): { readonly number: number; readonly method: string } | null {
  const match = /^(\d{1,10})\s+(\S+)$/.exec(header(message, 'CSeq') ?? '');
  const number = Number(match?.[1]);
  return match?.[2] && number < 2 ** 31 && token.test(match[2]) ? { number, method: match[2] } : null;
}
/** From or To of a parsed message. @throws if the header is missing or is not an address */
export function address(message: Content, name: 'From' | 'To'): NameAddress {
  const found = parseNameAddress(header(message, name) ?? '');
  if (!found) throw new TypeError(`a message without ${name}`);
  return found;
}
export function tag(message: Content, name: 'From' | 'To'): string | null {
  return address(message, name).params.get('tag') ?? null;
}
export function callId(message: Content): string {
  return header(message, 'Call-ID') ?? '';
}
/** The first Contact's URI. */
export function contactUri(message: Content): string | null {
  const [value] = values(message, 'Contact');
  return value === undefined || value === '*' ? null : (parseNameAddress(value)?.uri ?? null);
}
/** A numeric header such as Expires or RSeq; null if it is missing or not a number. Parameters after it are ignored. */
export function numberOf(message: Content, name: string): number | null {
  const match = /^(\d{1,10})\s*(?:[;(\s].*)?$/.exec(header(message, name) ?? '');
  return match ? Math.min(Number(match[1]), 2 ** 32 - 1) : null;
}

/** The media type of the body, lower-case, without parameters. */
export function contentType(message: Content): string {
  return (header(message, 'Content-Type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** A response to a request, with the headers it must copy (RFC 3261, section 8.2.6). Adds `toTag` if there is none. */
export function responseTo(
  request: SipRequest,
  status: number,
  { reason, toTag, headers = [], body }: { reason?: string; toTag?: string | null; headers?: readonly Header[]; body?: Uint8Array } = {},
): SipResponse {
  const copied = request.headers.filter(([name]) => name === 'Via' || name === 'From' || name === 'Call-ID' || name === 'CSeq');
  const to = header(request, 'To') ?? '';
  const hasTag = parseNameAddress(to)?.params.has('tag') ?? false;
  const tagged = hasTag || !toTag ? to : `${to};tag=${toTag}`;
  return {
    kind: 'response',
    status,
    reason: reason ?? reasonPhrase(status),
    headers: [...copied, ['To', tagged], ...headers],
    body: body ?? noBody,
  };
}

const phrases: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  181: 'Call Is Being Forwarded',
  182: 'Queued',
  183: 'Session Progress',
  200: 'OK',
  202: 'Accepted',
  302: 'Moved Temporarily',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  422: 'Session Interval Too Small',
  423: 'Interval Too Brief',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  489: 'Bad Event',
  491: 'Request Pending',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  505: 'Version Not Supported',
  600: 'Busy Everywhere',
  603: 'Decline',
};
export function reasonPhrase(status: number): string {
  return phrases[status] ?? (status < 200 ? 'Progress' : status < 300 ? 'OK' : 'Failure');
}
