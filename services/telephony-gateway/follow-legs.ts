import type { Legs } from '../../adapters/telephony/port.ts';
import type { Bus } from '../../bus/bus.ts';
import { type Loop, loop } from '../../bus/service.ts';
import { telephony } from '../../contracts/telephony.ts';
import type { Bell } from './notifier.ts';

const batch = 100;
/** While no leg is live: how long one may go unnoticed that was placed by a process that died. */
const idleMs = 2_000;
/** How long a change that could not be foreseen (a hang-up) may stay unnoticed. */
const liveIdleMs = 250;
/** Between two looks at legs that another process is just telling of. */
const contendedMs = 20;

/** Tells of what becomes of legs. Every process runs it: a leg that one of them is telling of is skipped by the others. */
export function followLegs(legs: Legs, { bus, now, placed }: { bus: Pick<Bus, 'commit'>; now: () => number; placed: Bell }): Loop {
  return loop('follow_legs', { idleMs }, async (signal) => {
    const { changes, nextAt } = await bus.commit(async (tx) => {
      const due = await legs.due(tx, now(), batch);
      for (const change of due.changes) tx.emit(telephony.leg_changed, change);
      return due;
    });
    const untilNextMs = nextAt === null ? idleMs : Math.min(nextAt - now(), liveIdleMs);
    await placed.sleep(Math.max(untilNextMs, changes.length > 0 ? 0 : contendedMs), signal);
    return 'more';
  });
}
