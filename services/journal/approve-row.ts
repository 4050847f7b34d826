import type { AdminRow, AuditAction, JournalAdmin } from '../../adapters/store/journal-admin.ts';
import type { Handler } from '../../bus/service.ts';
import type { journal } from '../../contracts/journal.ts';
import { auditActionOf, changeRow, hasApproved, type JournalParts } from './change-row.ts';
import { approvalDecision } from './metrics.ts';
import type { ShownRow } from './shown-row.ts';

export function approveRow(parts: JournalParts): Handler<typeof journal.approve> {
  return async ({ id, hash, ...by }, context) => {
    const action = auditActionOf(context, hash === undefined ? 'approved its current version' : 'approved', by);
    const change = (row: AdminRow) => approve(parts.desk, row, hash ?? null, action);
    return countDecision(parts, 'approved', await changeRow(parts, { id, expected: 'proposed', change, hash, ...action, needs: 'staff' }));
  };
}

/** The approvals are compared with those that were read, so that a concurrent one causes another look. */
async function approve(desk: JournalAdmin, row: AdminRow, hash: string | null, action: AuditAction): Promise<boolean> {
  if (await hasApproved(desk, row, action.who)) return false;
  if (await desk.approve(row.id, hash, action, row.approved_by)) return true;
  const [current] = await desk.find(row.id);
  const isConcurrent = current?.state === 'proposed' && current.approved_by.length > row.approved_by.length;
  return isConcurrent ? approve(desk, current, hash, action) : false;
}

/** Counts a decision that ends the wait; the first of two approvals does not. */
export function countDecision({ metrics, now }: JournalParts, decision: 'approved' | 'rejected', row: ShownRow): ShownRow {
  if (row.state !== 'proposed') metrics.observe(approvalDecision, { decision }, Math.max(0, now() - Date.parse(row.createdAt)) / 1000);
  return row;
}
