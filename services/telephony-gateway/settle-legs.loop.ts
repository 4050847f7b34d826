import type { LegChange, Telephony } from '../../adapters/telephony/port.ts';
import type { Bus } from '../../bus/bus.ts';
import { type Log, type Loop, loop, type Queries } from '../../bus/service.ts';
import { telephony } from '../../contracts/telephony.ts';
import { type LostLeg, storeChange, takeLost } from './rows.ts';

const beatMs = 1_000;
/** A holder without a heartbeat for this long is dead. */
export const silentMs = 5_000;
const batch = 100;
const abandonMs = 2_000;

/** Ends legs whose holder died: at the phone, as far as the gateway can, and in the records of the call. */
export function settleLegs(
  gateway: Pick<Telephony, 'abandon'>,
  { bus, db, holder, now, log }: { bus: Pick<Bus, 'commit'>; db: Queries; holder: string; now: () => number; log: Log },
): Loop {
  async function settle(leg: LostLeg, signal: AbortSignal): Promise<void> {
    try {
      await gateway.abandon?.(leg.legId, leg.dialog, AbortSignal.any([signal, AbortSignal.timeout(abandonMs)]));
    } catch (err) {
      log.warn({ err, legId: leg.legId }, 'a leg whose holder died could not be ended at the phone; it ends by its own timer');
    }
    const end = endOf(leg, now());
    await bus.commit(async (tx) => {
      if (await storeChange(tx, end)) tx.emit(telephony.leg_changed, end);
    });
  }
  return loop('settle_legs', { idleMs: beatMs }, async (signal) => {
    const lost = await takeLost(db, holder, silentMs, batch);
    await Promise.all(lost.map((leg) => settle(leg, signal)));
    return lost.length === batch ? 'more' : 'idle';
  });
}

function endOf({ dialog: _, wasAnswered, ...leg }: LostLeg, at: number): LegChange {
  const how = { outcome: wasAnswered ? 'answered' : 'failed', hangUpCause: 'holder_lost', q850: null, endedBy: 'system' } as const;
  return { ...leg, state: 'ended', ...how, at: new Date(at).toISOString() };
}
