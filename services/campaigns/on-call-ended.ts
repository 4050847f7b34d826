import { type Consumer, on } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { campaignCallsTotal } from './metrics.ts';
import { afterCall, isMachine } from './next-call.ts';
import { endAttempt, hold, lockAttempt, moveMember, noteCall, rulesOf } from './rows.ts';

/** Decides the next state of a member by the outcome of its call. Ignores calls not sent by a campaign. */
export function onCallEnded(now: () => number): Consumer {
  return on(calls.call_ended, async ({ key, callId, outcome, answeredBy }, tx) => {
    if (key === null) return;
    const locked = await lockAttempt(tx, key);
    if (locked === null || locked.attempt.outcome !== null) return;
    const { attempt, campaign } = locked;
    const { campaignId, memberId, notAfter } = attempt;
    const at = new Date(now());
    const machine = isMachine({ outcome, answeredBy });
    await noteCall(tx, key, callId);
    const used = await endAttempt(tx, key, { outcome: machine ? 'machine' : outcome, at, counts: true, isMachine: machine });
    if (used === null) return;
    const rules = rulesOf(campaign);
    const change =
      rules === null
        ? { state: 'review' as const, reason: 'rules_unreadable', dueAt: null }
        : afterCall({ outcome, answeredBy }, used, { rules, notAfter, now: at.getTime() });
    await moveMember(tx, memberId, change);
    if (change.state === 'review' && change.reason !== null) await hold(tx, campaignId, change.reason, at);
    tx.count(campaignCallsTotal, { outcome: machine ? 'machine' : outcome });
  });
}
