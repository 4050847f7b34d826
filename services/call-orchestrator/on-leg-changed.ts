import { type Consumer, on } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { telephony } from '../../contracts/telephony.ts';
import { finishCall } from './finish-call.ts';
import { advance, learnLeg } from './rows.ts';

/** Applies changes of a leg to its call. The state only moves forward, and each change is emitted once. */
export function onLegChanged(): Consumer {
  return on(telephony.leg_changed, async ({ callId, legId, state, outcome, at }, tx) => {
    await learnLeg(tx, callId, legId);
    if (state === 'ended') return finishCall(tx, callId, outcome ?? 'unknown', new Date(at));
    const call = await advance(tx, callId, state, new Date(at));
    if (call === null) return;
    const step = { callId, leadId: call.leadId };
    if (state === 'ringing') tx.emit(calls.call_ringing, { ...step, at: call.ringingAt ?? at });
    else tx.emit(calls.call_answered, { ...step, at: call.answeredAt ?? at });
  });
}
