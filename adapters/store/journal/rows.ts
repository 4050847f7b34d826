/** Rows of `journal.rows` as PostgreSQL returns them, and the SQL that several statements share. */
import type { Row } from '../../../bus/durable/store.ts';

/** A row as PostgreSQL returns it. */
export interface StoredRow {
  id: string;
  method: string;
  key: string;
  mode: string;
  state: string;
  input: unknown;
  output: unknown;
  error: object | null;
  attempts: number;
  takeovers: number;
  token: string | null;
  ref: string;
  parent: string | null;
  step: string | null;
  edition: number;
  editions: object | null;
  edits: object | null;
  traceparent: string | null;
  caller: string | null;
  created_at: Date | string;
  attempted_at: Date | string | null;
  not_before: Date | string;
  not_after: Date | string | null;
  lease_until: Date | string | null;
  settle_at: Date | string | null;
  left_ms?: number | null;
}
const ms = (time: Date | string): number => new Date(time).getTime();
const msOrNull = (time: Date | string | null): number | null => (time === null ? null : ms(time));

/** A stored row as the runtime reads it; the table's checks justify the casts. */
export function row(stored: StoredRow): Row {
  const {
    id,
    method,
    key,
    mode,
    state,
    input,
    output,
    error,
    attempts,
    takeovers,
    ref,
    parent,
    step,
    edition,
    editions,
    edits,
    traceparent,
    caller,
  } = stored;
  return {
    id,
    method,
    key,
    mode,
    state,
    input,
    output,
    error,
    attempts,
    takeovers,
    token: stored.token ?? '',
    ref,
    parent,
    step,
    edition,
    editions,
    edits,
    traceparent,
    caller,
    createdAt: ms(stored.created_at),
    attemptedAt: ms(stored.attempted_at ?? stored.created_at),
    notBefore: ms(stored.not_before),
    notAfter: msOrNull(stored.not_after),
    leftMs: stored.left_ms ?? null,
    readAt: performance.now(),
    leaseUntil: msOrNull(stored.lease_until),
    settleAt: msOrNull(stored.settle_at),
  } as Row;
}
export const json = (value: unknown): string | null =>
  value === undefined || value === null ? null : JSON.stringify(value, bytesAsBase64);
/** Bytes are stored as base64, as in JSON. */
function bytesAsBase64(this: unknown, name: string, value: unknown): unknown {
  const raw = (this as Record<string, unknown>)[name];
  return raw instanceof Uint8Array ? Buffer.from(raw).toString('base64') : value;
}
/** A row as a step. PostgreSQL computes the rest of its time, because the clock of this process may differ. */
export const asStep = '*, (extract(epoch from not_after - clock_timestamp()) * 1000)::float8 as left_ms';
/** How long a process relies on its last read of the pauses, and so how long a pause takes to be certain, ms. */
export const pauseSettleMs = 250;
export const date = (time: number): Date => new Date(time);
export const ended = `('done', 'failed', 'rejected', 'expired', 'stale', 'cancelled')`;
/** A holder whose lease ran out may still write until another holder takes the row over. */
export const isInTime = `(rows.takeovers = 0 or rows.on_unknown <> 'function' or rows.lease_until > clock_timestamp())`;
/** A step is needed until its run ends. */
export const isOfNoOpenRun =
  '(parent is null or not exists (select from journal.rows run where run.id = rows.parent and run.ended_at is null))';
/** One line of a row's log, made in the statement so that its time is PostgreSQL's. */
export const line = (parameter: string): string =>
  `case when ${parameter}::jsonb is null then rows.log else (case when jsonb_array_length(rows.log) >= 100 then rows.log - 1 else rows.log end) || jsonb_build_array(${parameter}::jsonb || jsonb_build_object('at', now(), 'by', held_by)) end`;
