import type { KnownMember, Rules } from './rows.ts';
import { russianZones, zonesOfNumber } from './zone-of-number.ts';

/**
 * The zones in every one of which a member must be inside a window: its own, that of the number, or that of the campaign where the number
 * may be anywhere. Without any of these a mobile number has all zones of Russia. Empty if nothing is known.
 */
export function zonesOfMember(
  { phoneNumber, timeZone }: Pick<KnownMember, 'phoneNumber' | 'timeZone'>,
  { timeZone: usual }: Pick<Rules, 'timeZone'>,
): readonly string[] {
  if (timeZone !== null) return [timeZone];
  const zones = zonesOfNumber(phoneNumber);
  return usual !== null && (zones.length === 0 || zones === russianZones) ? [usual] : zones;
}
