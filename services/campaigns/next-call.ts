/** Decides the next state of a member after a call, or after a row that led to no call. Pure. */
import type { calls } from '../../contracts/calls.ts';
import type { PayloadOf } from '../../contracts/kit/define.ts';
import type { AttemptRow, MemberChange, Rules } from './rows.ts';

type EndedCall = Pick<PayloadOf<typeof calls.call_ended>, 'outcome' | 'answeredBy'>;
/** Counted calls, and those answered by a machine, including the one that has just ended. */
interface CallCounts {
  readonly attempts: number;
  readonly machines: number;
}
const over = (state: Exclude<MemberChange['state'], 'waiting'>, reason: string): MemberChange => ({ state, reason, dueAt: null });
const again = (reason: string, at: number): MemberChange => ({ state: 'waiting', reason, dueAt: new Date(at) });

export const isMachine = ({ outcome, answeredBy }: EndedCall): boolean => outcome === 'answered' && answeredBy === 'machine';

/** Busy: after a while. No answer or a machine: in the next window. Rejected: never again, since that is the member's own decision. */
export function afterCall(
  ended: EndedCall,
  used: CallCounts,
  { rules, notAfter, now }: { readonly rules: Rules; readonly notAfter: Date; readonly now: number },
): MemberChange {
  const retry = (reason: string, at: number) => (used.attempts < rules.attempts ? again(reason, at) : over('not_answered', reason));
  switch (ended.outcome) {
    case 'answered':
      if (!isMachine(ended)) return over('answered', 'answered');
      return used.machines > rules.machineRetries ? over('not_answered', 'machine') : retry('machine', notAfter.getTime());
    case 'busy':
    case 'failed':
      return retry(ended.outcome, now + rules.busyRetryMs);
    case 'no_answer':
      return retry('no_answer', notAfter.getTime());
    case 'rejected':
      return over('refused', 'rejected');
    case 'cancelled':
      return over('review', 'cancelled');
    case 'unknown': // The member may have been called.
      return over('review', 'unknown_outcome');
  }
}

/**
 * After a row that ended without a call.
 * @param reason why it failed
 */
export function afterRow(
  state: 'failed' | 'rejected' | 'expired' | 'stale' | 'cancelled',
  reason: string | null,
  { withdrawnAt, notAfter, rules, now }: Pick<AttemptRow, 'withdrawnAt' | 'notAfter'> & { readonly rules: Rules; readonly now: number },
): MemberChange {
  switch (state) {
    case 'stale': // Withdrawn by a pause, or the window was over.
      return withdrawnAt === null ? again('window_over', notAfter.getTime()) : again('withdrawn', now);
    case 'expired':
      return again('window_over', now);
    case 'rejected':
      return over('not_allowed', 'rejected_by_staff');
    case 'cancelled':
      return over('not_allowed', 'cancelled_by_staff');
    case 'failed':
      if (reason === 'do_not_call') return over('not_allowed', 'do_not_call');
      if (reason === 'active_call') return again('active_call', now + rules.busyRetryMs);
      return over('review', reason ?? 'failed');
  }
}
