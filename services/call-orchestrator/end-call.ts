import type { Handler, Queries } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import { telephony } from '../../contracts/telephony.ts';
import { missing } from './read-calls.ts';
import { markHungUp, requestEnd } from './rows.ts';

/** Hangs up; the call ends when its gateway reports it. A call without a known leg is hung up as soon as the leg is known. */
export function endCall(db: Queries, now: () => number): Handler<typeof calls.end_call> {
  return async ({ callId }, { call }) => {
    const found = (await requestEnd(db, callId, new Date(now()))) ?? missing(callId);
    if (found.state !== 'ended' && found.legId !== null) {
      await call(telephony.hang_up, { legId: found.legId });
      await markHungUp(db, callId, new Date(now()));
    }
    return found;
  };
}
