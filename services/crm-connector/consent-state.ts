/** The `state` of a consent: it proves that the callback belongs to a request of this system that is not old. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { PolybError } from '../../contracts/kit/errors.ts';

export interface ConsentStates {
  issue(connection: string): string;
  /** The state itself. @throws PolybError failed_precondition/reauthorise for one that was not issued for this connection, or is too old. */
  verified(connection: string, state: string | undefined): string;
}
const lifeMs = 15 * 60_000;

export function consentStates(key: () => Uint8Array, now: () => number): ConsentStates {
  const signed = (connection: string, until: string) =>
    `${until}.${createHmac('sha256', key()).update(`${connection} ${until}`).digest('base64url')}`;
  return {
    issue: (connection) => signed(connection, (now() + lifeMs).toString(36)),
    verified(connection, state = '') {
      const [until = ''] = state.split('.', 1);
      const expected = Buffer.from(signed(connection, until));
      const given = Buffer.from(state);
      const isOurs = given.length === expected.length && timingSafeEqual(given, expected);
      if (isOurs && Number.parseInt(until, 36) > now()) return state;
      throw new PolybError(
        'failed_precondition',
        `The callback ${isOurs ? 'is older than 15 minutes' : `belongs to no consent of the connection ${connection}`}; start again.`,
        { reason: 'reauthorise', outcome: 'not_executed' },
      );
    },
  };
}
