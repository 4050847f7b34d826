import type { Handler, Queries } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import type { HangUp } from './hang-up.ts';
import { missing } from './read-calls.ts';
import { canHangUp, markHungUp, requestEnd } from './rows.ts';

/** Hangs up; the call ends when its gateway reports it. A call without a known leg is hung up as soon as the leg is known. */
export function endCall(db: Queries, hangUp: HangUp, now: () => number): Handler<typeof calls.end_call> {
  return async ({ callId }, { call, signal }) => {
    const found = (await requestEnd(db, callId, new Date(now()))) ?? missing(callId);
    if (found.state !== 'ended' && canHangUp(found)) {
      await hangUp(found, { call, signal });
      await markHungUp(db, callId, new Date(now()));
    }
    return found;
  };
}
