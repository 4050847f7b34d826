import { type Consumer, on } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { settled } from '../../contracts/kit/define.ts';
import { campaignCallsTotal } from './metrics.ts';
import { afterRow } from './next-call.ts';
import { endAttempt, hold, lockAttempt, moveMember, noteCall, rulesOf } from './rows.ts';

/** Ends the attempt of a row that did not become a call; otherwise the attempt ends with the call. */
export function onStartCallSettled(now: () => number): Consumer {
  return on(settled(calls.start_call), async ({ key, state, output, reason }, tx) => {
    const locked = await lockAttempt(tx, key);
    if (locked === null) return;
    const { attempt, campaign } = locked;
    if (state === 'done') {
      if (output !== null) await noteCall(tx, key, output.callId);
      return;
    }
    if (attempt.outcome !== null) return;
    const { campaignId, memberId } = attempt;
    const at = new Date(now());
    const used = await endAttempt(tx, key, { outcome: state, at, counts: false, isMachine: false });
    if (used === null) return;
    const rules = rulesOf(campaign);
    const change =
      rules === null
        ? { state: 'review' as const, reason: 'rules_unreadable', dueAt: null }
        : afterRow(state, reason, { ...attempt, rules, now: at.getTime() });
    await moveMember(tx, memberId, change);
    if (change.state === 'review' && change.reason !== null) await hold(tx, campaignId, change.reason, at);
    tx.count(campaignCallsTotal, { outcome: state });
  });
}
