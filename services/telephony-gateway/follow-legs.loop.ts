import type { Legs } from '../../adapters/telephony/port.ts';
import type { Bus } from '../../bus/bus.ts';
import type { Notifier } from '../../bus/durable/notifier.ts';
import { type Loop, loop } from '../../bus/service.ts';
import { telephony } from '../../contracts/telephony.ts';
import type { OwnedLegs } from './own-legs.ts';

const batch = 100;
/** Without active legs: how long a leg placed by a process that died may go unnoticed. */
const idleMs = 2_000;
/** How long an unpredictable change (a hang-up) may go unnoticed. */
const liveIdleMs = 250;
/** Pause before looking again at legs that another process is reporting. */
const contendedMs = 20;
/**
 * Interval at which this instance refreshes its set of owned legs: a new leg may lack an owner here, and an ended one keep it, for this
 * long.
 */
const ownMs = 1_000;
/** Maximum legs without a holder that one instance owns. */
const mostOwned = 1_000;

/**
 * Emits the changes of legs without a holder. Every process runs this loop and skips legs that another is processing. All of them own the
 * legs, in one queue group, so a leg can be hung up as long as one process runs.
 */
export function followLegs(
  legs: Legs,
  { bus, now, placed, owned }: { bus: Pick<Bus, 'commit'>; now: () => number; placed: Notifier; owned: OwnedLegs },
): Loop {
  let ownedAt = Number.NEGATIVE_INFINITY;
  return loop('follow_legs', { idleMs }, async (signal) => {
    const { changes, nextAt } = await bus.commit(async (tx) => {
      const due = await legs.due(tx, now(), batch);
      for (const change of due.changes) tx.emit(telephony.leg_changed, change);
      return due;
    });
    for (const { legId, state } of changes) if (state === 'ended') owned.release(legId);
    if (now() - ownedAt >= ownMs) {
      owned.keep(nextAt === null ? [] : await legs.live(mostOwned));
      ownedAt = now();
    }
    const untilNextMs = nextAt === null ? idleMs : Math.min(nextAt - now(), liveIdleMs);
    await placed.wait(Math.max(untilNextMs, changes.length > 0 ? 0 : contendedMs), signal);
    return 'more';
  });
}
