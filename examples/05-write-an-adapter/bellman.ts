/**
 * Bellman, a gateway that does not exist. `PUT /calls/<reference> {"to": "+79995553322"}` rings a phone: 201, or 200 when the reference
 * was used before and nothing was done, or 422 when it refuses. `GET /calls/<reference>`: 200, or 404 when there is no such call.
 */
import { z } from 'zod';
import type { Deps } from '../../adapters/deps.ts';
import type { Telephony } from '../../adapters/telephony/port.ts';
import { secret, url } from '../../config/settings.ts';
import { lookUp } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';

export const bellmanSettings = z.object({
  BELLMAN_URL: url(['http', 'https']).describe('Where the gateway is, e.g. https://bellman.example.'),
  BELLMAN_TOKEN: secret().describe('The token of the account.'),
});

export function bellman(options: z.output<typeof bellmanSettings>, { http }: Pick<Deps, 'http'>): Telephony {
  const callOf = (ref: string) => `${options.BELLMAN_URL}/calls/${encodeURIComponent(ref)}`;
  const headers = { authorization: `Bearer ${options.BELLMAN_TOKEN}`, 'content-type': 'application/json' };
  const leg = (ref: string) => ({ legId: ref, reportsEnd: false });
  return {
    reportsEnd: false,
    dial: {
      async attempt({ to }, { ref, signal }) {
        const { status } = await http({ method: 'PUT', url: callOf(ref), headers, body: JSON.stringify({ to }), signal });
        if (status === 200 || status === 201) return leg(ref);
        // Only what the vendor promises to be a refusal is one. All else leaves it open whether the phone rang.
        if (status === 422) throw new PolybError('failed_precondition', 'Bellman refuses the call.', { reason: 'gateway_refused' });
        throw new PolybError('upstream_failed', `Bellman answered ${status}; whether the phone rang is not known.`);
      },
      // At once, because Bellman does nothing for a used reference: a late first request cannot ring after a second one.
      onUnknown: lookUp(0, async ({ ref }, signal) => {
        const { status } = await http({ method: 'GET', url: callOf(ref), headers, signal });
        if (status === 200) return leg(ref);
        if (status === 404) return null;
        throw new PolybError('upstream_failed', `Bellman replied ${status} to a search for a call.`);
      }),
    },
    hangUp: () => Promise.reject(cannot('hang up')),
    transfer: () => Promise.reject(cannot('transfer')),
  };
}

function cannot(what: string): PolybError {
  return new PolybError('unimplemented', `Bellman cannot ${what}; end the call at the phone.`);
}
