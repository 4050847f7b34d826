/**
 * Frames between the two ends of a stream. An item is the bare body, and its format is the last letter of the subject (`7b` bytes,
 * `7j` JSON, `7m` msgpack), so that audio has no overhead. Other frames are one header.
 */
import { fromProblem, type PolybError, toProblem } from '../../contracts/kit/errors.ts';
import type { Arrived } from '../transports/transport.ts';
import { decode, encode } from './codec.ts';
import { headerBlock, readHead } from './headers.ts';

export type Frame =
  | { readonly kind: 'item'; readonly value: unknown }
  | { readonly kind: 'credit'; readonly items: number }
  /** The end of the items; `items` is their number, so that the receiver notices a loss. */
  | { readonly kind: 'end'; readonly items: number }
  | { readonly kind: 'error'; readonly error: PolybError }
  /** The caller ended the stream. */
  | { readonly kind: 'cancel' }
  | { readonly kind: 'ping' };

export interface Packed {
  readonly subject: string;
  readonly body: string | Uint8Array;
  readonly headers: string;
}

/** @throws TypeError for an item that cannot be encoded. */
export function pack(frame: Frame, subject: string): Packed {
  switch (frame.kind) {
    case 'item': {
      const { value } = frame;
      if (value instanceof Uint8Array) return { subject: `${subject}b`, body: value, headers: '' };
      return holdsBytes(value)
        ? { subject: `${subject}m`, body: encode('msgpack', value, true), headers: '' }
        : { subject: `${subject}j`, body: encode('json', value, false), headers: '' };
    }
    case 'error':
      return control(subject, 'error', JSON.stringify(toProblem(frame.error)));
    case 'credit':
    case 'end':
      return control(subject, `${frame.kind} ${frame.items}`);
    case 'cancel':
    case 'ping':
      return control(subject, frame.kind);
  }
}
function control(subject: string, frame: string, body = ''): Packed {
  return { subject: `${subject}c`, body, headers: headerBlock({ 'polyb-frame': frame }) };
}
function holdsBytes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return value instanceof Uint8Array || Object.values(value).some(holdsBytes);
}

/** @throws PolybError invalid_argument for what is not a frame. */
export function unpack({ subject, data, headers }: Arrived): Frame {
  switch (subject.at(-1)) {
    case 'b':
      return { kind: 'item', value: Uint8Array.from(data) };
    case 'm':
      return { kind: 'item', value: decode('msgpack', data) };
    case 'j':
      return { kind: 'item', value: decode('json', data) };
    default:
  }
  const [kind, items = '0'] = readHead(headers).frame.split(' ');
  switch (kind) {
    case 'credit':
    case 'end':
      return { kind, items: Number(items) };
    case 'error':
      return { kind, error: fromProblem(decode('json', data)) };
    case 'cancel':
      return { kind };
    default:
      return { kind: 'ping' };
  }
}
