/** Health of dependencies in the replies to a ping. */
import { z } from 'zod';
import type { Bus } from '../service.ts';
import type { DependencyStatus } from './dependencies.ts';

export interface DependencyReport extends DependencyStatus {
  /** The daemon's folder. */
  readonly service: string;
}
const Statuses = z.array(
  z.object({
    target: z.string().max(200),
    failure: z.string().max(200).nullable(),
    since: z.number(),
    at: z.number(),
  }),
);
const Ping = z.object({ metadata: z.object({ 'polyb.daemon': z.string(), 'polyb.health': z.string() }) });

/** The latest report for each service and target. Replies of other programs are ignored. */
export function dependencyReports(pings: readonly unknown[]): readonly DependencyReport[] {
  const last = new Map<string, DependencyReport>();
  for (const ping of pings) {
    const metadata = Ping.safeParse(ping).data?.metadata;
    if (metadata === undefined) continue;
    const service = metadata['polyb.daemon'];
    for (const report of parsed(metadata['polyb.health'])) {
      const key = `${service} ${report.target}`;
      if (report.at >= (last.get(key)?.at ?? 0)) last.set(key, { service, ...report });
    }
  }
  return [...last.values()].sort((a, b) => (`${a.service} ${a.target}` < `${b.service} ${b.target}` ? -1 : 1));
}
function parsed(text: string): z.output<typeof Statuses> {
  try {
    return Statuses.safeParse(JSON.parse(text)).data ?? [];
  } catch {
    return []; // a reply of another program
  }
}

const freshMs = 1_000;

/** Replies to a ping of all instances, at most a second old; none while the bus is unavailable, which is reported separately. */
export function gatherPings(bus: Pick<Bus, 'gather'>, now: () => number): () => Promise<readonly unknown[]> {
  let asked: { readonly at: number; readonly answers: Promise<readonly unknown[]> } | undefined;
  return () => {
    if (asked === undefined || now() - asked.at > freshMs)
      asked = { at: now(), answers: bus.gather('$SRV.PING', {}, { waitMs: 500, quietMs: 150 }).catch(() => []) };
    return asked.answers;
  };
}
/** Health of the dependencies of all services, at most a second old; empty while the bus is unavailable. */
export function gatherDependencies(bus: Pick<Bus, 'gather'>, now: () => number): () => Promise<readonly DependencyReport[]> {
  const pings = gatherPings(bus, now);
  return async () => dependencyReports(await pings());
}
