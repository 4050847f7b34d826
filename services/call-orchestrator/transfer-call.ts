import type { Handler, Queries } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { telephony } from '../../contracts/telephony.ts';
import { missing, shownCall } from './read-calls.ts';
import { findCall } from './rows.ts';

/** @throws PolybError failed_precondition/not_answered. */
export function transferCall(db: Queries): Handler<typeof calls.transfer_call> {
  return async ({ callId, to }, { call }) => {
    const found = (await findCall(db, callId)) ?? missing(callId);
    if (found.state !== 'answered' || found.legId === null)
      throw new PolybError('failed_precondition', `Only an answered call can be transferred; this one is ${found.state}.`, {
        reason: 'not_answered',
      });
    await call(telephony.transfer, { legId: found.legId, to });
    return shownCall(found);
  };
}
