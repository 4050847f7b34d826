/** Rows as people see them: masked, unless they are revealed. */
import type { AdminRow, JournalAdmin } from '../../adapters/store/journal-admin.ts';
import type { journal } from '../../contracts/journal.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { mask } from '../../contracts/kit/describe.ts';
import { scrub } from '../../contracts/kit/scrub.ts';

export type ShownRow = OutputOf<typeof journal.get>;
export type ListItem = OutputOf<typeof journal.list>['items'][number];
type Schemas = ReadonlyMap<string, { readonly input: object; readonly output: object }>;

export async function schemasOf(desk: Pick<JournalAdmin, 'schemas'>, rows: readonly AdminRow[]): Promise<Schemas> {
  return new Map((await desk.schemas([...new Set(rows.map(({ method }) => method))])).map((of) => [of.method, of]));
}
/** Null for an unknown schema: which of its data is personal is unknown too. */
export function maskedSide(schemas: Schemas, row: AdminRow, side: 'input' | 'output'): unknown {
  const schema = schemas.get(row.method)?.[side];
  return schema === undefined || row[side] === null ? null : mask(schema, row[side]);
}

/** A row without its input and output. @param now Unix ms. */
export function headOf(row: AdminRow, now: number): Omit<ListItem, 'hash' | 'input'> {
  const isDelayed = (row.state === 'queued' || row.state === 'waiting') && row.not_before.getTime() > now;
  return {
    id: row.id,
    method: row.method,
    key: scrub(row.key),
    mode: row.mode as ShownRow['mode'],
    state: row.state as ShownRow['state'],
    step: row.step,
    runId: row.mode === 'run' ? row.id : row.parent,
    attempts: row.attempts,
    reason: row.error?.reason ?? row.error?.code ?? null,
    error: scrub(row.error?.detail?.slice(0, 2000) ?? '') || null,
    heldBy: holderOf(row, now),
    waitsFor: row.waits_for,
    behind: row.behind,
    notBefore: isDelayed ? row.not_before.toISOString() : null,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** A row with its steps. @param now Unix ms. */
export async function showRow(
  desk: Pick<JournalAdmin, 'steps' | 'schemas'>,
  row: AdminRow,
  now: number,
  reveal = false,
): Promise<ShownRow> {
  const steps = row.mode === 'run' ? await desk.steps(row.id) : [];
  const schemas = await schemasOf(desk, [row, ...steps]);
  const sides = (of: AdminRow) => ({
    input: reveal ? of.input : maskedSide(schemas, of, 'input'),
    output: reveal ? of.output : maskedSide(schemas, of, 'output'),
  });
  return {
    ...headOf(row, now),
    ...(reveal && { key: row.key }),
    ...sides(row),
    hash: row.hash,
    caller: row.caller,
    lane: row.lane === null || reveal ? row.lane : `${row.lane.split(':')[0]}:***`,
    traceId: row.traceparent?.slice(3, 35) ?? null,
    approval: (row.approval === 'both' ? 'staff' : row.approval) as ShownRow['approval'],
    needsCustomer: row.approval === 'customer' || row.approval === 'both',
    approvers: row.approvers,
    approvedBy: [...row.approved_by],
    isConfirmed: row.confirmed !== null,
    notAfter: row.not_after?.toISOString() ?? null,
    settleAt: row.state === 'unknown' ? (row.settle_at?.toISOString() ?? null) : null,
    onUnknown: row.on_unknown as ShownRow['onUnknown'],
    log: row.log as unknown as ShownRow['log'],
    audit: (row.audit as unknown as ShownRow['audit']).map((action) => ({
      ...action,
      why: action.why === null ? null : scrub(action.why),
    })),
    steps: steps.map((step) => ({
      ...headOf(step, now),
      ...sides(step),
      startedAt: step.started_at?.toISOString() ?? null,
      endedAt: step.ended_at?.toISOString() ?? null,
      edition: step.edition,
    })),
  };
}

/** Who holds a proposed row. */
export function holderOf({ state, viewer, viewer_until }: AdminRow, now: number): string | null {
  return state === 'proposed' && viewer_until !== null && viewer_until.getTime() > now ? viewer : null;
}
