import type { KnownMember, Rules } from './rows.ts';
import { russianZones, zonesOfNumber } from './zone-of-number.ts';

/**
 * The zones in all of which it must be inside a window before a member is called: its own zone, else the zone of its number, else that of
 * the campaign if the number may be anywhere. A mobile number with none of these has all zones of Russia. Empty if nothing is known.
 */
export function zonesOfMember(
  { phoneNumber, timeZone }: Pick<KnownMember, 'phoneNumber' | 'timeZone'>,
  { timeZone: usual }: Pick<Rules, 'timeZone'>,
): readonly string[] {
  if (timeZone !== null) return [timeZone];
  const zones = zonesOfNumber(phoneNumber);
  return usual !== null && (zones.length === 0 || zones === russianZones) ? [usual] : zones;
}
