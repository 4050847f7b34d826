/** The port of telephony-gateway. A *leg* is one phone dialled by one gateway. */

import type { z } from 'zod';
import type { CallOutcome } from '../../contracts/crm.ts';
import type { Effect, PayloadOf } from '../../contracts/kit/define.ts';
import type { telephony } from '../../contracts/telephony.ts';
import type { Queries } from '../deps.ts';

export type LegOutcome = z.output<typeof CallOutcome>;
export type LegChange = PayloadOf<typeof telephony.leg_changed>;
export interface DueChanges {
  /** Oldest first; in order for each leg. */
  readonly changes: readonly LegChange[];
  /** Unix ms of the next predictable change; null without active legs. */
  readonly nextAt: number | null;
}
/** Legs whose changes are pulled. */
export interface Legs {
  /**
   * Takes the changes of at most `limit` legs up to `now` (Unix ms) within `tx`. Each change is taken once, by any process, when `tx`
   * commits.
   */
  due(tx: Queries, now: number, limit: number): Promise<DueChanges>;
  /** Deletes legs that ended before this time, Unix ms. */
  forget(before: number): Promise<void>;
}
export interface Telephony {
  readonly dial: Effect<typeof telephony.dial>;
  /** False when the gateway does not report how a call ends. */
  readonly reportsEnd: boolean;
  /** True when no phone rings. */
  readonly isSimulated?: boolean;
  /** Ends a leg; no effect on one that has ended. @throws PolybError not_found, or unimplemented if the gateway cannot. */
  hangUp(legId: string, signal: AbortSignal): Promise<void>;
  /**
   * Transfers an answered call to another phone (E.164). @throws PolybError not_found, failed_precondition/not_answered, or
   * unimplemented if the gateway cannot.
   */
  transfer(legId: string, to: string, signal: AbortSignal): Promise<void>;
  /** Absent if there is nothing to pull. */
  readonly legs?: Legs;
}
