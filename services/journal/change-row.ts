import type { z } from 'zod';
import type { AdminRow, AuditAction, JournalAdmin } from '../../adapters/store/journal-admin.ts';
import type { Context } from '../../bus/service.ts';
import { actorOf, type Viewer } from '../../contracts/common.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Counting } from '../../contracts/kit/metric.ts';
import { findRow } from './find-row.ts';
import { samePersonAmong } from './persons.ts';
import { holderOf, type ShownRow, showRow } from './shown-row.ts';
import { managerOf } from './viewer.ts';

export interface JournalParts {
  readonly desk: JournalAdmin;
  readonly metrics: Counting;
  /** Wakes those who show rows: the database stores the event of the change, and only a transaction of the bus announces its events. */
  readonly announce: (row: Pick<ShownRow, 'id' | 'method' | 'state' | 'updatedAt'>) => void;
  /** Unix ms. */
  readonly now: () => number;
}
export interface RowChange {
  readonly id: string;
  /** The states from which it is allowed, for the error. */
  readonly expected: string;
  /** One statement that names the expected state. False: the row was in another. */
  readonly change: (row: AdminRow) => Promise<boolean>;
  readonly hash?: string | undefined;
  readonly who?: string;
  /** The manager who acts; other people's chats are not found. */
  readonly manager?: string | undefined;
  /** Whose approval the row must need, for a change that gives one. */
  readonly needs?: 'staff' | 'customer';
}

/** Changes a row and returns it; when the change is refused, derives the error from the current row.
 *  @throws PolybError conflict; failed_precondition */
export async function changeRow({ desk, now, announce }: Omit<JournalParts, 'metrics'>, of: RowChange): Promise<ShownRow> {
  const row = await findRow(desk, of.id, of.manager);
  const isChanged = await of.change(row);
  const current = await findRow(desk, row.id, of.manager);
  if (!isChanged) throw refusal(current, of, of.who !== undefined && (await hasApproved(desk, current, of.who)), now());
  const shown = await showRow(desk, current, now());
  announce(shown);
  return shown;
}

/** Whether the actor, or the same person as another actor, has approved the current version. */
export async function hasApproved(desk: JournalAdmin, row: AdminRow, who: string): Promise<boolean> {
  if (row.approved_by.length === 0) return false;
  const isSame = await samePersonAmong(desk, [...row.approved_by, who]);
  return row.approved_by.some((by) => isSame(by, who));
}

function refusal(row: AdminRow, { expected, hash, who, needs }: RowChange, isRepeated: boolean, now: number): PolybError {
  const { id, state } = row;
  if (needs !== undefined && row.approval !== needs && row.approval !== 'both') return notTheirs(id, needs);
  const holder = holderOf(row, now);
  if (holder !== null && holder !== who)
    return new PolybError('conflict', `${id} is held by ${holder} until ${row.viewer_until?.toISOString()}.`, { reason: 'held' });
  if (hash !== undefined && state === 'proposed' && row.hash !== hash)
    return new PolybError('failed_precondition', `${id} has been edited; read it again: polyb approvals show ${id}`, {
      reason: 'hash_mismatch',
    });
  if (state === 'proposed' && isRepeated)
    return new PolybError('conflict', `${who}, or another key of the same person, has already approved ${id}; another person must.`, {
      reason: 'same_person',
    });
  const isDecided = expected === 'proposed' && state !== 'proposed';
  const why = state === 'stale' && row.error?.detail ? `: ${row.error.detail}` : `; expected ${expected}.`;
  return new PolybError(isDecided ? 'conflict' : 'failed_precondition', `${id} is ${state}${why}`, {
    reason: !isDecided ? 'wrong_state' : state === 'stale' ? 'stale' : 'decided',
    data: { rowId: id, state },
  });
}

function notTheirs(id: string, needs: 'staff' | 'customer'): PolybError {
  return needs === 'staff'
    ? new PolybError('failed_precondition', `Only the customer can confirm ${id}; reject it, or write to the customer.`, {
        reason: 'customer_decides',
      })
    : new PolybError('failed_precondition', `${id} does not wait for the customer.`, { reason: 'staff_decides' });
}

/** The audit entry of an action by the caller. */
export function auditActionOf(
  { caller }: Context,
  did: string,
  { why, onBehalfOf, viewer }: { why?: string | undefined; onBehalfOf?: string | undefined; viewer?: z.output<typeof Viewer> },
): AuditAction {
  return { who: actorOf(caller, onBehalfOf), did, manager: managerOf(viewer), ...(why === undefined ? {} : { why }) };
}
