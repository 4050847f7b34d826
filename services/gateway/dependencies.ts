import type { Bus } from '../../bus/bus.ts';
import { type DependencyReport, dependencyReports } from '../../bus/telemetry/dependency-reports.ts';

const freshMs = 1_000;

/** Health of the dependencies of all services, at most a second old; empty while the bus is unavailable. */
export function dependencies(bus: Pick<Bus, 'gather'>, now: () => number): () => Promise<readonly DependencyReport[]> {
  let asked: { readonly at: number; readonly answers: Promise<readonly DependencyReport[]> } | undefined;
  return () => {
    if (asked === undefined || now() - asked.at > freshMs)
      asked = {
        at: now(),
        answers: bus.gather('$SRV.PING', {}, { waitMs: 500, quietMs: 150 }).then(
          dependencyReports,
          () => [], // The unavailable bus is reported separately.
        ),
      };
    return asked.answers;
  };
}
