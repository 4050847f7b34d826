import type { CallEnd } from '../../../media/sip/call.ts';
import type { LegEnd } from '../../telephony/leg-state.ts';
import { causeOfQ850 } from '../../telephony/q850.ts';
import { causeOfSip } from '../../telephony/sip-status.ts';

/** How a leg ended, from how its call did. An ISDN gateway knows more than the status that it was mapped to. */
export function legEndOf({ by, status, q850, wasAnswered }: CallEnd, didRing: boolean): LegEnd {
  const who = by === 'us' ? 'system' : by === 'peer' ? 'remote' : 'network';
  const known = { by: who, q850, ...(status === null ? {} : { sipStatus: status }) } as const;
  if (wasAnswered) return { ...known, cause: by === 'network' ? 'network_failure' : 'normal' };
  // Both sides stop waiting with 408, and so does a proxy that has found no phone.
  if (status === 408) return { ...known, by: 'network', cause: didRing ? 'no_answer' : 'unreachable' };
  if (q850 !== null && causeOfQ850(q850) !== 'unknown' && causeOfQ850(q850) !== 'normal') return { ...known, cause: causeOfQ850(q850) };
  return { ...known, cause: status === null ? 'cancelled' : causeOfSip(status) };
}
