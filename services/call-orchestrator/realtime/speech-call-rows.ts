/** Calls that reach a provider of speech models over SIP. */
import type { WaitingSipCall } from '../../../adapters/realtime/port.ts';
import type { Queries } from '../../../bus/service.ts';

/** @returns false if the call is known: another delivery of it was first */
export async function insertSpeechCall(db: Queries, { ref, callId, line, phoneNumber }: WaitingSipCall, at: Date): Promise<boolean> {
  const rows = await db.query(
    `insert into call_orchestrator.speech_calls (ref, provider_call_id, line, phone_number, state, received_at)
     values ($1, $2, $3, $4, 'waiting', $5) on conflict do nothing returning 1`,
    [ref, callId, line, phoneNumber, at],
  );
  return rows.length > 0;
}
/** Takes calls that nobody answers yet, or whose answering has taken too long. @param before when a former attempt must have begun */
export async function takeSpeechCalls(db: Queries, at: Date, before: Date): Promise<readonly Omit<WaitingSipCall, 'ref'>[]> {
  return db.query(
    `update call_orchestrator.speech_calls set state = 'answering', taken_at = $1 where ref = any (array(
       select ref from call_orchestrator.speech_calls
       where state = 'waiting' or (state = 'answering' and taken_at < $2) order by received_at limit 20 for update skip locked))
     returning provider_call_id as "callId", line, phone_number as "phoneNumber"`,
    [at, before],
  );
}
export async function markSpeechCall(db: Queries, callId: string, state: 'answered' | 'refused' | 'ended'): Promise<void> {
  await db.query('update call_orchestrator.speech_calls set state = $2 where provider_call_id = $1', [callId, state]);
}
export async function forgetSpeechCalls(db: Queries, before: Date): Promise<void> {
  await db.query('delete from call_orchestrator.speech_calls where received_at < $1', [before]);
}
