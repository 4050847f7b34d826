/** The number that a gateway dials for a phone in E.164. */
import { PolybError } from '../../contracts/kit/errors.ts';

/**
 * `last:9`: the last nine digits. `national`: as in Russia and Kazakhstan, 8 and ten digits, other countries by 810. `e164`: with the
 * plus.
 */
export type DialPlan = 'national' | 'e164' | `last:${number}`;

export const dialPlanForm = /^(national|e164|last:([5-9]|1[0-5]))$/;

/** @throws PolybError failed_precondition/gateway_refused for a SIP address, and when the plan needs more digits than the phone has. */
export function dialled(plan: DialPlan, phone: string): string {
  if (!phone.startsWith('+'))
    throw new PolybError('failed_precondition', 'This gateway dials phones in E.164 only, not SIP addresses.', {
      reason: 'gateway_refused',
    });
  const digits = phone.slice(1);
  if (plan === 'e164') return phone;
  if (plan === 'national') return digits.startsWith('7') ? `8${digits.slice(1)}` : `810${digits}`;
  const count = Number(plan.slice('last:'.length));
  if (digits.length < count)
    throw new PolybError(
      'failed_precondition',
      `The dial plan ${plan} needs ${count} digits and the phone has ${digits.length}; set TELEPHONY_DIAL_PLAN to one that suits it.`,
      { reason: 'gateway_refused' },
    );
  return digits.slice(-count);
}
