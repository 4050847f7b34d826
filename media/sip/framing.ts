/** Cuts a stream of bytes into SIP messages by their Content-Length (RFC 3261, section 18.3). */
import { headEnd, mostBodyBytes, mostHeadBytes } from './message.ts';

export interface Framer {
  /**
   * Adds bytes; returns the messages they complete and the number of keep-alives (RFC 5626, section 3.5.1) between them. Once `broken` is
   * not null the stream is unreadable.
   */
  push(chunk: Uint8Array): { readonly messages: readonly Uint8Array[]; readonly pings: number; readonly broken: string | null };
  /** Bytes of an incomplete message. */
  pending(): number;
}

export function createFramer(): Framer {
  let buffer = Buffer.alloc(0);
  /** Length of the message at the start of the buffer, once its headers are complete. */
  let total: number | null = null;
  /** Line ends since the last message. */
  let lineEnds = 0;
  /** There is no end of headers before this position. */
  let searched = 0;

  return {
    push(chunk) {
      buffer = buffer.length === 0 ? Buffer.from(chunk) : Buffer.concat([buffer, chunk]);
      const messages: Uint8Array[] = [];
      let pings = 0;
      for (;;) {
        if (total === null) {
          const skipped = skipLineEnds(buffer);
          if (skipped.bytes > 0) buffer = buffer.subarray(skipped.bytes);
          pings += Math.floor(((lineEnds % 2) + skipped.ends) / 2);
          lineEnds += skipped.ends;
          if (buffer.length === 0 || (buffer.length === 1 && buffer[0] === 13)) break;
          const head = headEnd(buffer, Math.max(0, searched - 3));
          if ((head?.end ?? buffer.length) > mostHeadBytes) return { messages, pings, broken: 'headers too long' };
          if (head === null) {
            searched = buffer.length;
            break;
          }
          const length = lengthIn(buffer.toString('latin1', 0, head.end));
          if (length === null) return { messages, pings, broken: 'no Content-Length' };
          if (length > mostBodyBytes) return { messages, pings, broken: 'body too long' };
          total = head.next + length;
        }
        if (buffer.length < total) break;
        messages.push(buffer.subarray(0, total));
        buffer = buffer.subarray(total);
        total = null;
        searched = 0;
        lineEnds = 0;
      }
      return { messages, pings, broken: null };
    },
    pending: () => buffer.length,
  };
}

/** Line ends before a message; two of them in a row are a ping. A lone carriage return at the end may be half of one. */
function skipLineEnds(buffer: Buffer): { readonly bytes: number; readonly ends: number } {
  let bytes = 0;
  let ends = 0;
  while (bytes < buffer.length) {
    if (buffer[bytes] === 10) bytes += 1;
    else if (buffer[bytes] === 13 && buffer[bytes + 1] === 10) bytes += 2;
    else break;
    ends += 1;
  }
  return { bytes, ends };
}

function lengthIn(head: string): number | null {
  const found = /(?:\r?\n)(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*(?=\r?\n|$)/i.exec(head);
  return found ? Number(found[1]) : null;
}
