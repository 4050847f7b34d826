import type { Cause } from './port.ts';

/** The cause of a hang-up for a final SIP response. Source: RFC 3261, section 21, and RFC 3398, section 8.2.6. */
export function causeOfSip(status: number): Cause {
  return causes[status] ?? (status >= 500 ? 'network_failure' : 'unknown');
}
const causes: Readonly<Record<number, Cause>> = {
  403: 'not_allowed',
  404: 'wrong_number',
  408: 'no_answer',
  410: 'wrong_number',
  415: 'incompatible',
  423: 'network_failure',
  480: 'unreachable',
  484: 'wrong_number',
  486: 'busy',
  487: 'cancelled',
  488: 'incompatible',
  502: 'unreachable',
  503: 'congestion',
  504: 'unreachable',
  600: 'busy',
  603: 'rejected',
  604: 'wrong_number',
  606: 'incompatible',
  607: 'rejected',
  608: 'rejected',
};
