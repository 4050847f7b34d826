/** Ends the phone's side of a call, through its gateway or through the provider of speech models that has it. */
import type { SipCalls } from '../../adapters/realtime/port.ts';
import type { Call, Queries } from '../../bus/service.ts';
import { telephony } from '../../contracts/telephony.ts';
import { providerCallIdOf } from './realtime/speech-call-rows.ts';
import type { HangUpCall } from './rows.ts';

/** No effect on a call that no longer exists there. */
export type HangUp = (call: HangUpCall, by: { readonly call: Call; readonly signal: AbortSignal }) => Promise<void>;

export function hangUpCalls(db: Queries, sip: SipCalls | undefined): HangUp {
  return async ({ callId, legId, provider }, { call, signal }) => {
    if (provider !== null) {
      const providerCallId = await providerCallIdOf(db, callId);
      if (providerCallId !== null) await sip?.hangUp(providerCallId, signal);
    } else if (legId !== null) await call(telephony.hang_up, { legId }, { signal });
  };
}
