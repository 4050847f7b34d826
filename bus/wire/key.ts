/** The rules for idempotency keys, on the bus and over HTTP. */
import { hash } from 'node:crypto';
import { PolybError } from '../../contracts/kit/errors.ts';

/** UTF-16 units. */
const longestKey = 255;

/** @throws PolybError invalid_argument/bad_key for a blank key, which would make every repeat a new call, and for one that is too long. */
export function checkKey(address: string, key: string): void {
  if (key.length <= longestKey && key.trim() !== '') return;
  throw new PolybError(
    'invalid_argument',
    `Bad key for ${address}: expected 1 to ${longestKey} characters that are not all blank, the same for each repeat; omit it to get a new one.`,
    { reason: 'bad_key' },
  );
}

/** A key derived from another: `order-17:contact`. If it is too long, its start and a digest of the whole. */
export function derivedKey(...parts: readonly string[]): string {
  const whole = parts.join(':');
  if (whole.length <= longestKey) return whole;
  return `${whole.slice(0, 200).toWellFormed()}~${hash('sha256', whole, 'base64url')}`;
}
