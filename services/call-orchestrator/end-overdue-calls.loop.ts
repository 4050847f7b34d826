import type { Bus } from '../../bus/bus.ts';
import { type Loop, loop } from '../../bus/service.ts';
import { finishCall } from './finish-call.ts';
import { overdueCalls, unknownEnd } from './rows.ts';

const batch = 100;

/** Ends overdue calls, so that a lost event does not keep a phone busy forever. */
export function endOverdueCalls(bus: Pick<Bus, 'commit'>, maxMs: number, now: () => number): Loop {
  return loop('end_overdue_calls', { idleMs: Math.min(60_000, maxMs) }, () =>
    bus.commit(async (tx) => {
      const overdue = await overdueCalls(tx, new Date(now() - maxMs), batch);
      for (const callId of overdue) await finishCall(tx, callId, { ...unknownEnd, hangUpCause: 'time_limit' }, new Date(now()));
      return overdue.length === batch ? 'more' : 'idle';
    }),
  );
}
