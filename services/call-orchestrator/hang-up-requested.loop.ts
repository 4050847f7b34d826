import { type Call, type Loop, loop, type Queries } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import type { HangUp } from './hang-up.ts';
import { callsToHangUp, markHungUp } from './rows.ts';

/** Hangs up calls that could not be hung up at the time of the request. */
export function hangUpRequested(db: Queries, hangUp: HangUp, { call, now }: { readonly call: Call; readonly now: () => number }): Loop {
  return loop('hang_up_requested', { idleMs: 5_000, wakeOn: calls.call_ringing }, async (signal) => {
    const done = await Promise.allSettled(
      (await callsToHangUp(db, 20)).map(async (requested) => {
        await hangUp(requested, { call, signal }).catch(ignoreImpossible);
        await markHungUp(db, requested.callId, new Date(now()));
      }),
    );
    const failed = done.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
    return 'idle';
  });
}

/** The leg is gone, or the gateway cannot hang up. A retry would change nothing; the call ends by its gateway or its time limit. */
function ignoreImpossible(error: unknown): void {
  if (!isPolybError(error) || !['not_found', 'unimplemented'].includes(error.code)) throw error;
}
