import type { Limit, Taken } from './port.ts';

/** One take by the generic cell rate algorithm. `fullAt` is when the bucket is full again, Unix ms; the second value is the new one. */
export function takeFrom(fullAt: number, now: number, { limit, windowMs }: Limit, cost: number): readonly [Taken, number] {
  const each = windowMs / limit;
  const before = Math.max(fullAt, now);
  const after = before + each * cost;
  const waitMs = after - windowMs - now;
  const isAllowed = waitMs <= 0;
  const stands = isAllowed ? after : before;
  return [
    {
      isAllowed,
      remaining: Math.max(0, Math.floor((windowMs - (stands - now)) / each + 1e-9)),
      resetMs: Math.ceil(stands - now),
      retryAfterMs: isAllowed ? 0 : Math.ceil(waitMs),
    },
    stands,
  ];
}
