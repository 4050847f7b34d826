import type { Bus, Queries } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { telephony } from '../../contracts/telephony.ts';
import { missing } from './read-calls.ts';
import { type CallRow, findCall, markTransferred } from './rows.ts';

interface Parts {
  readonly db: Queries;
  readonly bus: Pick<Bus, 'commit' | 'call'>;
  readonly now: () => number;
}

/** Transfers the customer of an answered call. @throws PolybError failed_precondition/not_answered, or the refusal of the gateway. */
export async function handOver(callId: string, to: string, { db, bus, now }: Parts, signal: AbortSignal): Promise<CallRow> {
  const found = (await findCall(db, callId)) ?? missing(callId);
  if ((found.state !== 'answered' && found.state !== 'held') || found.legId === null)
    throw new PolybError('failed_precondition', `Only an answered call can be transferred; this one is ${found.state}.`, {
      reason: 'not_answered',
    });
  await bus.call(telephony.transfer, { legId: found.legId, to }, { signal });
  return await bus.commit(async (tx) => {
    const transferred = (await markTransferred(tx, callId, to)) ?? missing(callId);
    const { leadId, direction } = transferred;
    tx.emit(calls.call_transferred, { callId, leadId, direction, to, at: new Date(now()).toISOString() });
    return transferred;
  });
}
