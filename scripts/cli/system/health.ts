/** Who is well, as the bus tells: every instance of every daemon that answers. */
import type { BusHost } from '../../../bus/bus.ts';
import { type DependencyReport, dependencyReports } from '../../../bus/telemetry/dependency-reports.ts';
import type { Expected } from './expected.ts';

export interface Instance {
  readonly id: string;
  /** Version and hash of each contract that it answers for, by the contract's name. */
  readonly contracts: ReadonlyMap<string, { readonly version: string; readonly schema: string }>;
}
/** Instances by daemon, which is a service's folder. */
export type OnBus = ReadonlyMap<string, readonly Instance[]>;

/** What one round of pings tells. */
export interface Heard {
  readonly instances: OnBus;
  readonly reports: readonly DependencyReport[];
}

/** @param quietMs How long nobody may have answered before all are taken to have. */
export async function askBus(bus: Pick<BusHost, 'gather'>, signal: AbortSignal, quietMs = 200): Promise<OnBus> {
  return (await hear(bus, signal, quietMs)).instances;
}
export async function hear(bus: Pick<BusHost, 'gather'>, signal: AbortSignal, quietMs = 200): Promise<Heard> {
  const pings = await bus.gather('$SRV.PING', {}, { waitMs: quietMs * 5, quietMs, signal });
  return { instances: instancesIn(pings), reports: dependencyReports(pings) };
}

/** `telegram:updates: upstream_failed/bad_reply since 2026-11-20T14:02:10.000Z`; undefined when it works. */
export function failureOf({ target, failure, since }: DependencyReport): string | undefined {
  return failure === null ? undefined : `${target}: ${failure} since ${new Date(since).toISOString()}`;
}

function instancesIn(pings: readonly unknown[]): OnBus {
  const daemons = new Map<string, Map<string, Map<string, { version: string; schema: string }>>>();
  for (const answer of pings) {
    const { name, id, version, metadata } = answer as Partial<Ping>;
    const daemon = metadata?.['polyb.daemon'];
    // Other programs may answer on the same bus.
    if (name === undefined || id === undefined || daemon === undefined) continue;
    const instances = at(daemons, daemon, () => new Map());
    at(instances, id, () => new Map()).set(name, { version: version ?? '', schema: metadata?.['polyb.schema'] ?? '' });
  }
  return new Map([...daemons].map(([daemon, instances]) => [daemon, [...instances].map(([id, contracts]) => ({ id, contracts }))]));
}
interface Ping {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly metadata: { readonly 'polyb.daemon'?: string; readonly 'polyb.schema'?: string } | null;
}

/** Instances that answer for every contract of their service. */
export function readyInstances(onBus: OnBus, { folder, contracts }: Expected): readonly Instance[] {
  return (onBus.get(folder) ?? []).filter((instance) => contracts.every((name) => instance.contracts.has(name)));
}

function at<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
