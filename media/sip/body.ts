/** The parts of a message's body that the user agent understands. */
import { contentType, header, type SipMessage } from './message.ts';

/** The session description, also as one part of `multipart/mixed` (RFC 5621); null without one. */
export function sdpOf(message: SipMessage): string | null {
  if (message.body.length === 0) return null;
  const text = Buffer.from(message.body).toString('utf8');
  const type = contentType(message);
  if (type === 'application/sdp') return text;
  if (!type.startsWith('multipart/')) return null;
  const boundary = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(header(message, 'Content-Type') ?? '');
  const mark = boundary?.[1] ?? boundary?.[2];
  if (mark === undefined) return null;
  for (const part of text.split(`--${mark}`).slice(1, 17)) {
    const end = /\r?\n\r?\n/.exec(part);
    if (end && /^content-type\s*:\s*application\/sdp\b/im.test(part.slice(0, end.index))) return part.slice(end.index + end[0].length);
  }
  return null;
}

/** Whether the body is of a kind that an INVITE or UPDATE may have: none, SDP, or several parts. */
export function isReadable(message: SipMessage): boolean {
  const encoding = header(message, 'Content-Encoding');
  if (encoding !== null && encoding !== '' && encoding.toLowerCase() !== 'identity') return false;
  return message.body.length === 0 || contentType(message) === 'application/sdp' || contentType(message).startsWith('multipart/');
}

/** The digit of an INFO and its duration; null for any other body. */
export function dtmfOf(message: SipMessage): { readonly digit: string; readonly durationMs: number } | null {
  const text = Buffer.from(message.body).toString('latin1');
  const defaultMs = 160;
  if (contentType(message) === 'application/dtmf') {
    const digit = /^\s*([\d*#A-D])\s*$/i.exec(text)?.[1] ?? /^\s*signal\s*=\s*([\d*#A-D])/im.exec(text)?.[1];
    return digit === undefined ? null : { digit: digit.toUpperCase(), durationMs: defaultMs };
  }
  if (contentType(message) !== 'application/dtmf-relay') return null;
  const signal = /^\s*signal\s*=\s*([\d*#A-D]{1,2})\s*$/im.exec(text)?.[1];
  // Some peers send the event number: 10 is the star, 11 the hash.
  const digit = signal === '10' ? '*' : signal === '11' ? '#' : signal;
  if (digit?.length !== 1) return null;
  const durationMs = Number(/^\s*duration\s*=\s*(\d{1,5})/im.exec(text)?.[1] ?? defaultMs);
  return { digit: digit.toUpperCase(), durationMs };
}

/** The status in a NOTIFY's `message/sipfrag`, or null. */
export function fragmentStatus(message: SipMessage): number | null {
  const match = /^SIP\/2\.0 ([1-6]\d\d)\b/.exec(Buffer.from(message.body).toString('latin1'));
  return match ? Number(match[1]) : null;
}
