import { type Consumer, on, type Tx } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import type { Event } from '../../contracts/kit/define.ts';
import { telephony } from '../../contracts/telephony.ts';
import { failConsultationOf, openConsultation } from './consultation-rows.ts';
import { finishCall } from './finish-call.ts';
import { advance, type CallRow, learnLeg, type Step } from './rows.ts';

/** Applies changes of the customer's leg to its call, and ends of both legs to a consultation. Emits each step of the call once. */
export function onLegChanged(): Consumer {
  return on(telephony.leg_changed, async ({ callId, legId, state, outcome, endedBy, hangUpCause, q850, recordingId, at }, tx) => {
    const isCustomer = await learnLeg(tx, callId, legId);
    if (state === 'ended') await failConsultationOf(tx, callId, legId, isCustomer, new Date(at));
    if (!isCustomer) return;
    if (state === 'ended')
      return finishCall(tx, callId, { outcome: outcome ?? 'unknown', endedBy, hangUpCause, q850, recordingId }, new Date(at));
    // While a customer waits for a person, only the end of the consultation matters.
    if (state === 'resumed' && (await openConsultation(tx, callId)) !== null) return;
    const call = await advance(tx, callId, state, new Date(at));
    if (call !== null) emitStep(tx, state, call, at);
  });
}

/** Early media and the beginning of a transfer are read from the call. */
const events = {
  ringing: calls.call_ringing,
  answered: calls.call_answered,
  held: calls.call_held,
  resumed: calls.call_resumed,
  early: null,
  transferring: null,
} as const satisfies Record<Step, Event | null>;

function emitStep(tx: Tx, step: Step, { callId, leadId, direction, ringingAt, answeredAt }: CallRow, at: string): void {
  const event = events[step];
  const since = step === 'ringing' ? ringingAt : step === 'answered' ? answeredAt : at;
  if (event !== null) tx.emit(event, { callId, leadId, direction, at: since ?? at });
}
