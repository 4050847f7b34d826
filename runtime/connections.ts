/** How many connections to PostgreSQL a process opens at most. */
import { availableParallelism } from 'node:os';
import { leaseConnections } from '../adapters/store/index.ts';

/** Those for work, without those for leases. */
export function workConnections(services: number, wanted: number | undefined): number {
  return wanted ?? Math.min(24, 8 + 2 * services * availableParallelism());
}
/** All processes together: one a service, or one for all; and one more, since a restart starts the new one first. */
export function allConnections({
  services,
  isOneProcess,
  wanted,
}: {
  services: number;
  isOneProcess: boolean;
  wanted: number | undefined;
}): number {
  const each = workConnections(isOneProcess ? services : 1, wanted) + leaseConnections;
  return each * (isOneProcess ? 2 : services + 1);
}
