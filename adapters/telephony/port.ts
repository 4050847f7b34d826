/** What telephony-gateway needs of a vendor. A *leg* is one phone rung by one gateway. */

import type { z } from 'zod';
import type { CallOutcome } from '../../contracts/crm.ts';
import type { Effect, PayloadOf } from '../../contracts/kit/define.ts';
import type { telephony } from '../../contracts/telephony.ts';
import type { Queries } from '../deps.ts';

export type Outcome = z.output<typeof CallOutcome>;
export type LegChange = PayloadOf<typeof telephony.leg_changed>;
export interface DueChanges {
  /** Oldest first; of one leg always in order. */
  readonly changes: readonly LegChange[];
  /** Unix ms of the next change that can be foreseen; null while no leg is live. */
  readonly nextAt: number | null;
}
/** Legs whose changes are pulled. */
export interface Legs {
  /** Takes at most `limit` legs' changes up to `now` (Unix ms) within `tx`: each change once, whoever asks, when `tx` commits. */
  due(tx: Queries, now: number, limit: number): Promise<DueChanges>;
  /** Removes legs that ended before this time, Unix ms. */
  forget(before: number): Promise<void>;
}
export interface Telephony {
  readonly dial: Effect<typeof telephony.dial>;
  /** False when the gateway will not tell how a call went. */
  readonly reportsEnd: boolean;
  /** Ends a leg; one that has ended stays as it is. @throws PolybError not_found, or unimplemented where the gateway cannot. */
  hangUp(legId: string, signal: AbortSignal): Promise<void>;
  /** Connects an answered leg to another phone (E.164). @throws PolybError not_found, failed_precondition/not_answered, or unimplemented where the gateway cannot. */
  transfer(legId: string, to: string, signal: AbortSignal): Promise<void>;
  /** Absent where nothing is to be pulled. */
  readonly legs?: Legs;
}
