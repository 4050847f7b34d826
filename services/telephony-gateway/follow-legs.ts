import { setTimeout as delay } from 'node:timers/promises';
import type { Legs } from '../../adapters/telephony/port.ts';
import type { Bus } from '../../bus/bus.ts';
import { type Loop, loop } from '../../bus/service.ts';
import { settled } from '../../contracts/define.ts';
import { telephony } from '../../contracts/telephony.ts';

const batch = 100;
/** How long a change that could not be foreseen (a hang-up, a new leg) may stay unnoticed while legs are live. */
const liveIdleMs = 250;
/** Between two looks at legs that another process is just telling of. */
const contendedMs = 20;

/** Tells of what becomes of legs. Every process runs it: a leg that one of them is telling of is skipped by the others. */
export function followLegs(legs: Legs, bus: Pick<Bus, 'commit'>, now: () => number): Loop {
  return loop('follow_legs', { idleMs: 2_000, wakeOn: settled(telephony.dial) }, async (signal) => {
    const { changes, nextAt } = await bus.commit(async (tx) => {
      const due = await legs.due(tx, now(), batch);
      for (const change of due.changes) tx.emit(telephony.leg_changed, change);
      return due;
    });
    if (nextAt === null) return 'idle';
    const untilNext = Math.max(nextAt - now(), changes.length > 0 ? 0 : contendedMs);
    await delay(Math.min(untilNext, liveIdleMs), undefined, { signal }).catch(() => {}); // stopped: whoever runs the loop sees it too
    return 'more';
  });
}
