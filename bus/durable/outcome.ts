/** Converts rows to outcomes, and errors to rows. */
import { Settled } from '../../contracts/kit/define.ts';
import { fromProblem, PolybError, toPolybError, toProblem } from '../../contracts/kit/errors.ts';
import type { LogLine, Row, RowError, RowState } from './store.ts';

/** The error that a failed row stores. */
export function rowError(error: PolybError): RowError {
  const { code, reason, detail, outcome, retryAfterMs, data } = toProblem(error);
  return {
    code,
    detail,
    outcome,
    ...(reason === undefined ? {} : { reason }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(data === undefined ? {} : { data }),
  };
}
export function logLine(error: PolybError, ms: number): LogLine {
  return {
    ms: Math.round(ms),
    code: error.code,
    reason: error.reason ?? null,
    message: error.message.slice(0, 2000),
    evidence: error.evidence ?? null,
  };
}

/** True when the failure proves that nothing happened. */
export function isDefinite(thrown: unknown): boolean {
  return toPolybError(thrown).outcome === 'not_executed';
}

/** The deadline passed while the row continues: the error has the row's id, by which its outcome can be read. */
export function stillPending(id: string, state: RowState): PolybError {
  return new PolybError(
    'deadline_exceeded',
    `The call continues as ${id} (${state}); get its outcome with the same key, or: polyb runs show ${id}`,
    { reason: 'pending', data: { rowId: id, state } },
  );
}
/** A person must decide first. */
export function waitsForPerson(id: string, state: 'proposed' | 'review'): PolybError {
  return state === 'proposed'
    ? new PolybError('failed_precondition', `It waits for approval as ${id}: polyb approvals show ${id}`, {
        reason: 'pending',
        data: { rowId: id, state },
      })
    : new PolybError('upstream_failed', `Outcome unknown; a person decides: polyb reviews show ${id}`, {
        reason: 'pending',
        data: { rowId: id, state },
      });
}

/** A retry with the row's key has the same outcome as long as the row is kept. */
export function hasEnded(state: RowState): boolean {
  return (Settled.options as readonly RowState[]).includes(state);
}

/** The outcome of a row for a call with its key: an output, an error, or none yet. */
export function outcomeOf(row: Row): { readonly output: unknown } | { readonly error: PolybError } | null {
  switch (row.state) {
    case 'done':
      return { output: row.output };
    case 'failed':
      return { error: fromProblem(row.error) };
    case 'unknown':
      return {
        error: new PolybError('upstream_failed', `Outcome unknown; being resolved as ${row.id}. Nothing is repeated meanwhile.`, {
          reason: 'outcome_unknown',
          data: { rowId: row.id, state: row.state },
        }),
      };
    case 'proposed':
    case 'review':
      return { error: waitsForPerson(row.id, row.state) };
    case 'rejected':
    case 'stale':
    case 'expired':
    case 'cancelled':
      return {
        error: new PolybError('failed_precondition', `The row ${row.id} was ${row.state}; use another key for a new request.`, {
          reason: row.state,
          outcome: 'not_executed',
          data: { rowId: row.id },
        }),
      };
    case 'queued':
    case 'attempting':
    case 'waiting':
      return null;
  }
}

/** Exponential from `firstMs`, at most `lastMs`, with jitter of a fifth; the provider's own delay takes precedence. */
export function backoffMs(
  attempts: number,
  { firstMs, lastMs, wishedMs }: { firstMs: number; lastMs: number; wishedMs?: number | undefined },
): number {
  const base = wishedMs ?? Math.min(lastMs, firstMs * 2 ** Math.min(attempts, 16));
  return Math.round(base * (1 + Math.random() / 5));
}
