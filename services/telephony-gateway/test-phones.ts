/** Test numbers that ring at a SIP phone of this machine, with any gateway. */
import type { Deps } from '../../adapters/deps.ts';
import { heldTelephony } from '../../adapters/telephony/held-telephony.ts';
import type { Telephony } from '../../adapters/telephony/port.ts';
import { sipSettings } from '../../adapters/vendors/sip/settings.ts';
import { sipTelephony } from '../../adapters/vendors/sip/telephony.ts';
import { Phone } from '../../contracts/common.ts';

export const numbersForm = /^\+\d{7,15}(, ?\+\d{7,15})*$/;
export const trunkForm = /^sip:127\.0\.0\.1(:\d{1,5})?(;transport=(udp|tcp))?$/;

export interface TestPhones {
  readonly telephony: Telephony;
  isTestNumber(to: string): boolean;
}

export function testPhones(
  { numbers, trunk }: { readonly numbers: string; readonly trunk: string },
  deps: Pick<Deps, 'log' | 'now'>,
): TestPhones {
  const known = new Set(numbers.split(',').map((number) => Phone.parse(number.trim())));
  const telephony = heldTelephony(sipTelephony(sipSettings.parse({ SIP_TRUNK: trunk }), deps));
  return { telephony, isTestNumber: (to) => known.has(to) };
}
