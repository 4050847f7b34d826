import { randomFillSync } from 'node:crypto';

const pool = Buffer.alloc(4096);
let hex = '';
let at = 0;

/** Random lower-case hex, cut from a string of many random bytes: an id costs a slice. */
export function randomHex(characters: 16 | 32): string {
  if (at + characters > hex.length) {
    hex = randomFillSync(pool).toString('hex');
    at = 0;
  }
  at += characters;
  return hex.slice(at - characters, at);
}

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';
/** An instance's name within its service: 12 letters and digits. */
export function instanceId(): string {
  let id = '';
  for (const byte of randomFillSync(Buffer.alloc(12))) id += alphabet[byte % 36];
  return id;
}

/** Any text as one token of a subject. */
export function subjectToken(text: string): string {
  return /^[\w-]+$/.test(text) ? text : encodeURIComponent(text).replaceAll('.', '%2E').replaceAll('*', '%2A');
}
