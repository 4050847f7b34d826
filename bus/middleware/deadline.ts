import { PolybError } from '../../contracts/kit/errors.ts';

/** When nobody waits any more, Unix ms: the least of the method's time and the caller's, counted from when the request was
 *  sent (clocks may differ by `skewMs`), or from its arrival. What is not after `now` has expired and must not run. */
export function deadlineOf(
  methodMs: number,
  given: { readonly timeoutMs: number; readonly sentAt: number },
  now: number,
  skewMs: number,
): number {
  const allowedMs = given.timeoutMs > 0 && given.timeoutMs < methodMs ? given.timeoutMs : methodMs;
  const fromArrival = now + allowedMs;
  if (given.sentAt === 0) return fromArrival;
  const fromSending = given.sentAt + allowedMs + skewMs;
  return fromSending < fromArrival ? fromSending : fromArrival;
}

/** When the caller stops waiting, Unix ms: the least of the method's time, the caller's own, and what its own caller left. */
export function callDeadline(methodMs: number, ownMs: number | undefined, leftUntil: number, now: number): number {
  const allowedMs = ownMs === undefined || ownMs > methodMs ? methodMs : ownMs;
  const deadlineAt = now + Math.ceil(allowedMs);
  return deadlineAt < leftUntil ? deadlineAt : leftUntil;
}

export function deadlineExceeded(address: string, outcome: 'not_executed' | 'unknown'): PolybError {
  return new PolybError('deadline_exceeded', `${address} did not reply in time.`, { outcome });
}
