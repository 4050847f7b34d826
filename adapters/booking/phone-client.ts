import { createHash } from 'node:crypto';

/**
 * The id of a client that a booking system knows by the phone of a booking only. It does not show the phone, and is the same for each
 * booking by this phone.
 * @param of the system and its location, so that ids of two of them differ
 */
export function clientIdOfPhone(of: string, phoneNumber: string): string {
  return `phone-${createHash('sha256').update(`${of} ${phoneNumber}`).digest('hex').slice(0, 16)}`;
}
