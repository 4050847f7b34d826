import { hkdfSync } from 'node:crypto';
import { PolybError } from '../contracts/kit/errors.ts';
import type { SecretKey } from '../contracts/kit/ports.ts';

/** Keys of 32 bytes, one for each purpose, from the text of POLYB_SECRET_KEY. They are known to the processes of this system alone. */
export function secretKeyFrom(text: string | undefined): SecretKey {
  const keys = new Map<string, Uint8Array>();
  return (purpose) => {
    if (text === undefined)
      throw new PolybError(
        'failed_precondition',
        'POLYB_SECRET_KEY is not set; polyb up makes one, or set POLYB_SECRET_KEY_FILE to a file with 32 random bytes in base64.',
        { reason: 'bad_settings', outcome: 'not_executed' },
      );
    const known = keys.get(purpose) ?? new Uint8Array(hkdfSync('sha256', text, '', purpose, 32));
    keys.set(purpose, known);
    return known;
  };
}
