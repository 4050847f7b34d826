import type { Bus } from '../../bus/bus.ts';
import { type ServiceStanding, standingsIn } from '../../bus/telemetry/dependency-reports.ts';

const freshMs = 1_000;

/** How those outside stand whom the services ask, as it was at most a second ago; none when the bus is away. */
export function outsiders(bus: Pick<Bus, 'gather'>, now: () => number): () => Promise<readonly ServiceStanding[]> {
  let asked: { readonly at: number; readonly answers: Promise<readonly ServiceStanding[]> } | undefined;
  return () => {
    if (asked === undefined || now() - asked.at > freshMs)
      asked = {
        at: now(),
        answers: bus.gather('$SRV.PING', {}, { waitMs: 500, quietMs: 150 }).then(
          standingsIn,
          () => [], // that the bus is away is told beside it
        ),
      };
    return asked.answers;
  };
}
