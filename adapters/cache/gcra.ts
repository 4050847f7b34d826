/**
 * The generic cell rate algorithm in integers, so that a bucket of sixty allows exactly sixty.
 *
 * A *unit* is 1/limit of a millisecond: a bucket drains `limit` units per millisecond, a take adds `windowMs`, and
 * `limit * windowMs` is full. Limits and windows that settings allow stay below 2^53 units.
 */
import type { Limit, RateDecision } from './port.ts';

export interface Bucket {
  /** Unix ms. */
  readonly at: number;
  /** Units that had not drained at that time. */
  readonly level: number;
}

/** One take, and the bucket after it. A clock that was set back drains nothing and blocks nothing. */
export function takeFrom(bucket: Bucket | undefined, now: number, limit: Limit, cost: number): readonly [RateDecision, Bucket] {
  const full = limit.limit * limit.windowMs;
  const at = Math.floor(now);
  const drained = Math.max(0, at - (bucket?.at ?? at)) * limit.limit;
  // A bucket filled under another limit may contain more.
  const before = Math.min(full, Math.max(0, (bucket?.level ?? 0) - drained));
  const after = before + cost * limit.windowMs;
  const isAllowed = after <= full;
  const level = isAllowed ? after : before;
  return [takenOf({ isAllowed, level }, limit, cost), { at, level }];
}

/** The decision about a take, from the bucket after it. */
export function takenOf(
  { isAllowed, level }: { readonly isAllowed: boolean; readonly level: number },
  { limit, windowMs }: Limit,
  cost: number,
): RateDecision {
  const full = limit * windowMs;
  return {
    isAllowed,
    remaining: Math.floor((full - level) / windowMs),
    resetMs: Math.ceil(level / limit),
    retryAfterMs: isAllowed ? 0 : Math.ceil((level + cost * windowMs - full) / limit),
  };
}
