import type { Bus } from '../../bus/bus.ts';
import { type Consumer, type Loop, loop, on, type Tx } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { settled } from '../../contracts/kit/define.ts';
import { callsTotal } from '../../contracts/metrics.ts';
import { telephony } from '../../contracts/telephony.ts';
import { advance, type CallOutcome, callIdOfKey, endCall, learnLeg, overdueCalls } from './rows.ts';

/** Applies changes of a leg to its call. The state only moves forward, and each change is emitted once. */
export function followLegs(): Consumer {
  return on(telephony.leg_changed, async ({ callId, legId, state, outcome, at }, tx) => {
    await learnLeg(tx, callId, legId);
    if (state === 'ended') return end(tx, callId, outcome ?? 'unknown', new Date(at));
    const call = await advance(tx, callId, state, new Date(at));
    if (call === null) return;
    const step = { callId, leadId: call.leadId };
    if (state === 'ringing') tx.emit(calls.call_ringing, { ...step, at: call.ringingAt ?? at });
    else tx.emit(calls.call_answered, { ...step, at: call.answeredAt ?? at });
  });
}

/** A failed dial ends its call as failed; a dial without further reports ends it at once as unknown. */
export function followDials(now: () => number): Consumer {
  return on(settled(telephony.dial), async ({ key, state, output }, tx) => {
    const callId = await callIdOfKey(tx, key);
    if (callId === null) return;
    if (state !== 'done') return end(tx, callId, 'failed', new Date(now()));
    if (output === null) return;
    await learnLeg(tx, callId, output.legId);
    if (!output.reportsEnd) await end(tx, callId, 'unknown', new Date(now()));
  });
}

/** A lost event must not keep a phone busy for ever. */
export function endOverdueCalls(bus: Pick<Bus, 'commit'>, maxMs: number, now: () => number): Loop {
  const batch = 100;
  return loop('end_overdue_calls', { idleMs: Math.min(60_000, maxMs) }, () =>
    bus.commit(async (tx) => {
      const overdue = await overdueCalls(tx, new Date(now() - maxMs), batch);
      for (const callId of overdue) await end(tx, callId, 'unknown', new Date(now()));
      return overdue.length === batch ? 'more' : 'idle';
    }),
  );
}

async function end(tx: Tx, callId: string, outcome: CallOutcome, at: Date): Promise<void> {
  const call = await endCall(tx, callId, outcome, at);
  if (call === null) return;
  tx.count(callsTotal, { direction: 'out', outcome });
  const endedAt = call.endedAt ?? at.toISOString();
  const talkedMs = call.answeredAt === null ? 0 : Date.parse(endedAt) - Date.parse(call.answeredAt);
  tx.emit(calls.call_ended, {
    callId,
    leadId: call.leadId,
    at: endedAt,
    outcome,
    startedAt: call.createdAt,
    durationMs: Math.min(talkedMs, 86_400_000),
  });
}
