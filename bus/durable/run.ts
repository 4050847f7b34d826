/** Executes runs of pipelines: from the finished rows to the next part that must be waited for. */
import type { Method } from '../../contracts/kit/define.ts';
import { isStoreFailure, type PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import { runDuration, runsTotal, stepDuration } from '../../contracts/metrics.ts';
import type { BusHost } from '../bus.ts';
import { redactError } from '../server/redact-error.ts';
import type { Log } from '../service.ts';
import { hashOf, parsed, stepText } from './identity.ts';
import type { Leases } from './leases.ts';
import { backoffMs, logLine, rowError } from './outcome.ts';
import type { DelayDefinition, Part, Pipeline, StepDefinition, WaitDefinition } from './pipeline.ts';
import type { Row, RowError, Store } from './store.ts';

export interface Runner {
  /** Executes a leased run as far as it can go now. Failures of steps never throw. `since`: see `Leases.hold`. */
  execute(run: Row, pipeline: Pipeline, since: number): Promise<void>;
}
/** The state of a part. */
type Reached =
  | { readonly value: unknown }
  | { readonly park: { readonly stepId: string | null; readonly untilMs: number; readonly error: RowError | null } }
  | { readonly fail: RowError }
  | 'lost';

/** Waiting runs are examined at least this often, so that a lost wake-up delays them no longer. */
const lookAgainMs = 60_000;

export function runner({
  store,
  bus,
  held,
  log,
  leaseMs,
  newId,
}: {
  store: Store;
  bus: BusHost;
  held: Leases;
  log: Log;
  leaseMs: number;
  newId: (prefix: string) => string;
}): Runner {
  const { journal } = store;

  async function execute(run: Row, { definition }: Pipeline, since: number): Promise<void> {
    const lease = held.hold(run.token, since);
    try {
      const rows = run.attempts === 1 ? [] : await journal.steps(run.id);
      const edition = (part: { name: string }): number => run.editions?.[part.name] ?? 1;
      const gone = rows.find(
        (row) => row.state === 'done' && !definition.parts.some((part) => part.name === row.step && callsOf(part) === row.method),
      );
      if (gone !== undefined) {
        await end(run, {
          code: 'failed_precondition',
          reason: 'definition_changed',
          detail: `The finished step ${gone.step} (${gone.method}) is no longer in the definition of the pipeline, or calls another method there.`,
          outcome: 'unknown',
        });
        return;
      }
      const seen: Record<string, unknown> = { input: parsed(definition.method, run.input) };
      for (const part of definition.parts) {
        let row = rows.find(({ step, edition: of }) => step === part.name && of === edition(part));
        const startedAt = row?.createdAt ?? Date.now();
        // Parts that ended before this execution have been counted, except those for which the run waited.
        let isNews = row === rows.at(-1) || row?.state !== 'done';
        for (;;) {
          if (lease.lost.aborted) return;
          const reached = await reach(run, part, edition(part), seen, row, lease.lost);
          if (reached === 'lost') return;
          if ('value' in reached) {
            if (isNews && reached.value !== null) countStep(run, part, startedAt, 'done');
            seen[part.name] = reached.value;
            break;
          }
          if ('fail' in reached) {
            countStep(run, part, startedAt, 'failed');
            await end(run, reached.fail);
            return;
          }
          const { stepId, untilMs, error } = reached.park;
          if (await journal.park(run, stepId, Math.min(untilMs, lookAgainMs), error)) return;
          // Either the step changed since it was read, or the lease is lost; the row shows which.
          const now = stepId === null ? null : await journal.read(stepId);
          if (now === null || (await journal.read(run.id))?.token !== run.token) return;
          // Examining an unchanged step again would be a loop without a pause.
          if (now.state === row?.state) {
            await journal.park(run, null, retryMs(run), error);
            return;
          }
          row = now;
          isNews = true;
        }
      }
      const output = definition.output(seen);
      if (await journal.end(null, run.id, run.token, { state: 'done', output })) countRun(run, 'done');
    } catch (thrown) {
      const safe = redactError(thrown, definition.method.input, run.input);
      const error = toPolybError(safe);
      if (isStoreFailure(error)) return; // the lease runs out and another instance continues
      log.error({ err: safe, run: run.id }, 'a run failed unexpectedly');
      await end(run, rowError(error));
    } finally {
      lease.release();
    }
  }

  const end = async (run: Row, error: RowError): Promise<void> => {
    if (await journal.end(null, run.id, run.token, { state: 'failed', error })) countRun(run, 'failed');
  };
  function countRun(run: Row, outcome: 'done' | 'failed'): void {
    bus.metrics.count(runsTotal, { pipeline: run.method, outcome });
    bus.metrics.observe(runDuration, { pipeline: run.method }, secondsSince(run.createdAt));
  }
  /** Waits and delays have no duration of their own to measure. */
  function countStep(run: Row, part: Part, startedAt: number, outcome: 'done' | 'failed'): void {
    if (part.kind !== 'step') return;
    bus.metrics.observe(stepDuration, { pipeline: run.method, step: part.name, outcome }, secondsSince(startedAt));
  }

  function reach(
    run: Row,
    part: Part,
    edition: number,
    seen: Readonly<Record<string, unknown>>,
    row: Row | undefined,
    lost: AbortSignal,
  ): Promise<Reached> {
    switch (part.kind) {
      case 'step':
        return reachStep(run, part, edition, seen, row, lost);
      case 'wait':
        return reachWait(run, part, edition, seen, row);
      case 'delay':
        return reachDelay(run, part, edition, row);
    }
  }

  async function put(
    run: Row,
    part: Part,
    edition: number,
    step: {
      method: string;
      input: unknown;
      hash: string;
      mode: 'step' | 'wait';
      state: 'proposed' | 'queued' | 'waiting' | 'done';
      approval?: Method['approval'];
      waitKey?: string;
      untilMs?: number;
    },
  ): Promise<Row | null> {
    return journal.putStep({
      id: newId('row'),
      run,
      key: stepKey(run, part, edition),
      step: part.name,
      edition,
      waitKey: null,
      untilMs: null,
      ...step,
    });
  }

  const putStep = (
    run: Row,
    part: StepDefinition,
    edition: number,
    input: unknown,
    as: { state: 'proposed' | 'queued'; approval?: Method['approval']; untilMs?: number },
  ): Promise<Row | null> =>
    put(run, part, edition, { method: part.method.address, input, hash: hashOf(part.method, input), mode: 'step', ...as });

  async function reachStep(
    run: Row,
    part: StepDefinition,
    edition: number,
    seen: Readonly<Record<string, unknown>>,
    stored: Row | undefined,
    lost: AbortSignal,
  ): Promise<Reached> {
    const { method } = part;
    const key = stepKey(run, part, edition);
    let row: Row | null | undefined = stored;
    let input = stored?.input;
    if (row === undefined) {
      if (!part.when(seen))
        return (await put(run, part, edition, { method: method.address, input: null, hash: '', mode: 'step', state: 'done' })) === null
          ? 'lost'
          : { value: null };
      input = parsed(method, known(method.input, run.edits?.[part.name] ?? part.input(seen)));
      // A proposal ends with its run, which has a time limit.
      if (method.approval !== 'none')
        row = await putStep(run, part, edition, input, {
          state: 'proposed',
          approval: method.approval,
          untilMs: Math.max(1, (run.notAfter ?? 0) - Date.now()),
        });
      // The service of a keyed method creates the row with its attempt.
      else if (method.idempotency !== 'keyed') row = await putStep(run, part, edition, input, { state: 'queued' });
      if (row === null) return 'lost';
    }
    if (row?.state === 'done') return { value: row.output };
    if (row?.state === 'rejected' || row?.state === 'stale' || row?.state === 'expired' || row?.state === 'cancelled')
      return over(part, row);
    const isNew = row === undefined && run.attempts === 1;
    const step = row === undefined ? stepText({ run: run.id, runToken: run.token, edition, name: part.name, isNew }) : undefined;
    const began = performance.now();
    const nobodyHasIt = isNew ? watchNewStep(run.id, key) : undefined;
    try {
      const signal = nobodyHasIt === undefined ? lost : AbortSignal.any([lost, nobodyHasIt.signal]);
      const value = await callFrom(run, key, method.timeoutMs, signal)(method, input, { key, step });
      if (row !== undefined && method.idempotency !== 'keyed') await journal.endStep(row.id, { state: 'done', output: value });
      return { value };
    } catch (thrown) {
      if (lost.aborted) return 'lost';
      const error = toPolybError(thrown);
      if (error.reason === 'store_down') throw error;
      if (error.reason === 'run_lost') return 'lost';
      if (row !== undefined && method.idempotency !== 'keyed')
        await journal.endStep(row.id, { state: 'queued', log: logLine(error, performance.now() - began) });
      // The run waits for an existing row, whether or not the call reached the service.
      row ??= await putStep(run, part, edition, input, { state: 'queued' });
      return row === null ? 'lost' : after(error, row, run);
    } finally {
      nobodyHasIt?.release();
    }
  }

  /** Fires when a new step has no row after the time of a lease: its service died before it created one, so no lease of that row runs out. */
  function watchNewStep(run: string, key: string): { readonly signal: AbortSignal; release(): void } {
    const controller = new AbortController();
    const look = async (): Promise<void> => {
      const rows = await journal.steps(run);
      if (!rows.some((row) => row.key === key)) controller.abort(new Error('the service of the step is unavailable'));
    };
    const timer = setTimeout(() => void look().catch(() => {}), leaseMs); // during an outage of PostgreSQL the call has its own deadline
    timer.unref();
    return { signal: controller.signal, release: () => clearTimeout(timer) };
  }

  /** The part ended without a result. */
  function over({ name }: Part, { state, error }: Row): Reached {
    const detail = `The part ${name} was ${state}.`;
    return { fail: error ?? { code: 'failed_precondition', reason: state, detail, outcome: 'not_executed' } };
  }

  /** What a run does after a failed step: wait for its row, retry later, or end. */
  function after(error: PolybError, step: Row, run: Row): Reached {
    const kept = rowError(error);
    if (error.reason === 'pending' || error.reason === 'outcome_unknown') {
      const own = (error.data as { rowId?: string } | undefined)?.rowId === step.id;
      return {
        park: own ? { stepId: step.id, untilMs: lookAgainMs, error: kept } : { stepId: null, untilMs: retryMs(run, error), error: kept },
      };
    }
    const mayPass =
      error.retryable ||
      error.reason === 'in_progress' ||
      error.code === 'cancelled' ||
      (error.code === 'failed_precondition' && error.retryAfterMs !== undefined);
    return mayPass ? { park: { stepId: null, untilMs: retryMs(run, error), error: kept } } : { fail: kept };
  }
  const retryMs = (run: Row, error?: PolybError): number =>
    backoffMs(run.attempts - 1, { firstMs: 200, lastMs: 4_000, wishedMs: error?.retryAfterMs });

  async function reachWait(
    run: Row,
    part: WaitDefinition,
    edition: number,
    seen: Readonly<Record<string, unknown>>,
    stored: Row | undefined,
  ): Promise<Reached> {
    let row: Row | null | undefined = stored;
    if (row === undefined) {
      const key = part.key(seen);
      row = await put(run, part, edition, {
        method: callsOf(part),
        input: { key },
        hash: '',
        mode: 'wait',
        state: 'waiting',
        waitKey: key,
        untilMs: part.timeoutMs,
      });
      if (row === null) return 'lost';
    }
    if (row.state === 'done') return { value: row.output };
    if (row.state !== 'waiting') return over(part, row);
    // The row exists before this query, and the consumer delivers events that commit after it, so none is missed.
    const event = await journal.firstEvent(part.event.address, String((row.input as { key: string }).key), run.createdAt);
    if (event !== null) {
      await journal.endStep(row.id, { state: 'done', output: event.payload });
      return { value: event.payload };
    }
    return overOrPark(row);
  }

  async function reachDelay(run: Row, part: DelayDefinition, edition: number, stored: Row | undefined): Promise<Reached> {
    const row =
      stored ??
      (await put(run, part, edition, { method: callsOf(part), input: null, hash: '', mode: 'wait', state: 'waiting', untilMs: part.ms }));
    if (row === null) return 'lost';
    if (row.state === 'done') return { value: null };
    return row.state === 'waiting' ? overOrPark(row) : over(part, row);
  }

  async function overOrPark(row: Row): Promise<Reached> {
    const leftMs = (row.leftMs ?? 0) - (performance.now() - row.readAt);
    // If its end cannot be written, the row has changed: examine it again.
    if (leftMs <= 0 && (await journal.endStep(row.id, { state: 'done', output: null }))) return { value: null };
    return { park: { stepId: row.id, untilMs: Math.max(0, leftMs), error: null } };
  }

  /** Calls in the run's trace; the input has been checked against the method's schema. */
  function callFrom(
    run: Row,
    key: string,
    timeoutMs: number,
    lost: AbortSignal,
  ): (method: Method, input: unknown, options: { readonly key: string; readonly step: string | undefined }) => Promise<unknown> {
    return bus.context({
      key,
      caller: bus.name,
      deadlineAt: Date.now() + timeoutMs,
      traceparent: run.traceparent ?? '',
      signal: () => lost,
    }).call as never;
  }

  return { execute };
}

/** The method name of the part's row. Later steps get a result only as the output of this method. */
function callsOf(part: Part): string {
  switch (part.kind) {
    case 'step':
      return part.method.address;
    case 'wait':
      return `@${part.event.address}`;
    case 'delay':
      return '@delay';
  }
}
const stepKey = (run: Row, { name }: Part, edition: number): string => `${run.id}:${name}:${edition}`;

/** A row's times are those of the database, whose clock may be ahead. */
function secondsSince(at: number): number {
  return Math.max(0, Date.now() - at) / 1000;
}

/** The fields that a method's input declares; results of earlier steps may have more. */
function known(schema: unknown, value: unknown): unknown {
  const shape = (schema as { shape?: Record<string, unknown> }).shape;
  if (shape === undefined || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => name in shape));
}
