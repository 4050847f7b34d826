import { setTimeout as delay } from 'node:timers/promises';
import type { Queries, StreamHandler } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import { narrowedTo } from '../../contracts/common.ts';
import { missing } from './read-calls.ts';
import { findCall } from './rows.ts';

/** Polling interval of a watched call. */
const watchMs = 250;

/** Ends with `not_found` if the viewer may no longer see the call. */
export function watchCall(db: Queries): StreamHandler<typeof calls.watch_call> {
  return async function* ({ callId, viewer }, _up, { signal }) {
    for (let last = ''; ; ) {
      const call = (await findCall(db, callId, narrowedTo(viewer))) ?? missing(callId);
      const seen = JSON.stringify(call);
      if (seen !== last) yield call;
      last = seen;
      if (call.state === 'ended') return;
      await delay(watchMs, undefined, { signal }).catch(() => {}); // The end of the stream is not a failure.
      if (signal.aborted) return;
    }
  };
}
