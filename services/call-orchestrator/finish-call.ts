import type { Tx } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { callsTotal } from './metrics.ts';
import { type CallOutcome, markEnded } from './rows.ts';

/** Ends a call once, and emits that it ended. */
export async function finishCall(tx: Tx, callId: string, outcome: CallOutcome, at: Date): Promise<void> {
  const call = await markEnded(tx, callId, outcome, at);
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
