import { PolybError } from '../../contracts/kit/errors.ts';

/** The deadline of a request, Unix ms: the lesser of the method's and the caller's time limit, counted from the sending (clocks may
 *  differ by `skewMs`) or from the arrival, whichever is earlier. A request whose deadline is not after `now` must not run. */
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

/** When the caller stops waiting, Unix ms: the least of the method's time limit, the caller's, and the rest of an outer call. */
export function callDeadline(methodMs: number, ownMs: number | undefined, leftUntil: number, now: number): number {
  const allowedMs = ownMs === undefined || ownMs > methodMs ? methodMs : ownMs;
  const deadlineAt = now + Math.ceil(allowedMs);
  return deadlineAt < leftUntil ? deadlineAt : leftUntil;
}

export function deadlineExceeded(address: string, outcome: 'not_executed' | 'unknown'): PolybError {
  return new PolybError('deadline_exceeded', `${address} did not reply in time.`, { outcome });
}
