/**
 * A gateway that takes `POST /call {"phone": "995553322"}` and tells nothing afterwards (seed 000, «Инициализация звонка»).
 * It has no way to ask what became of a request, so an attempt without a clear answer is left to a person.
 */
import { z } from 'zod';
import { flag, text, url } from '../../config/settings.ts';
import { review } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Deps, HttpAnswer } from '../deps.ts';
import { httpFailure } from '../http.ts';
import { type DialPlan, dialled, dialPlanForm } from './dial-plan.ts';
import type { Telephony } from './port.ts';

export const httpGatewaySettings = z.object({
  TELEPHONY_URL: url(['http', 'https']).describe('URL at which the gateway accepts calls, e.g. http://192.168.1.100:5000/call.'),
  TELEPHONY_DIAL_PLAN: text({ like: dialPlanForm, expected: 'last:9 (or another number from 5 to 15), national or e164' })
    .default('last:9')
    .describe('The part of a phone that the gateway dials.'),
  TELEPHONY_SEND_REFERENCE: flag().default(false).describe('Send the reference of the call in an additional field "ref".'),
});

export function httpGateway(options: z.output<typeof httpGatewaySettings>, { http }: Pick<Deps, 'http'>): Telephony {
  const plan = options.TELEPHONY_DIAL_PLAN as DialPlan; // its form was checked with the settings
  return {
    reportsEnd: false,
    dial: {
      async attempt({ phoneNumber }, { ref, signal }) {
        const phone = dialled(plan, phoneNumber);
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

/** 4xx is a definite refusal. Any other status leaves it open whether the phone rang: a redirect may follow a call that was placed. */
function refusal(answer: HttpAnswer, phone: string): PolybError {
  // What was dialled may be too short to be taken for a phone, and gateways like to repeat it.
  const bytes = Buffer.from(answer.text().replaceAll(phone, `***${phone.slice(-4)}`));
  const error = httpFailure({ ...answer, bytes }, 'The call', 'gateway_refused');
  // A gateway may hand on the 408 of SIP, which tells that nobody took up a phone that did ring.
  return answer.status === 408 ? new PolybError('upstream_failed', error.message, { evidence: error.evidence }) : error;
}

function cannot(what: string): PolybError {
  return new PolybError('unimplemented', `This telephony gateway cannot ${what}; end the call at the phone, or use another gateway.`);
}
