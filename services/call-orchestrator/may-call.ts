import { type Guard, guard, type Queries, type Verdict } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import type { ParsedOf } from '../../contracts/kit/define.ts';
import { placeIn } from './hours.ts';
import type { Policy } from './policy.ts';
import { attemptsSince, standing } from './rows.ts';

/** Retry interval for a busy phone. */
export const askAgainMs = 2_000;

/** Whether a phone may be called now: it must not be in a call, over the daily limit, in quiet hours or on the do-not-call list. */
export function mayCall(policy: () => Promise<Policy>, now: () => number): Guard {
  return guard(calls.start_call, async (callee, tx) => judge(await policy(), now(), callee, tx));
}

/**
 * A guard can only query the database, so the contact's zone must come with the request (`push_to_crm` returns it) or from an
 * earlier call to the same phone; otherwise the default of the policy applies.
 */
async function judge(
  policy: Policy,
  now: number,
  callee: Pick<ParsedOf<typeof calls.start_call>, 'phoneNumber' | 'timeZone' | 'notAfter'>,
  tx: Queries,
): Promise<Verdict> {
  const { isForbidden, isInCall, timeZone } = await standing(tx, callee.phoneNumber);
  if (isForbidden) return { refuse: 'do_not_call' };
  const place = placeIn(callee.timeZone ?? timeZone ?? policy.timeZone);
  const attempts = await attemptsSince(tx, callee.phoneNumber, new Date(place.dayStart(now)));
  const waits = [
    { reason: 'attempts', until: attempts >= policy.attemptsPerDay ? place.nextAllowed(policy.hours, place.nextDay(now)) : now },
    { reason: 'quiet_hours', until: place.nextAllowed(policy.hours, now) },
    { reason: 'active_call', until: isInCall ? now + askAgainMs : now },
  ];
  const longest = waits.reduce((longer, each) => (each.until > longer.until ? each : longer));
  if (callee.notAfter !== undefined && longest.until > Date.parse(callee.notAfter))
    return { refuse: 'stale', why: 'The call may not be started as late as it would have to be.' };
  return longest.until > now ? { notBefore: new Date(longest.until), reason: longest.reason } : 'go';
}
