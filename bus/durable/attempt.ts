/** One attempt of a row: runs its handler and records how it ended. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Effect, isEffect, type Method, settled } from '../../contracts/kit/define.ts';
import { isPolybError, isStoreFailure, PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import type { Wire } from '../call.ts';
import { redactError } from '../server/redact-error.ts';
import type { Handler, Queries } from '../service.ts';
import { parsed } from './identity.ts';
import type { JournalParts } from './journal-parts.ts';
import { bindLease, type Lease } from './leases.ts';
import { backoffMs, isDefinite, logLine, rowError } from './outcome.ts';
import type { Ending, Row } from './store.ts';
import type { Origin } from './transaction.ts';

/** How long a handler may run past its time limit before its attempt is abandoned. */
const abortGraceMs = 2_000;
/** How long the write of an outcome is retried during an outage of PostgreSQL. The lease mostly ends earlier, but only a sweep acts on it. */
const endPatienceMs = 30_000;

/** How a function's attempt writes its end. */
export interface RowEnd {
  /** In the transaction `on`, or alone. False when another process has the attempt: nothing was written. */
  done(on: Queries | null, output: unknown): Promise<boolean>;
  failed(error: PolybError, ms: number): Promise<void>;
}
/** The end of a row that exists since its attempt was acquired. */
export function rowEnd(parts: JournalParts, row: Row, method: Method): RowEnd {
  return {
    done: (on, output) => parts.store.journal.end(on, row.id, row.token, { state: 'done', output }),
    failed: (error, ms) => endFailed(parts, row, method, error, ms),
  };
}

/** Runs the handler of a row, records how it ended, and releases the lease. */
export async function attempt(
  parts: JournalParts,
  row: Row,
  method: Method,
  handler: Handler | Effect,
  wire: Wire,
  lease: Lease,
  end: RowEnd = rowEnd(parts, row, method),
): Promise<unknown> {
  const began = performance.now();
  const limitMs = (isEffect(handler) ? method.timeoutMs : Math.max(0, wire.deadlineAt - Date.now())) + abortGraceMs;
  const tooLong = Promise.withResolvers<never>();
  const deaf = new PolybError('deadline_exceeded', `${method.address} ignored its signal for ${limitMs} ms; the attempt was given up.`, {
    reason: 'outcome_unknown',
    data: { rowId: row.id },
  });
  const limit = setTimeout(() => tooLong.reject(deaf), limitMs);
  const work = isEffect(handler)
    ? attemptEffect(parts, row, method, handler, wire, lease)
    : attemptFunction(parts, row, method, handler, wire, end);
  try {
    return await Promise.race([work, tooLong.promise]);
  } catch (thrown) {
    // The lease would be renewed for the life of this process; that of a stopping process runs out, and another continues.
    // The handler has lost its token, so nothing that it still does is written.
    if (thrown === deaf && !parts.isStopped()) {
      const ms = performance.now() - began;
      if (isEffect(handler)) await parts.store.journal.markUnknown(row.id, row.token, rowError(deaf), logLine(deaf, ms));
      else await end.failed(deaf, ms);
    }
    throw thrown;
  } finally {
    clearTimeout(limit);
    lease.release();
    parts.watchers.notify(row);
    const outlivedItsCaller = row.mode === 'call' && Date.now() >= wire.deadlineAt;
    if ((row.mode === 'send' || outlivedItsCaller) && method.settles) parts.transactions.announce(settled(method), {});
  }
}

export const leaseLost = (row: Row): PolybError =>
  new PolybError('upstream_failed', `The lease of ${row.id} was lost; another instance continues.`, {
    reason: 'outcome_unknown',
    data: { rowId: row.id },
  });

async function attemptFunction(parts: JournalParts, row: Row, method: Method, handler: Handler, wire: Wire, end: RowEnd): Promise<unknown> {
  const began = performance.now();
  const origin: Origin = { traceparent: wire.traceparent };
  let kept: { readonly output: unknown } | undefined;
  let mayBeKept = false;
  const context = parts.bus.context(wire, async (work) => {
    if (kept !== undefined) throw new PolybError('internal', `${method.address} committed twice`);
    let ending: { readonly output: unknown } | undefined;
    const result = await parts.transactions.run(origin, work, async (on, made) => {
      const output = checkedOutput(method, made);
      if (!(await end.done(on, output))) throw leaseLost(row);
      ending = { output };
      mayBeKept = true;
    });
    // Only after the commit: a failed one is no success and may be retried.
    kept = ending;
    return result;
  });
  try {
    const result = await handler(parsed(method, row.input) as never, context);
    if (kept !== undefined) return kept.output;
    const output = checkedOutput(method, result);
    if (!(await end.done(null, output))) throw leaseLost(row);
    return output;
  } catch (thrown) {
    const safe = redactError(thrown, method.input, row.input);
    const error = toPolybError(safe);
    if (error.code === 'internal')
      parts.log.error({ err: safe, method: method.address, row: row.id, trace_id: context.traceId }, 'a keyed handler failed');
    // A commit is final, whatever the handler does after it; and the holder of the lease ends the row.
    const stored = mayBeKept ? await parts.store.journal.read(row.id) : null;
    if (stored?.state === 'done') return stored.output;
    if (error.reason !== 'outcome_unknown' || (error.data as { rowId?: string })?.rowId !== row.id)
      await end.failed(error, performance.now() - began);
    throw error;
  }
}

async function attemptEffect(parts: JournalParts, row: Row, method: Method, effect: Effect, wire: Wire, lease: Lease): Promise<unknown> {
  const began = performance.now();
  const signal = AbortSignal.any([AbortSignal.timeout(method.timeoutMs), lease.lost]);
  bindLease(signal, lease);
  // The signal of a context, so that requests of the adapter are recorded in the trace.
  const traced = parts.bus.context({ ...wire, signal: () => signal }).signal;
  let output: unknown;
  try {
    if (!lease.isFresh)
      throw new PolybError('unavailable', 'The attempt waited too long before its start; nothing was sent.', {
        reason: 'too_late_to_send',
      });
    output = checkedOutput(method, await effect.attempt(parsed(method, row.input) as never, { ref: row.ref, signal: traced }));
  } catch (thrown) {
    const safe = redactError(thrown, method.input, row.input);
    const error = toPolybError(safe);
    const ms = performance.now() - began;
    if (isDefinite(error)) {
      await endFailed(parts, row, method, error, ms, signal.aborted);
      throw error;
    }
    parts.log.warn({ err: safe, method: method.address, row: row.id }, 'the outcome of an attempt is unknown');
    const known = { ...rowError(error), outcome: 'unknown' };
    await parts.store.journal.markUnknown(row.id, row.token, known, logLine(error, ms));
    parts.wake();
    throw new PolybError(
      error.code === 'deadline_exceeded' ? 'deadline_exceeded' : 'upstream_failed',
      `${error.message} Outcome unknown; being resolved as ${row.id}.`,
      {
        reason: 'outcome_unknown',
        data: { rowId: row.id },
        cause: safe,
      },
    );
  }
  if (!(await ended(parts, row, { state: 'done', output }))) throw leaseLost(row);
  return output;
}

/** Writes the end of an attempt, with retries during an outage of PostgreSQL, so that a known outcome stays known. False when the lease was lost. */
export async function ended(parts: JournalParts, row: Row, ending: Ending): Promise<boolean> {
  const until = Date.now() + endPatienceMs;
  for (let pauseMs = 50, wasUnsure = false; ; pauseMs = Math.min(2 * pauseMs, 500)) {
    try {
      if (await parts.store.journal.end(null, row.id, row.token, ending)) return true;
      // An earlier write may have succeeded and its reply been lost.
      return wasUnsure && (await parts.store.journal.read(row.id))?.state === ending.state;
    } catch (thrown) {
      if (!isPolybError(thrown) || !isStoreFailure(thrown) || Date.now() >= until) throw thrown;
      wasUnsure = true;
      await delay(pauseMs);
    }
  }
}

/**
 * Ends an attempt that changed nothing: queued again if the journal retries it, else failed, which a retry of the call may reopen.
 *
 * @param isCutOff the journal has aborted the attempt: its time is over, or its lease is lost
 */
async function endFailed(parts: JournalParts, row: Row, method: Method, error: PolybError, ms: number, isCutOff = false): Promise<void> {
  const entry = { error: rowError(error), log: logLine(error, ms) };
  // A stopping process closes the connections of its own attempts, so another process need not wait.
  const firstMs = parts.isStopped() ? 0 : 250;
  const notBefore = Date.now() + backoffMs(row.attempts, { firstMs, lastMs: 30_000, wishedMs: error.retryAfterMs });
  const again =
    row.mode === 'send' &&
    (error.retryable || ((isCutOff || parts.isStopped()) && error.code === 'cancelled')) &&
    (row.notAfter === null || notBefore < row.notAfter || parts.policies[method.address]?.handling === 'function');
  await ended(parts, row, again ? { ...entry, state: 'queued', notBefore } : { ...entry, state: 'failed' });
}

/** The output parsed by the method's schema. @throws PolybError internal when it does not fit. */
export function checkedOutput(method: Method, result: unknown): unknown {
  const checked = method.output.safeParse(result);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new PolybError(
    'internal',
    `${method.address} returned a result that does not fit its contract at ${issue?.path.join('.')}: ${issue?.message}`,
  );
}
