/** Phones as people type them into a CRM, compared by their digits. */
import { normalizePhone } from '../../contracts/common.ts';

/** True when `stored`, in any spelling (`8 (999) 555-33-22 ext. 4`, `007…`), is the number `phoneNumber` (E.164). */
export function isPhone(stored: string, phoneNumber: string): boolean {
  return toE164(stored) === phoneNumber;
}

/**
 * E.164 if the number has a country code, or is Russian or Kazakh by its length; otherwise null. Ten digits are a Russian number
 * without its country code.
 */
export function toE164(stored: string): string | null {
  const [withoutExtension = ''] = stored.trim().split(/\s*(?:;|,|#|x|ext|доб)/i);
  const bare = normalizePhone(withoutExtension).replace(/^00/, '+');
  const full = /^[3489]\d{9}$/.test(bare) ? `+7${bare}` : bare;
  return /^\+[1-9]\d{6,14}$/.test(full) ? full : null;
}
