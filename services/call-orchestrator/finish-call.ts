import type { Tx } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { callsTotal } from './metrics.ts';
import { type CallEnd, markEnded } from './rows.ts';

/** Ends a call once, and emits that it ended. */
export async function finishCall(tx: Tx, callId: string, end: CallEnd, at: Date): Promise<void> {
  const call = await markEnded(tx, callId, end, at);
  if (call === null) return;
  tx.count(callsTotal, { direction: call.direction, outcome: end.outcome });
  const endedAt = call.endedAt ?? at.toISOString();
  const talkedMs = call.answeredAt === null ? 0 : Date.parse(endedAt) - Date.parse(call.answeredAt);
  tx.emit(calls.call_ended, {
    callId,
    leadId: call.leadId,
    direction: call.direction,
    at: endedAt,
    outcome: end.outcome,
    answeredBy: call.answeredBy,
    key: call.key ?? null,
    endedBy: call.endedBy,
    hangUpCause: call.hangUpCause,
    recordingId: call.recordingId,
    startedAt: call.createdAt,
    durationMs: Math.min(talkedMs, 86_400_000),
  });
}
