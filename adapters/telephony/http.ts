/**
 * A gateway that accepts `POST /call {"phone": "995553322"}` and reports nothing afterwards. It has no look-up, so an attempt without a
 * clear reply goes to review.
 */
import { z } from 'zod';
import { flag, text, url } from '../../config/settings.ts';
import { review } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Deps, HttpAnswer } from '../deps.ts';
import { httpFailure } from '../http-failure.ts';
import { type DialPlan, dialled, dialPlanForm } from './dial-plan.ts';
import type { Telephony } from './port.ts';

export const httpGatewaySettings = z.object({
  TELEPHONY_URL: url(['http', 'https']).describe('URL at which the gateway accepts calls, e.g. http://192.168.1.100:5000/call.'),
  TELEPHONY_DIAL_PLAN: text({ like: dialPlanForm, expected: 'last:9 (or another number from 5 to 15), national or e164' })
    .default('last:9')
    .describe('How the gateway expects the phone.'),
  TELEPHONY_SEND_REFERENCE: flag().default(false).describe('Send the reference of the call in an additional field "ref".'),
});

export function httpGateway(options: z.output<typeof httpGatewaySettings>, { http }: Pick<Deps, 'http'>): Telephony {
  const plan = options.TELEPHONY_DIAL_PLAN as DialPlan; // The settings schema has checked the form.
  return {
    reportsEnd: false,
    dial: {
      async attempt({ to }, { ref, signal }) {
        const phone = dialled(plan, to);
        const answer = await http({
          method: 'POST',
          url: options.TELEPHONY_URL,
          operation: 'dial',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(options.TELEPHONY_SEND_REFERENCE ? { phone, ref } : { phone }),
          signal,
        });
        if (answer.status < 200 || answer.status > 299) throw refusal(answer, phone);
        return { legId: ref, reportsEnd: false };
      },
      onUnknown: review,
    },
    hangUp: () => Promise.reject(cannot('hang up')),
    transfer: () => Promise.reject(cannot('transfer')),
  };
}

/** 4xx is a definite refusal. After any other status the phone may have rung: a redirect may follow a call that was placed. */
function refusal(answer: HttpAnswer, phone: string): PolybError {
  // A dialled number may be too short to be masked as a phone, and gateways often echo it.
  const bytes = Buffer.from(answer.text().replaceAll(phone, `***${phone.slice(-4)}`));
  const error = httpFailure({ ...answer, bytes }, 'The call', 'gateway_refused');
  // A gateway may pass on a 408 of SIP: the phone rang and was not answered.
  return answer.status === 408 ? new PolybError('upstream_failed', error.message, { evidence: error.evidence }) : error;
}

function cannot(what: string): PolybError {
  return new PolybError('unimplemented', `This telephony gateway cannot ${what}; end the call at the phone, or use another gateway.`);
}
