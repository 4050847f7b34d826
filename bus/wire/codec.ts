import { isUtf8 } from 'node:buffer';
import { createRequire } from 'node:module';
import { PolybError } from '../../contracts/kit/errors.ts';

/** JSON by default, so that calls can be made by hand; msgpack where the schema has bytes. */
export type Format = 'json' | 'msgpack';

const maxBytes = 1_048_576;
const maxDepth = 16;
const maxNodes = 10_000;

const asText = Buffer.prototype.utf8Slice as (this: Uint8Array, from: number, to: number) => string;
const require = createRequire(import.meta.url);
interface Msgpack {
  pack(value: unknown): Buffer;
  unpack(bytes: Uint8Array): unknown;
}
let loaded: Msgpack | undefined;

/** Loaded on first use: most processes never handle bytes. */
function msgpack(): Msgpack {
  if (loaded !== undefined) return loaded;
  const { Packr, addExtension } = require('msgpackr') as typeof import('msgpackr');
  // Extension types would become Date, Set, RegExp, Error and bigint; only plain values are accepted.
  for (const type of [0, 0x42, 0x62, 0x65, 0x69, 0x70, 0x73, 0x74, 0x78, 0xff])
    addExtension({
      type,
      unpack: () => {
        throw new TypeError('an extension type');
      },
    } as unknown as Parameters<typeof addExtension>[0]);
  loaded = new Packr({ useRecords: false, int64AsType: 'number' } as ConstructorParameters<typeof Packr>[0]) as Msgpack;
  return loaded;
}

/** The body of `value`. `bytes`: it may hold Uint8Array, which is base64 in JSON.
 *  @throws TypeError for what has no plain form (a cycle, a bigint). */
export function encode(format: Format, value: unknown, bytes: boolean): string | Uint8Array {
  if (format === 'msgpack') return msgpack().pack(plainCopy(value));
  const text = bytes ? JSON.stringify(value, base64) : JSON.stringify(value);
  if (text === undefined) throw new TypeError('A value that cannot be encoded as JSON.');
  return text;
}
function base64(this: Record<string, unknown>, name: string, value: unknown): unknown {
  const given = this[name]; // `value` is the result of a Buffer's toJSON
  return given instanceof Uint8Array ? Buffer.from(given.buffer, given.byteOffset, given.byteLength).toString('base64') : value;
}

/** @throws PolybError invalid_argument for a body that is malformed, too large, too deep, or not plain. */
export function decode(format: Format, data: Uint8Array): unknown {
  if (data.length > maxBytes)
    throw new PolybError('invalid_argument', 'The body is larger than 1 MB; send a BlobRef.', { reason: 'payload_too_large' });
  if (format === 'json' && !isUtf8(data)) throw new PolybError('invalid_argument', 'The body is not UTF-8.', { reason: 'bad_body' });
  let value: unknown;
  try {
    value = format === 'json' ? JSON.parse(asText.call(data, 0, data.length)) : msgpack().unpack(data);
  } catch (cause) {
    throw new PolybError('invalid_argument', `The body is not ${format === 'json' ? 'JSON' : 'plain msgpack'}.`, {
      reason: 'bad_body',
      cause,
    });
  }
  bound(value);
  return value;
}

/** @throws PolybError invalid_argument/bad_body for a value that is too deep, too large, or not plain. */
function bound(value: unknown): void {
  if (typeof value === 'object' && value !== null && weigh(value, 1, maxNodes) < 0)
    throw new PolybError('invalid_argument', 'The body has more than 16 levels or 10,000 values, or values that are not plain.', {
      reason: 'bad_body',
    });
}
/** The rest of `nodes` after counting all values inside; negative when there are too many. */
function weigh(value: object, depth: number, nodes: number): number {
  if (depth > maxDepth) return -1;
  let left = nodes - 1;
  if (Array.isArray(value)) {
    left -= value.length;
    for (let at = 0; at < value.length && left >= 0; at += 1) {
      const child: unknown = value[at];
      if (typeof child === 'object' && child !== null) left = weigh(child, depth + 1, left);
    }
    return left;
  }
  if (value instanceof Uint8Array) return left;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return -1;
  for (const name in value) {
    left -= 1;
    const child = (value as Record<string, unknown>)[name];
    if (typeof child === 'object' && child !== null) left = weigh(child, depth + 1, left);
    if (left < 0) return left;
  }
  return left;
}

/** A copy as encoding and decoding make it: no undefined fields, dates as text, bytes copied.
 *  @throws PolybError invalid_argument/bad_body for a cycle or more than 16 levels; TypeError for a function or a bigint. */
export function plainCopy(value: unknown, depth = 1): unknown {
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol')
    throw new TypeError(`A ${typeof value} cannot be encoded.`);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (depth > maxDepth) throw new PolybError('invalid_argument', 'The value has more than 16 levels.', { reason: 'bad_body' });
  if ('toJSON' in value && typeof value.toJSON === 'function') return plainCopy(value.toJSON(), depth + 1);
  if (Array.isArray(value)) return value.map((item) => plainCopy(item, depth + 1) ?? null);
  const copy: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    const plain = plainCopy(field, depth + 1);
    if (plain !== undefined && name !== '__proto__') copy[name] = plain;
  }
  return copy;
}
