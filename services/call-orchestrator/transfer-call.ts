import type { Handler } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import { type ConsultParts, consult } from './consult.ts';
import { type HandOverParts, handOver } from './hand-over.ts';

/** @throws PolybError failed_precondition/not_answered, or unimplemented if the gateway, or the provider that has the call, cannot */
export function transferCall(parts: ConsultParts & HandOverParts): Handler<typeof calls.transfer_call> {
  return async ({ callId, to, mode, summary = null }, { call, signal }) => {
    const asHandled = { ...parts, bus: { ...parts.bus, call } };
    if (mode === 'blind') return await handOver(callId, to, asHandled, signal);
    return (await consult({ callId, to, summary }, asHandled, signal)).call;
  };
}
