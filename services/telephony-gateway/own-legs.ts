import type { Bus } from '../../bus/service.ts';
import type { Contract } from '../../contracts/kit/define.ts';

/** The legs whose owned methods and streams this instance serves. */
export interface OwnedLegs {
  /** A repeat has no effect. */
  own(legId: string): void;
  release(legId: string): void;
  /** Owns exactly these legs. */
  keep(legIds: readonly string[]): void;
}

export function ownLegs(bus: Pick<Bus, 'own'>, ...contracts: readonly Contract[]): OwnedLegs {
  const owned = new Map<string, readonly Disposable[]>();
  const own = (legId: string): void => {
    if (!owned.has(legId))
      owned.set(
        legId,
        contracts.map((entries) => bus.own(entries, { legId })),
      );
  };
  const release = (legId: string): void => {
    for (const each of owned.get(legId) ?? []) each[Symbol.dispose]();
    owned.delete(legId);
  };
  return {
    own,
    release,
    keep(legIds) {
      const kept = new Set(legIds);
      for (const legId of owned.keys()) if (!kept.has(legId)) release(legId);
      for (const legId of kept) own(legId);
    },
  };
}
