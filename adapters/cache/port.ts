import type { Cache } from '../../contracts/kit/ports.ts';

export type { Cache, Limit, RateDecision } from '../../contracts/kit/ports.ts';

/** A cache whose owner closes it. */
export interface OpenCache extends Cache {
  close(): Promise<void>;
}
