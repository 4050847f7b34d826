/** Calls that reach a provider of speech models over SIP. */
import type { WaitingSipCall } from '../../../adapters/realtime/port.ts';
import type { Queries } from '../../../bus/service.ts';

type ClosedState = 'refused' | 'ended';
export interface SpeechCallRow {
  readonly providerCallId: string;
  /** Null if the called number has no route. */
  readonly callId: string | null;
  readonly line: string;
  readonly phoneNumber: string | null;
  /** It has been accepted, but the instance attached to it is gone. */
  readonly isAnswered: boolean;
}

/** @returns false if the call is already known from another delivery */
export async function insertSpeechCall(tx: Queries, { ref, callId, line, phoneNumber }: WaitingSipCall, at: Date): Promise<boolean> {
  const rows = await tx.query(
    `insert into call_orchestrator.speech_calls (ref, provider_call_id, line, phone_number, state, received_at)
     values ($1, $2, $3, $4, 'waiting', $5) on conflict do nothing returning 1`,
    [ref, callId, line, phoneNumber, at],
  );
  return rows.length > 0;
}
/** Links it to its row in the list of calls. */
export async function nameSpeechCall(tx: Queries, { ref }: WaitingSipCall, callId: string): Promise<void> {
  await tx.query('update call_orchestrator.speech_calls set call_id = $2 where ref = $1', [ref, callId]);
}
/** Takes unattended calls. @param before calls whose last heartbeat is older count as unattended */
export async function takeSpeechCalls(db: Queries, at: Date, before: Date): Promise<readonly SpeechCallRow[]> {
  return db.query(
    `update call_orchestrator.speech_calls set taken_at = $1, state = case state when 'waiting' then 'answering' else state end
     where ref = any (array(
       select ref from call_orchestrator.speech_calls
       where state = 'waiting' or (state in ('answering', 'answered') and taken_at < $2)
       order by received_at limit 20 for update skip locked))
     returning provider_call_id as "providerCallId", call_id as "callId", line, phone_number as "phoneNumber",
       state = 'answered' as "isAnswered"`,
    [at, before],
  );
}
/** Heartbeat of the instance that attends the call. */
export async function holdSpeechCall(db: Queries, providerCallId: string, at: Date): Promise<void> {
  await db.query(
    `update call_orchestrator.speech_calls set state = 'answered', taken_at = $2
     where provider_call_id = $1 and state in ('answering', 'answered')`,
    [providerCallId, at],
  );
}
/** Releases the call, so that any instance may attend it. */
export async function releaseSpeechCall(db: Queries, providerCallId: string): Promise<void> {
  await db.query(`update call_orchestrator.speech_calls set taken_at = 'epoch' where provider_call_id = $1 and state = 'answered'`, [
    providerCallId,
  ]);
}
export async function closeSpeechCall(tx: Queries, providerCallId: string, state: ClosedState): Promise<void> {
  await tx.query('update call_orchestrator.speech_calls set state = $2 where provider_call_id = $1', [providerCallId, state]);
}
/** The provider's id of a call; null if no provider has it. */
export async function providerCallIdOf(db: Queries, callId: string): Promise<string | null> {
  const [row] = await db.query<{ id: string }>(
    `select provider_call_id as id from call_orchestrator.speech_calls where call_id = $1 and state in ('answering', 'answered')`,
    [callId],
  );
  return row?.id ?? null;
}
export async function forgetSpeechCalls(db: Queries, before: Date): Promise<void> {
  await db.query('delete from call_orchestrator.speech_calls where received_at < $1', [before]);
}
