import type { Bus } from '../../bus/bus.ts';
import { type Call, type Loop, loop, type Queries } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import { telephony } from '../../contracts/telephony.ts';
import {
  consultationsToHangUp,
  failedConsultations,
  failLateConsultations,
  markPersonHungUp,
  settleConsultation,
} from './consultation-rows.ts';
import { advance, findCall } from './rows.ts';

/** Time for a person to hear the summary and decide. */
const decideMs = 90_000;
/** Time to connect both; after it, the connecting process counts as dead. */
const connectMs = 30_000;
const batch = 20;

/** Returns customers whom nobody has taken to their speaker, and hangs up the people of failed consultations. */
export function settleConsultations(
  db: Queries,
  bus: Pick<Bus, 'commit'>,
  call: Call,
  { now, ringMs }: { readonly now: () => number; readonly ringMs: number },
): Loop {
  return loop('settle_consultations', { idleMs: 1_000, wakeOn: telephony.leg_changed }, async (signal) => {
    await failLateConsultations(db, { now: now(), ringMs, decideMs, connectMs });
    const done = await Promise.allSettled([
      ...(await failedConsultations(db, batch)).map(async ({ consultationId, callId }) => {
        const customer = await findCall(db, callId);
        if (customer !== null && customer.legId !== null && customer.state !== 'ended')
          await call(telephony.stop, { legId: customer.legId }, { signal }).catch(ignoreGone);
        await bus.commit(async (tx) => {
          const at = new Date(now());
          await settleConsultation(tx, consultationId, at);
          const resumed = customer?.state === 'transferring' ? await advance(tx, callId, 'resumed', at) : null;
          if (resumed !== null)
            tx.emit(calls.call_resumed, { callId, leadId: resumed.leadId, direction: resumed.direction, at: at.toISOString() });
        });
      }),
      ...(await consultationsToHangUp(db, batch)).map(async ({ consultationId, legId }) => {
        await call(telephony.hang_up, { legId: legId ?? '' }, { signal }).catch(ignoreGone);
        await markPersonHungUp(db, consultationId, new Date(now()));
      }),
    ]);
    const failed = done.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
    return 'idle';
  });
}

function ignoreGone(error: unknown): void {
  if (!isPolybError(error) || !['not_found', 'failed_precondition', 'unimplemented'].includes(error.code)) throw error;
}
