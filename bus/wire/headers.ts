/** NATS headers as text: written from a template, read in one pass. Names are written in lower case and read in any case. */

/** The headers that PolyB reads. Absent: '' or 0. */
export interface Head {
  /** The status line of the NATS server: 503 without a responder. */
  status: number;
  traceparent: string;
  timeoutMs: number;
  /** Unix ms. */
  sentAt: number;
  key: string;
  /** The key header is present, even if it is empty. */
  hasKey: boolean;
  contentType: string;
  /** The reply is the stored one of an earlier call under the same key. */
  replayed: boolean;
  /** The code of an error reply; errors of other NATS services have only `errorCode`. */
  code: string;
  errorCode: number;
  /** Where the other end of a stream listens. */
  stream: string;
  /** A control frame of a stream, `credit 32`. */
  frame: string;
  /** The run's step that makes a keyed call, for the journal. */
  step: string;
}

export const msgpackType = 'application/msgpack';
const start = 'NATS/1.0\r\n';
/** Line ends, non-ASCII characters, the percent sign, and a space at either end, which a reader takes for padding. */
const unsafe = /[^\x20-\x24\x26-\x7e]|^ | $/;

export function requestHead(traceparent: string, timeoutMs: number, sentAt: number, key: string, extra: string): string {
  const always = `${start}traceparent: ${traceparent}\r\npolyb-timeout-ms: ${timeoutMs}\r\npolyb-sent-at: ${sentAt}\r\n`;
  return key === '' ? `${always}${extra}\r\n` : `${always}idempotency-key: ${headerValue(key)}\r\n${extra}\r\n`;
}
/** A block of the given fields; '' when there are none. */
export function headerBlock(fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name.toLowerCase()}: ${headerValue(value)}\r\n`);
  return lines.length === 0 ? '' : `${start}${lines.join('')}\r\n`;
}
/** Percent-encodes the characters that a header cannot carry, among them line ends. */
export function headerValue(text: string): string {
  return unsafe.test(text) ? encodeURIComponent(text.toWellFormed()) : text;
}
function plainValue(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // a key written by hand may hold a bare percent sign
  }
}

/** Reads the known headers and ignores the others; never throws. */
export function readHead(block: string): Head {
  const head: Head = {
    status: 0,
    traceparent: '',
    timeoutMs: 0,
    sentAt: 0,
    key: '',
    hasKey: false,
    contentType: '',
    replayed: false,
    code: '',
    errorCode: 0,
    stream: '',
    frame: '',
    step: '',
  };
  let end = block.indexOf('\r\n');
  if (end > 8) head.status = digits(block, 9, end);
  for (let from = end + 2; end >= 0 && from < block.length; from = end + 2) {
    end = block.indexOf('\r\n', from);
    if (end < 0) end = block.length; // a block written by hand may lack its last line ends
    if (end <= from) break;
    const colon = block.indexOf(':', from);
    if (colon < 0 || colon > end) continue;
    let value = colon + 1;
    while (block.charCodeAt(value) === 32) value += 1;
    // The length of a name selects the candidates, so that most names are compared once.
    switch (colon - from) {
      case 11:
        if (named(block, from, 'traceparent')) head.traceparent = block.slice(value, end);
        else if (named(block, from, 'polyb-frame')) head.frame = block.slice(value, end);
        break;
      case 16:
        if (named(block, from, 'polyb-timeout-ms')) head.timeoutMs = digits(block, value, end);
        break;
      case 13:
        if (named(block, from, 'polyb-sent-at')) head.sentAt = digits(block, value, end);
        break;
      case 15:
        if (named(block, from, 'idempotency-key')) {
          head.key = plainValue(block.slice(Math.min(value, end), end));
          head.hasKey = true;
        }
        break;
      case 12:
        if (named(block, from, 'content-type')) head.contentType = block.slice(value, end).toLowerCase();
        else if (named(block, from, 'polyb-stream')) head.stream = block.slice(value, end);
        break;
      case 10:
        if (named(block, from, 'polyb-code')) head.code = block.slice(value, end);
        else if (named(block, from, 'polyb-step')) head.step = plainValue(block.slice(value, end));
        break;
      case 20:
        if (named(block, from, 'idempotency-replayed')) head.replayed = block.slice(value, end) === 'true';
        break;
      case 23:
        if (named(block, from, 'nats-service-error-code')) head.errorCode = digits(block, value, end);
        break;
    }
  }
  return head;
}
function named(block: string, from: number, name: string): boolean {
  return block.startsWith(name, from) || block.slice(from, from + name.length).toLowerCase() === name;
}
/** A whole number of at most 15 digits; anything else is 0. */
function digits(block: string, from: number, end: number): number {
  let number = 0;
  for (let at = from; at < end; at += 1) {
    const digit = block.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return at > from && block.charCodeAt(at) === 32 ? number : 0;
    number = number * 10 + digit;
  }
  return end - from > 15 ? 0 : number;
}
