import type { Bus, Handler, Queries } from '../../bus/service.ts';
import type { calls } from '../../contracts/calls.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { handOver } from './hand-over.ts';

/** @throws PolybError failed_precondition/not_answered. */
export function transferCall(db: Queries, bus: Pick<Bus, 'commit' | 'call'>, now: () => number): Handler<typeof calls.transfer_call> {
  return async ({ callId, to, mode }, { call, signal }) => {
    if (mode === 'attended') throw new PolybError('unimplemented', 'Calls can only be transferred blind; leave out the mode.');
    return await handOver(callId, to, { db, bus: { ...bus, call }, now }, signal);
  };
}
