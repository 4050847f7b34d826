/** Runs keyed calls: acquires an attempt, runs it, and returns the row's outcome. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Effect, Method } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { RunKeyed } from '../call.ts';
import type { Handler, Verdict } from '../service.ts';
import { attempt } from './attempt.ts';
import { firstRefusal, refusalOf } from './guards.ts';
import { hashOf, laneOf, newId, stepOf } from './identity.ts';
import type { JournalParts } from './journal-parts.ts';
import { attemptNewStep } from './new-step.ts';
import { hasEnded, outcomeOf, stillPending, waitsForPerson } from './outcome.ts';
import { isPipeline, type Pipeline, type RunAnswer, runAnswer } from './pipeline.ts';
import { policyFor } from './policy.ts';
import type { RunSlots } from './run-slots.ts';
import type { AcquireRequest, AcquireResult, MethodPolicy, Row } from './store.ts';

/** Part of the time until the deadline that is reserved for the reply. */
const answerMarginMs = 60;
const refusedByGuard = Symbol('refused by a guard');

export const keepWith =
  (parts: JournalParts, runs: RunSlots): RunKeyed =>
  async (method, input, wire) => {
    const it = parts.served.get(method.address);
    if (it === undefined) throw new PolybError('unimplemented', `${method.address} is not served here`);
    const answerBy = wire.deadlineAt - answerMarginMs;
    const pipeline = isPipeline(it.handler);
    const policy = policyFor(parts.policies[method.address] as MethodPolicy, input);
    const of = wire.step ? stepOf(wire.step) : undefined;
    const lane = laneOf(method, input);
    const request: AcquireRequest = {
      ...policy,
      id: newId(pipeline ? 'run' : 'row'),
      key: wire.key,
      hash: hashOf(method, input),
      mode: of !== undefined ? ('step' as const) : pipeline ? ('run' as const) : ('call' as const),
      of,
      input,
      lane,
      approval: method.approval,
      // The run limits the time of a step.
      notAfter:
        of !== undefined && method.approval === 'none'
          ? null
          : pipeline || method.approval !== 'none'
            ? Date.now() + method.ttlMs
            : wire.deadlineAt,
      deadlineAt: wire.deadlineAt,
      caller: wire.caller,
      traceparent: wire.traceparent,
      token: randomUUID(),
      // A lane admits one row at a time; a lost acquisition would admit a second.
      relaxed: of !== undefined && policy.handling === 'function' && !pipeline && lane === null && method.approval === 'none',
    };
    if (request.relaxed && of?.isNew && !parts.guards.has(method.address) && parts.store.journal.isUnpaused()) {
      const work = attemptNewStep(parts, request, freshRow(request), method, it.handler as Handler, wire);
      return bounded(parts.track(work), request.id, answerBy);
    }
    let isRepeat: boolean | undefined;
    for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, 250)) {
      const since = performance.now();
      const taken = await take(parts, method, input, request);
      isRepeat ??= taken.did === 'settled' || taken.did === 'busy';
      let waitMs = pauseMs;
      switch (taken.did) {
        case 'taken': {
          const row = { ...freshRow(request), ...taken.row, token: request.token };
          if (pipeline) {
            if (runs.hasRoom()) void parts.track(runs.execute(row, it.handler as Pipeline, since));
            else await parts.store.journal.end(null, row.id, row.token, { state: 'queued', notBefore: Date.now() });
            return runEnd(parts, row, input, answerBy);
          }
          return bounded(
            parts.track(attempt(parts, row, method, it.handler as Handler | Effect, wire, parts.leases.hold(row.token, since))),
            row.id,
            answerBy,
          );
        }
        case 'clash':
          throw new PolybError('conflict', `The key was used for ${method.address} with another input; use another key.`, {
            reason: 'key_reused',
            data: { rowId: taken.row.id },
          });
        case 'late':
          throw new PolybError('deadline_exceeded', 'The deadline passed before the work began.', { outcome: 'not_executed' });
        case 'lost':
          throw new PolybError('failed_precondition', 'The run of this step is held by another process, or has ended.', {
            reason: 'run_lost',
            outcome: 'not_executed',
          });
        case 'paused':
          throw new PolybError('unavailable', `${method.address} is paused by an operator (polyb resume lifts it).`, {
            reason: 'paused',
            retryAfterMs: 1000,
          });
        case 'proposed':
          throw waitsForPerson(taken.row.id, 'proposed');
        case 'refused': {
          if ('refuse' in taken.verdict)
            throw new PolybError('failed_precondition', refusalOf(taken.verdict), { reason: taken.verdict.refuse });
          const { notBefore, reason = 'not_yet' } = taken.verdict;
          if (notBefore.getTime() >= answerBy)
            throw new PolybError('failed_precondition', `A rule forbids it until ${notBefore.toISOString()}: ${reason}.`, {
              reason,
              retryAfterMs: Math.max(1, notBefore.getTime() - Date.now()),
            });
          waitMs = Math.max(1, notBefore.getTime() - Date.now());
          break;
        }
        case 'settled': {
          if (isRepeat && hasEnded(taken.row.state)) wire.replayed?.();
          if (pipeline) return runEnd(parts, taken.row, input, answerBy);
          const outcome = outcomeOf(taken.row);
          const settles = taken.row.state === 'unknown' && taken.row.settleAt !== null && taken.row.settleAt < answerBy;
          if (outcome !== null && !settles) {
            if ('error' in outcome) throw outcome.error;
            return outcome.output;
          }
          break;
        }
        case 'busy':
          if (pipeline) return runEnd(parts, taken.row, input, answerBy);
          // Its caller waits, so the worker does not sleep on it: an approval queued it without an announcement.
          if (taken.row.state === 'queued') parts.wake();
          break;
        case 'later':
        case 'lane':
          break;
      }
      if (Date.now() + waitMs >= answerBy) {
        if ('row' in taken && 'state' in taken.row && taken.row.state !== undefined) throw stillPending(taken.row.id, taken.row.state);
        throw new PolybError(
          'deadline_exceeded',
          `Other work for the same ${method.lane?.field ?? 'key'} was in progress until the deadline.`,
          {
            reason: 'lane_busy',
            outcome: 'not_executed',
          },
        );
      }
      await parts.watchers.wait(method.address, wire.key, waitMs);
    }
  };

/** Acquires the attempt of a call, in one transaction with the guards if there are any, so that a refusal leaves no row. */
async function take(
  parts: JournalParts,
  method: Method,
  input: unknown,
  request: AcquireRequest,
): Promise<AcquireResult | { readonly did: 'refused'; readonly verdict: Exclude<Verdict, 'go'> }> {
  if (!parts.guards.has(method.address)) return parts.store.journal.acquire(null, request, parts.holder, parts.leaseMs);
  let verdict: Exclude<Verdict, 'go'> | null = null;
  try {
    return await parts.transactions.run({ traceparent: request.traceparent }, async (tx) => {
      const taken = await parts.store.journal.acquire(tx, request, parts.holder, parts.leaseMs);
      if (taken.did !== 'taken') return taken;
      verdict = await firstRefusal(parts, method, input, tx);
      if (verdict !== null) throw refusedByGuard;
      return taken;
    });
  } catch (thrown) {
    if (thrown === refusedByGuard && verdict !== null) return { did: 'refused', verdict };
    throw thrown;
  }
}

/** The attempt's outcome, or at the caller's deadline the error that it continues. */
async function bounded(work: Promise<unknown>, id: string, answerBy: number): Promise<unknown> {
  const over = new AbortController();
  try {
    return await Promise.race([
      work,
      delay(Math.max(0, answerBy - Date.now()), undefined, { signal: over.signal }).then(() => {
        throw stillPending(id, 'attempting');
      }),
    ]);
  } finally {
    over.abort();
  }
}

/** The reply to a run's caller: the state of the run at its end, or after `waitMs`. */
async function runEnd(parts: JournalParts, run: Pick<Row, 'id' | 'method' | 'key'>, input: unknown, answerBy: number): Promise<RunAnswer> {
  const until = Math.min(answerBy, Date.now() + ((input as { waitMs?: number }).waitMs ?? 0));
  for (;;) {
    const row = Date.now() < until || 'state' in run ? await parts.store.journal.read(run.id) : null;
    const answer = runAnswer(row ?? { ...run, state: 'attempting', output: null });
    if ((answer.status !== 'running' && answer.status !== 'waiting') || Date.now() >= until) return answer;
    await parts.watchers.wait(run.method, run.key, Math.max(1, Math.min(1_000, until - Date.now())));
  }
}

/** The row as created, without reading it back. */
function freshRow(request: AcquireRequest): Row {
  const { id, method, key, mode, input, token, caller, traceparent, notAfter, of } = request;
  return {
    id,
    method,
    key,
    mode,
    state: 'attempting',
    input,
    output: null,
    error: null,
    attempts: 1,
    takeovers: 0,
    token,
    ref: id,
    parent: of?.run ?? null,
    step: of?.name ?? null,
    edition: of?.edition ?? 1,
    editions: null,
    edits: null,
    traceparent,
    caller,
    createdAt: Date.now(),
    attemptedAt: Date.now(),
    notBefore: 0,
    notAfter,
    leftMs: null,
    readAt: performance.now(),
    leaseUntil: null,
    settleAt: null,
  };
}
