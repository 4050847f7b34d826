/**
 * A gateway that takes `POST /call {"phone": "995553322"}` and tells nothing afterwards (seed 000, «Инициализация звонка»).
 * It has no way to ask what became of a request, so an attempt without a clear answer is left to a person.
 */
import { z } from 'zod';
import { flag, text, url } from '../../config/settings.ts';
import { review } from '../../contracts/define.ts';
import { PolybError } from '../../contracts/errors.ts';
import type { Deps, HttpAnswer } from '../deps.ts';
import { type DialPlan, dialled, dialPlanForm } from './dial-plan.ts';
import type { Telephony } from './port.ts';

export const httpGatewaySettings = z.object({
  TELEPHONY_URL: url(['http', 'https']).describe('Where the gateway takes calls, e.g. http://192.168.1.100:5000/call.'),
  TELEPHONY_DIAL_PLAN: text({ like: dialPlanForm, expected: 'last:9 (or another number from 5 to 15), national or e164' })
    .default('last:9')
    .describe('What the gateway is asked to dial for a phone.'),
  TELEPHONY_SEND_REFERENCE: flag().default(false).describe('Send our reference as the further field "ref".'),
});

export function httpGateway(options: z.output<typeof httpGatewaySettings>, { http }: Pick<Deps, 'http'>): Telephony {
  const plan = options.TELEPHONY_DIAL_PLAN as DialPlan; // its form was checked with the settings
  const { host, pathname } = new URL(options.TELEPHONY_URL);
  const request = `POST ${host}${pathname}`;
  return {
    reportsEnd: false,
    dial: {
      async attempt({ phoneNumber }, { ref, signal }) {
        const phone = dialled(plan, phoneNumber);
        const answer = await http({
          method: 'POST',
          url: options.TELEPHONY_URL,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(options.TELEPHONY_SEND_REFERENCE ? { phone, ref } : { phone }),
          signal,
        });
        if (answer.status < 200 || answer.status > 299) throw refusal(answer, request);
        return { legId: ref, reportsEnd: false };
      },
      onUnknown: review,
    },
    hangUp: () => Promise.reject(cannot('hang up')),
    transfer: () => Promise.reject(cannot('transfer')),
  };
}

/** 4xx is a definite refusal. Any other status leaves it open whether the phone rang: a redirect may follow a call that was placed. */
function refusal(answer: HttpAnswer, request: string): PolybError {
  const evidence = {
    request,
    status: answer.status,
    lastBytes: answer
      .text()
      .slice(-512)
      .replace(/\d(?=\d{4})/g, '*'),
  };
  const said = `The telephony gateway answered ${answer.status}`;
  if (answer.status === 429) {
    const seconds = Number(answer.headers['retry-after']);
    const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : undefined;
    return new PolybError('resource_exhausted', `${said}: too many calls at once.`, { evidence, retryAfterMs });
  }
  // 408 is told of a request that came in parts: what the parts did is not known.
  if (answer.status >= 400 && answer.status <= 499 && answer.status !== 408)
    return new PolybError('failed_precondition', `${said}: it refuses the call.`, { reason: 'gateway_refused', evidence });
  return new PolybError('upstream_failed', `${said}: whether the phone rang is not known.`, { evidence });
}

function cannot(what: string): PolybError {
  return new PolybError('unimplemented', `This telephony gateway cannot ${what}; end the call at the phone, or use another gateway.`);
}
