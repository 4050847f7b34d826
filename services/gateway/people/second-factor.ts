/** Codes of an authenticator app (TOTP: 6 digits, 30 s, SHA-1) and recovery codes. Source: RFC 6238, RFC 4226, RFC 4648 section 6. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const stepMs = 30_000;
const digits = 6;
/** Steps before and after the present one whose codes are accepted, for clocks that differ. */
const tolerance = 1;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const recoveryCodes = 10;

/** 160 bits, as RFC 4226 recommends. */
export const newSecret = (): Buffer => randomBytes(20);

/** The time step whose code this is, if it is later than `after`; null for a wrong or used code. */
export function stepOf(code: string, secret: Buffer, now: number, after: number): number | null {
  if (!/^\d{6}$/.test(code)) return null;
  const present = Math.floor(now / stepMs);
  let found: number | null = null;
  for (let step = present - tolerance; step <= present + tolerance; step += 1)
    if (timingSafeEqual(Buffer.from(code), Buffer.from(codeAt(secret, step))) && step > after) found = step;
  return found;
}

export function codeAt(secret: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 10 ** digits).padStart(digits, '0');
}

/** Base32 without padding, for people who type the secret. */
export function base32(bytes: Buffer): string {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => alphabet[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
}

/** The address that an authenticator app reads. */
export const otpauth = (personId: string, secret: Buffer): string =>
  `otpauth://totp/PolyB:${encodeURIComponent(personId)}?secret=${base32(secret)}&issuer=PolyB&digits=${digits}&period=${stepMs / 1000}`;

/** Each is good once, in place of a code. */
export const newRecoveryCodes = (): readonly string[] =>
  Array.from({ length: recoveryCodes }, () =>
    base32(randomBytes(10))
      .toLowerCase()
      .replace(/(.{4})(?=.)/g, '$1-'),
  );
/** Of 80 random bits: no slow digest is needed. */
export const recoveryDigest = (code: string): Buffer => createHash('sha256').update(code.toLowerCase().replace(/[\s-]/g, '')).digest();
