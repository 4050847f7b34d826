import type { Cause } from './port.ts';

/** The cause of a hang-up for a cause of ITU-T Q.850, table 1; causes without a meaning here are `unknown`. */
export function causeOfQ850(q850: number): Cause {
  return causes[q850] ?? 'unknown';
}
const causes: Readonly<Record<number, Cause>> = {
  1: 'wrong_number', // unallocated number
  2: 'unreachable', // no route to the transit network
  3: 'unreachable', // no route to the destination
  16: 'normal',
  17: 'busy',
  18: 'no_answer', // no user responding
  19: 'no_answer', // user alerted
  20: 'unreachable', // subscriber absent
  21: 'rejected',
  22: 'wrong_number', // number changed
  27: 'unreachable', // destination out of order
  28: 'wrong_number', // invalid number format
  31: 'normal', // unspecified
  34: 'congestion', // no circuit available
  38: 'network_failure',
  41: 'network_failure', // temporary failure
  42: 'congestion', // of switching equipment
  50: 'not_allowed', // facility not subscribed
  57: 'not_allowed', // bearer capability not authorised
  58: 'incompatible', // bearer capability not available
  65: 'incompatible', // bearer capability not implemented
  79: 'incompatible', // service not implemented
  88: 'incompatible', // destination
  102: 'no_answer', // recovery on timer expiry
  127: 'unknown',
};
