/**
 * The one place that reaches past the public API of the NATS client, because there it costs half of a call's time:
 * header blocks go out and come in as text instead of as a map, and subjects are read without a TextDecoder.
 * `nats-wire.test.ts` pins what is relied on; where a client differs, the public API is used instead.
 */
import { type Msg, type MsgHdrs, headers as newHeaders } from '@nats-io/transport-node';
import type { Arrived } from './transport.ts';

interface RawMsg {
  readonly _msg?: { readonly subject: Uint8Array; readonly reply?: Uint8Array; readonly hdr: number };
  readonly _rdata?: Uint8Array;
}
const asLatin1 = Buffer.prototype.latin1Slice as (this: Uint8Array, from: number, to: number) => string;

/** True when the client encodes its own headers by calling `encode()`, so that any object with that method will do. */
export const rawHeadersOut = typeof (newHeaders() as { encode?: unknown }).encode === 'function';
/** True when a message shows its bytes as the parser cut them. */
export function isRaw(message: Msg): boolean {
  const { _msg, _rdata } = message as unknown as RawMsg;
  return _rdata instanceof Uint8Array && _msg?.subject instanceof Uint8Array && typeof _msg.hdr === 'number';
}

/** Headers for `publish()` from a block of text in latin1. */
export function headersOut(block: Buffer): MsgHdrs {
  return rawHeadersOut ? ({ encode: () => block } as unknown as MsgHdrs) : publicHeaders(block.toString('latin1'));
}
export function publicHeaders(block: string): MsgHdrs {
  const headers = newHeaders();
  for (const line of block.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return headers;
}

export function arrived(message: Msg): Arrived {
  if (!isRaw(message)) return publicArrived(message);
  const { _msg: at, _rdata: bytes } = message as unknown as Required<RawMsg>;
  const { subject, reply, hdr } = at;
  return {
    subject: asLatin1.call(subject, 0, subject.length),
    reply: reply === undefined ? '' : asLatin1.call(reply, 0, reply.length),
    data: hdr > 0 ? bytes.subarray(hdr) : bytes,
    headers: hdr > 0 ? asLatin1.call(bytes, 0, hdr) : '',
  };
}
export function publicArrived(message: Msg): Arrived {
  const { headers } = message;
  return {
    subject: message.subject,
    reply: message.reply ?? '',
    data: message.data,
    headers: headers === undefined ? '' : blockOf(headers),
  };
}
function blockOf(headers: MsgHdrs): string {
  const lines = headers.keys().flatMap((name) => headers.values(name).map((value) => `${name}: ${value}\r\n`));
  return `NATS/1.0${headers.code === 0 ? '' : ` ${headers.code} ${headers.description}`}\r\n${lines.join('')}\r\n`;
}
