import type { SipCalls } from '../../adapters/realtime/port.ts';
import type { Bus, Queries } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { telephony } from '../../contracts/telephony.ts';
import { missing } from './read-calls.ts';
import { providerCallIdOf } from './realtime/speech-call-rows.ts';
import { type CallRow, findCall, markTransferred } from './rows.ts';

export interface HandOverParts {
  readonly db: Queries;
  readonly bus: Pick<Bus, 'commit' | 'call'>;
  /** SIP calls at a provider of speech models. */
  readonly sip: SipCalls | undefined;
  readonly now: () => number;
}

/** Transfers the customer of an answered call. @throws PolybError failed_precondition/not_answered, or the refusal of the gateway. */
export async function handOver(callId: string, to: string, { db, bus, sip, now }: HandOverParts, signal: AbortSignal): Promise<CallRow> {
  const found = (await findCall(db, callId)) ?? missing(callId);
  const providerCallId = found.provider === null ? null : await providerCallIdOf(db, callId);
  if ((found.state !== 'answered' && found.state !== 'held') || (found.legId === null && providerCallId === null))
    throw new PolybError('failed_precondition', `Only an answered call can be transferred; this one is ${found.state}.`, {
      reason: 'not_answered',
    });
  if (providerCallId !== null) await sip?.refer(providerCallId, referTarget(to), signal);
  else await bus.call(telephony.transfer, { legId: found.legId ?? '', to }, { signal });
  return await bus.commit(async (tx) => {
    const transferred = (await markTransferred(tx, callId, to)) ?? missing(callId);
    const { leadId, direction } = transferred;
    tx.emit(calls.call_transferred, { callId, leadId, direction, to, at: new Date(now()).toISOString() });
    return transferred;
  });
}
/** The address of a callee in a provider's REFER. @throws PolybError unimplemented for a page of the desk, which carriers cannot reach */
export function referTarget(callee: string): string {
  if (callee.startsWith('person:'))
    throw new PolybError(
      'unimplemented',
      'The provider that has this call reaches phones and SIP addresses only, not the pages of the desk.',
    );
  return callee.startsWith('+') ? `tel:${callee}` : callee;
}
