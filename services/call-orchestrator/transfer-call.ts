import type { Bus, Handler, Queries } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { telephony } from '../../contracts/telephony.ts';
import { missing } from './read-calls.ts';
import { findCall, markTransferred } from './rows.ts';

/** @throws PolybError failed_precondition/not_answered. */
export function transferCall(db: Queries, bus: Pick<Bus, 'commit'>, now: () => number): Handler<typeof calls.transfer_call> {
  return async ({ callId, to }, { call }) => {
    const found = (await findCall(db, callId)) ?? missing(callId);
    if ((found.state !== 'answered' && found.state !== 'held') || found.legId === null)
      throw new PolybError('failed_precondition', `Only an answered call can be transferred; this one is ${found.state}.`, {
        reason: 'not_answered',
      });
    await call(telephony.transfer, { legId: found.legId, to });
    return await bus.commit(async (tx) => {
      const transferred = (await markTransferred(tx, callId, to)) ?? missing(callId);
      const { leadId, direction } = transferred;
      tx.emit(calls.call_transferred, { callId, leadId, direction, to, at: new Date(now()).toISOString() });
      return transferred;
    });
  };
}
