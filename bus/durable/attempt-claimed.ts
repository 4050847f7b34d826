/** Attempts of the rows that the worker claims. */
import { type Effect, isEffect } from '../../contracts/kit/define.ts';
import { toPolybError } from '../../contracts/kit/errors.ts';
import type { Wire } from '../call.ts';
import { redactError } from '../server/redact-error.ts';
import type { Consumer, Handler, Verdict } from '../service.ts';
import type { CallRecord } from '../telemetry/records.ts';
import { spanIdOf, traceIdOf } from '../wire/trace.ts';
import { attempt, ended, leaseLost } from './attempt.ts';
import { firstRefusal, refusalOf } from './guards.ts';
import { parsed } from './identity.ts';
import type { JournalParts } from './journal-parts.ts';
import { backoffMs, logLine, rowError } from './outcome.ts';
import { ownWire } from './own-wire.ts';
import { isPipeline } from './pipeline.ts';
import type { RunSlots } from './run-slots.ts';
import type { Row } from './store.ts';

/** Checks the guards of a claimed row, then runs the attempt. */
export async function attemptClaimed(parts: JournalParts, runs: RunSlots, row: Row, since: number): Promise<void> {
  const consumer = parts.consumers.get(row.method);
  if (consumer !== undefined) return handleAgain(parts, row, consumer);
  const it = parts.served.get(row.method);
  if (it === undefined) return;
  if (isPipeline(it.handler)) {
    await runs.execute(row, it.handler, since);
    return;
  }
  const wire = ownWire(parts, row, it.method);
  const lease = parts.leases.hold(row.token, since);
  let verdict: Exclude<Verdict, 'go'> | null;
  try {
    verdict = await parts.transactions.run({ traceparent: row.traceparent }, (tx) =>
      firstRefusal(parts, it.method, parsed(it.method, row.input), tx),
    );
  } catch (thrown) {
    // No request was sent, so the outcome is known. The lease of a function runs out, and another process takes it over.
    if (isEffect(it.handler))
      await ended(parts, row, { state: 'queued', notBefore: Date.now() + backoffMs(row.attempts, { firstMs: 250, lastMs: 30_000 }) });
    lease.release();
    throw thrown;
  }
  if (verdict === null) {
    await recorded(parts, row, wire, attempt(parts, row, it.method, it.handler as Handler | Effect, wire, lease));
    return;
  }
  lease.release();
  if ('notBefore' in verdict)
    await parts.store.journal.end(null, row.id, row.token, { state: 'queued', notBefore: verdict.notBefore.getTime() });
  else
    await parts.store.journal.end(null, row.id, row.token, {
      state: verdict.refuse === 'stale' ? 'stale' : 'failed',
      error: {
        code: 'failed_precondition',
        reason: verdict.refuse,
        detail: refusalOf(verdict),
        outcome: 'not_executed',
      },
    });
  parts.watchers.notify(row);
}

/** Records the attempt as the bus records a call. */
async function recorded(parts: JournalParts, row: Row, { traceparent, caller, key }: Wire, work: Promise<unknown>): Promise<void> {
  const at = Date.now();
  const began = performance.now();
  const done = (code: CallRecord['code']): void =>
    parts.bus.record({
      at,
      ms: performance.now() - began,
      side: 'server',
      address: row.method,
      caller,
      code,
      traceId: traceIdOf(traceparent),
      spanId: spanIdOf(traceparent),
      parentId: spanIdOf(row.traceparent ?? ''),
      key,
    });
  await work.then(
    () => done('ok'),
    (thrown: unknown) => {
      done(toPolybError(thrown).code);
      throw thrown;
    },
  );
}

/** Handles a dead letter of a consumer that a person retried: once, but out of order. */
async function handleAgain(parts: JournalParts, row: Row, consumer: Consumer): Promise<void> {
  const began = performance.now();
  try {
    await parts.transactions.run(
      { traceparent: row.traceparent },
      (tx) => consumer.handle(row.input, tx),
      async (on) => {
        if (!(await parts.store.journal.end(on, row.id, row.token, { state: 'done' }))) throw leaseLost(row);
      },
    );
  } catch (thrown) {
    const error = toPolybError(redactError(thrown, consumer.consumes.payload, row.input));
    await parts.store.journal.end(null, row.id, row.token, {
      state: 'failed',
      error: rowError(error),
      log: logLine(error, performance.now() - began),
    });
  }
}
