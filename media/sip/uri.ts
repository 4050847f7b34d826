/** SIP URIs and name-addresses (RFC 3261, section 25.1). */
import { isIPv4, isIPv6 } from 'node:net';

/** Names are lower-case; a parameter without a value is null. */
export type Params = ReadonlyMap<string, string | null>;

export interface SipUri {
  readonly scheme: 'sip' | 'sips' | 'tel';
  /** As written, with escapes; for `tel:` the number. */
  readonly user: string | null;
  /** Lower-case, an IPv6 address without brackets; empty for `tel:`. */
  readonly host: string;
  readonly port: number | null;
  readonly params: Params;
  /** The part after `?`, as written. */
  readonly headers: string;
}

export interface NameAddress {
  readonly display: string | null;
  /** As written; schemes other than SIP are allowed. */
  readonly uri: string;
  readonly params: Params;
}

/** Null for anything but a valid `sip:`, `sips:` or `tel:` URI. */
export function parseUri(text: string): SipUri | null {
  const colon = text.indexOf(':');
  const scheme = text.slice(0, colon).toLowerCase();
  if (colon < 0 || !/^[\x21-\x7e]*$/.test(text) || /[<>"\s]/.test(text)) return null;
  const rest = text.slice(colon + 1);
  if (scheme === 'tel') {
    const [number = '', ...params] = rest.split(';');
    if (!/^[+\d*#a-fA-F().-]+$/.test(number)) return null;
    return { scheme, user: number, host: '', port: null, params: paramsOf(params), headers: '' };
  }
  if (scheme !== 'sip' && scheme !== 'sips') return null;
  const at = rest.indexOf('@');
  const user = at < 0 ? null : rest.slice(0, at);
  if (user === '') return null;
  const address = rest.slice(at + 1);
  const question = address.indexOf('?');
  const [hostport = '', ...params] = (question < 0 ? address : address.slice(0, question)).split(';');
  const place = parseHostPort(hostport);
  if (!place) return null;
  return { scheme, user, ...place, params: paramsOf(params), headers: question < 0 ? '' : address.slice(question + 1) };
}

export function formatUri({ scheme, user, host, port, params, headers }: SipUri): string {
  if (scheme === 'tel') return `tel:${user}${formatParams(params)}`;
  return `${scheme}:${user === null ? '' : `${user}@`}${formatHostPort(host, port)}${formatParams(params)}${headers === '' ? '' : `?${headers}`}`;
}

/** `host`, `host:port`, `[IPv6]:port`; null when it is none of them. */
export function parseHostPort(text: string): { readonly host: string; readonly port: number | null } | null {
  const bracket = text.startsWith('[') ? text.indexOf(']') : -1;
  const colon = bracket >= 0 ? (text[bracket + 1] === ':' ? bracket + 1 : -1) : text.indexOf(':');
  if (bracket >= 0 && colon < 0 && bracket !== text.length - 1) return null;
  const host = (bracket >= 0 ? text.slice(1, bracket) : colon < 0 ? text : text.slice(0, colon)).toLowerCase();
  if (bracket >= 0 ? !isIPv6(host) : !isHostname(host)) return null;
  if (colon < 0) return { host, port: null };
  const port = text.slice(colon + 1);
  return /^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65_536 ? { host, port: Number(port) } : null;
}

export function formatHostPort(host: string, port: number | null): string {
  return `${host.includes(':') ? `[${host}]` : host}${port === null ? '' : `:${port}`}`;
}

function isHostname(host: string): boolean {
  return isIPv4(host) || (host.length <= 255 && /^[a-z\d_](?:[a-z\d_.-]*[a-z\d_.])?$/.test(host));
}

/** `"Name" <uri>;params`, or `uri;params`, whose parameters then belong to the header (RFC 3261, section 20). Null if it is neither. */
export function parseNameAddress(text: string): NameAddress | null {
  const trimmed = text.trim();
  let display: string | null = null;
  let rest = trimmed;
  if (trimmed.startsWith('"')) {
    const end = endOfQuoted(trimmed, 0);
    if (end < 0) return null;
    display = unquote(trimmed.slice(0, end));
    rest = trimmed.slice(end).trimStart();
    if (!rest.startsWith('<')) return null;
  }
  const open = rest.indexOf('<');
  if (open < 0) {
    const [uri = '', ...params] = splitOutside(rest, ';');
    // A comma, question mark or semicolon inside the URI needs angle brackets.
    return /^[a-zA-Z][\w+.-]*:[^\s<>",?]+$/.test(uri.trim()) ? { display, uri: uri.trim(), params: paramsOf(params) } : null;
  }
  const close = rest.indexOf('>', open);
  if (close < 0) return null;
  if (display === null && open > 0) display = rest.slice(0, open).trim();
  if (display !== null && !trimmed.startsWith('"') && /[<>"@:;,\\]/.test(display)) return null;
  const uri = rest.slice(open + 1, close).trim();
  const after = rest.slice(close + 1).trim();
  if (!/^[a-zA-Z][\w+.-]*:[^\s<>]+$/.test(uri) || (after !== '' && !after.startsWith(';'))) return null;
  return { display: display === '' ? null : display, uri, params: paramsOf(splitOutside(after, ';').slice(1)) };
}

export function formatNameAddress({ display, uri, params }: { display?: string | null; uri: string; params?: Params }): string {
  const name = display === null || display === undefined ? '' : `"${display.replace(/[\r\n]/g, ' ').replace(/["\\]/g, '\\$&')}" `;
  return `${name}<${uri}>${formatParams(params ?? new Map())}`;
}

/** Parameters from the split parts of `name=value;name`. A repeated name keeps its first value. */
export function paramsOf(parts: readonly string[]): Params {
  const params = new Map<string, string | null>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (name === '' || params.has(name)) continue;
    params.set(name, equals < 0 ? null : unquote(part.slice(equals + 1).trim()));
  }
  return params;
}

/** Writes parameters with a `;` before each. Quotes values that are not tokens, except addresses and the like, which SIP writes bare. */
export function formatParams(params: Params): string {
  return [...params]
    .map(([name, value]) => {
      if (value === null) return `;${name}`;
      return /^[\w!%'*+.~`$&/:()[\]-]+$/.test(value) ? `;${name}=${value}` : `;${name}="${value.replace(/["\\]/g, '\\$&')}"`;
    })
    .join('');
}

/** Splits at a character outside quotes and angle brackets. */
export function splitOutside(text: string, separator: ',' | ';'): string[] {
  if (!text.includes(separator)) return [text];
  const parts: string[] = [];
  let from = 0;
  let isQuoted = false;
  let isBracketed = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (isQuoted) {
      if (char === '\\') at += 1;
      else if (char === '"') isQuoted = false;
    } else if (char === '"') isQuoted = true;
    else if (char === '<') isBracketed = true;
    else if (char === '>') isBracketed = false;
    else if (char === separator && !isBracketed) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

/** The index after the closing quote, or -1. */
function endOfQuoted(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at + 1;
  }
  return -1;
}

export function unquote(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}
