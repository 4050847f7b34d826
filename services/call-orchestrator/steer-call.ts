import { type Call, type Handler, type Loop, loop, type Queries } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { isPolybError, PolybError } from '../../contracts/kit/errors.ts';
import { telephony } from '../../contracts/telephony.ts';
import { missing, shown } from './read-calls.ts';
import { callsToHangUp, findCall, markHungUp, requestEnd } from './rows.ts';

/** Hangs up; the call ends when its gateway reports it. A call without a known leg is hung up as soon as the leg is known. */
export function endCall(db: Queries, now: () => number): Handler<typeof calls.end_call> {
  return async ({ callId }, { call }) => {
    const found = (await requestEnd(db, callId, new Date(now()))) ?? missing(callId);
    if (found.state !== 'ended' && found.legId !== null) {
      await call(telephony.hang_up, { legId: found.legId });
      await markHungUp(db, callId, new Date(now()));
    }
    return shown(found);
  };
}

/** @throws PolybError failed_precondition/not_answered. */
export function transferCall(db: Queries): Handler<typeof calls.transfer_call> {
  return async ({ callId, to }, { call }) => {
    const found = (await findCall(db, callId)) ?? missing(callId);
    if (found.state !== 'answered' || found.legId === null)
      throw new PolybError('failed_precondition', `Only an answered call can be transferred; this one is ${found.state}.`, {
        reason: 'not_answered',
      });
    await call(telephony.transfer, { legId: found.legId, to });
    return shown(found);
  };
}

/** Hangs up calls that could not be hung up at the time of the request. */
export function hangUpRequested(db: Queries, call: Call, now: () => number): Loop {
  return loop('hang_up_requested', { idleMs: 5_000, wakeOn: calls.call_ringing }, async (signal) => {
    const done = await Promise.allSettled(
      (await callsToHangUp(db, 20)).map(async ({ callId, legId }) => {
        await call(telephony.hang_up, { legId }, { signal }).catch(letGoOfWhatCannot);
        await markHungUp(db, callId, new Date(now()));
      }),
    );
    const failed = done.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
    return 'idle';
  });
}

/** The leg is gone, or the gateway cannot hang up. A retry would change nothing; the call ends by its gateway or its time limit. */
function letGoOfWhatCannot(error: unknown): void {
  if (!isPolybError(error) || !['not_found', 'unimplemented'].includes(error.code)) throw error;
}
