import type { Legs } from '../../adapters/telephony/port.ts';
import type { Bus } from '../../bus/bus.ts';
import type { Notifier } from '../../bus/durable/notifier.ts';
import { type Loop, loop } from '../../bus/service.ts';
import { telephony } from '../../contracts/telephony.ts';

const batch = 100;
/** Without active legs: how long a leg placed by a process that died may go unnoticed. */
const idleMs = 2_000;
/** How long an unpredictable change (a hang-up) may go unnoticed. */
const liveIdleMs = 250;
/** Pause before looking again at legs that another process is reporting. */
const contendedMs = 20;

/** Emits changes of legs. Every process runs it; a leg that one of them is processing is skipped by the others. */
export function followLegs(legs: Legs, { bus, now, placed }: { bus: Pick<Bus, 'commit'>; now: () => number; placed: Notifier }): Loop {
  return loop('follow_legs', { idleMs }, async (signal) => {
    const { changes, nextAt } = await bus.commit(async (tx) => {
      const due = await legs.due(tx, now(), batch);
      for (const change of due.changes) tx.emit(telephony.leg_changed, change);
      return due;
    });
    const untilNextMs = nextAt === null ? idleMs : Math.min(nextAt - now(), liveIdleMs);
    await placed.wait(Math.max(untilNextMs, changes.length > 0 ? 0 : contendedMs), signal);
    return 'more';
  });
}
