/**
 * The journal's runtime in one process: it takes attempts of keyed calls, runs their handlers, and writes down how they ended.
 *
 * Glossary: a *row* is one keyed call; an *attempt* is one run of its handler, under a *lease*; a *function* may run again under its key,
 * an *effect* may not unless it is known not to have happened; to *doubt* is to end an attempt without knowing its outcome.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Effect, isEffect, type Method, settled } from '../../contracts/kit/define.ts';
import { isPolybError, isStoreFailure, PolybError, toPolybError } from '../../contracts/kit/errors.ts';
import type { BusHost } from '../bus.ts';
import type { Keep, Wire } from '../call.ts';
import { discreet } from '../server/redact-error.ts';
import type { Consumer, Guard, Handler, Log, Refusal, Verdict } from '../service.ts';
import type { CallRecord } from '../telemetry/records.ts';
import { randomHex } from '../wire/ids.ts';
import { spanIdOf, traceIdOf, traceparentOf } from '../wire/trace.ts';
import { hashOf, laneOf, newId, parsed, stepOf } from './identity.ts';
import { bindLease, type Lease, leases } from './leases.ts';
import { backoffMs, hasEnded, isDefinite, logLine, rowError, stillPending, told, waitsForPerson } from './outcome.ts';
import { isPipeline, type Pipeline, type RunAnswer, runAnswer } from './pipeline.ts';
import { type Runner, runner } from './run.ts';
import type { AcquireRequest, AcquireResult, Ending, Row, RowPolicy, Store } from './store.ts';
import type { Origin, Transactions } from './transaction.ts';

export type Kept = Handler | Effect | Pipeline;
export interface JournalOptions {
  readonly store: Store;
  readonly bus: BusHost;
  readonly transactions: Transactions;
  /** Keyed methods that this process serves. */
  readonly served: readonly { readonly method: Method; readonly handler: Kept }[];
  readonly guards: readonly Guard[];
  /** Consumers by the name under which their dead letters lie. */
  readonly consumers: ReadonlyMap<string, Consumer>;
  /** Names this process in leases and logs. */
  readonly holder: string;
  readonly log: Log;
  /** 8 s: a dead holder's work is taken over after it. */
  readonly leaseMs?: number | undefined;
  readonly renewMs?: number | undefined;
  /** How long an idle worker sleeps unless woken; 1 s. */
  readonly idleMs?: number | undefined;
  /** Attempts that the worker runs at once; 128. */
  readonly concurrency?: number | undefined;
}
export interface Journal {
  /** The way in for calls. */
  readonly keep: Keep;
  /** Starts the worker: what is due is claimed, what nobody works on is swept, what is unknown is looked up. */
  start(): void;
  /** There may be something to do. */
  wake(): void;
  /** Claims no more and waits for the attempts under way, up to `graceMs`. */
  drain(graceMs: number): Promise<void>;
}

/** Time kept back of a caller's deadline so that the answer still reaches it. */
const answerMarginMs = 60;
/** How long after its time a handler may go on before it counts as deaf to its signal. */
const deafMs = 2_000;
/** How long an outcome is kept for a PostgreSQL that is away. A lease mostly ends earlier, but only who sweeps notices. */
const endPatienceMs = 30_000;
const refusedByGuard = Symbol('refused by a guard');

export function createJournal({
  store,
  bus,
  transactions,
  served,
  guards,
  consumers,
  holder,
  log,
  leaseMs = 8_000,
  renewMs = 2_000,
  idleMs = 1_000,
  concurrency = 128,
}: JournalOptions): Journal {
  const byAddress = new Map(served.map((it) => [it.method.address, it]));
  const policies: Readonly<Record<string, RowPolicy>> = Object.fromEntries([
    ...served.map(({ method, handler }) => [method.address, policyOf(method, handler)]),
    ...[...consumers.keys()].map((method) => [method, { method, handling: 'function', settleMs: 0, settles: false }]),
  ]);
  const guardsOf = Map.groupBy(guards, ({ guards: of }) => of.address);
  const methods = served.map(({ method }) => method.address);
  const held = leases({ journal: store.journal, leaseMs, renewMs, log });
  const watchers = new Map<string, Set<() => void>>();
  const underWay = new Set<Promise<unknown>>();
  /** Attempts that the worker claimed; those of calls are bounded by the bus. */
  let claimed = 0;
  let running = 0;
  const runs: Runner = runner({ store, bus, held, log, newId });
  let stopped = false;
  let woken = false;
  let endNap = (): void => {};

  const track = <T>(work: Promise<T>): Promise<T> => {
    underWay.add(work);
    void work.then(
      () => underWay.delete(work),
      () => underWay.delete(work),
    );
    return work;
  };
  const name = (method: string, key: string): string => `${method} ${key}`;
  const moved = (row: { method: string; key: string }): void => {
    for (const tell of watchers.get(name(row.method, row.key)) ?? []) tell();
  };
  /** Resolves when an attempt of this row ends in this process, or after `ms`. */
  const watch = (method: string, key: string, ms: number): Promise<void> =>
    new Promise((resolve) => {
      const of = name(method, key);
      const tellers = watchers.get(of) ?? new Set();
      const tell = (): void => {
        clearTimeout(timer);
        tellers.delete(tell);
        if (tellers.size === 0) watchers.delete(of);
        resolve();
      };
      const timer = setTimeout(tell, ms);
      watchers.set(of, tellers.add(tell));
    });

  /** The first guard that does not say go. */
  async function judged(method: Method, input: unknown, tx: Parameters<Guard['check']>[1]): Promise<Exclude<Verdict, 'go'> | null> {
    for (const { check } of guardsOf.get(method.address) ?? []) {
      const verdict = await check(input, tx);
      if (verdict !== 'go') return verdict;
    }
    return null;
  }

  /** Takes the attempt of a call; where guards stand, in one transaction with them, so that a refusal leaves no trace. */
  async function take(
    method: Method,
    input: unknown,
    request: AcquireRequest,
  ): Promise<AcquireResult | { readonly did: 'refused'; readonly verdict: Exclude<Verdict, 'go'> }> {
    if (!guardsOf.has(method.address)) return store.journal.acquire(null, request, holder, leaseMs);
    let verdict: Exclude<Verdict, 'go'> | null = null;
    try {
      return await transactions.run({ traceparent: request.traceparent }, async (tx) => {
        const taken = await store.journal.acquire(tx, request, holder, leaseMs);
        if (taken.did !== 'taken') return taken;
        verdict = await judged(method, input, tx);
        if (verdict !== null) throw refusedByGuard;
        return taken;
      });
    } catch (thrown) {
      if (thrown === refusedByGuard && verdict !== null) return { did: 'refused', verdict };
      throw thrown;
    }
  }

  const keep: Keep = async (method, input, wire) => {
    const it = byAddress.get(method.address);
    if (it === undefined) throw new PolybError('unimplemented', `${method.address} is not served here`);
    const answerBy = wire.deadlineAt - answerMarginMs;
    const pipeline = isPipeline(it.handler);
    const policy = policies[method.address] as RowPolicy;
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
      // A step has the time of its run.
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
      // A lane lets one row in at a time; a take that is lost would let in a second.
      relaxed: of !== undefined && policy.handling === 'function' && !pipeline && lane === null && method.approval === 'none',
    };
    let isRepeat: boolean | undefined;
    for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, 250)) {
      const since = performance.now();
      const taken = await take(method, input, request);
      isRepeat ??= taken.did === 'settled' || taken.did === 'busy';
      let waitMs = pauseMs;
      switch (taken.did) {
        case 'taken': {
          const row = { ...freshRow(request), ...taken.row, token: request.token };
          if (pipeline) {
            if (running < concurrency) void track(execute(row, it.handler as Pipeline, since));
            else await store.journal.end(null, row.id, row.token, { state: 'queued', notBefore: Date.now() });
            return runEnd(row, input, answerBy);
          }
          return bounded(track(attempt(row, method, it.handler as Handler | Effect, wire, held.hold(row.token, since))), row.id, answerBy);
        }
        case 'clash':
          throw new PolybError('conflict', `The key was used for ${method.address} with another input; use another key.`, {
            reason: 'key_reused',
            data: { rowId: taken.row.id },
          });
        case 'late':
          throw new PolybError('deadline_exceeded', 'The time was over before the work began.', { outcome: 'not_executed' });
        case 'lost':
          throw new PolybError('failed_precondition', 'The run of this step is held by another process, or was ended.', {
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
          if (pipeline) return runEnd(taken.row, input, answerBy);
          const outcome = told(taken.row);
          const settles = taken.row.state === 'unknown' && taken.row.settleAt !== null && taken.row.settleAt < answerBy;
          if (outcome !== null && !settles) {
            if ('error' in outcome) throw outcome.error;
            return outcome.output;
          }
          break;
        }
        case 'busy':
          if (pipeline) return runEnd(taken.row, input, answerBy);
          break;
        case 'later':
        case 'lane':
          break;
      }
      if (Date.now() + waitMs >= answerBy) {
        if ('row' in taken && 'state' in taken.row && taken.row.state !== undefined) throw stillPending(taken.row.id, taken.row.state);
        throw new PolybError('deadline_exceeded', `Other work for the same ${method.lane ?? 'key'} was under way until the deadline.`, {
          reason: 'lane_busy',
          outcome: 'not_executed',
        });
      }
      await watch(method.address, wire.key, waitMs);
    }
  };

  /** The attempt's outcome, or at the caller's deadline the word that it goes on. */
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

  async function execute(run: Row, handler: Pipeline, since: number): Promise<void> {
    running += 1;
    try {
      await runs.execute(run, handler, since);
    } finally {
      running -= 1;
      moved(run);
    }
  }

  /** What a run's caller gets: how it stands at its end, or after `waitMs`. */
  async function runEnd(run: Pick<Row, 'id' | 'method' | 'key'>, input: unknown, answerBy: number): Promise<RunAnswer> {
    const until = Math.min(answerBy, Date.now() + ((input as { waitMs?: number }).waitMs ?? 0));
    for (;;) {
      const row = Date.now() < until || 'state' in run ? await store.journal.read(run.id) : null;
      const answer = runAnswer(row ?? { ...run, state: 'attempting', output: null });
      if ((answer.status !== 'running' && answer.status !== 'waiting') || Date.now() >= until) return answer;
      await watch(run.method, run.key, Math.max(1, Math.min(1_000, until - Date.now())));
    }
  }

  /** Runs the handler of a row, records how it ended, and releases the lease. */
  async function attempt(row: Row, method: Method, handler: Handler | Effect, wire: Wire, lease: Lease): Promise<unknown> {
    const began = performance.now();
    const limitMs = (isEffect(handler) ? method.timeoutMs : Math.max(0, wire.deadlineAt - Date.now())) + deafMs;
    const tooLong = Promise.withResolvers<never>();
    const deaf = new PolybError('deadline_exceeded', `${method.address} went on for ${limitMs} ms and heard no signal; it was given up.`, {
      reason: 'outcome_unknown',
      data: { rowId: row.id },
    });
    const limit = setTimeout(() => tooLong.reject(deaf), limitMs);
    const work = isEffect(handler) ? attemptEffect(row, method, handler, wire, lease) : attemptFunction(row, method, handler, wire);
    try {
      return await Promise.race([work, tooLong.promise]);
    } catch (thrown) {
      // Its lease would be renewed for as long as this process lives; of one that stops it runs out, and another goes on.
      // Whatever the handler does yet, it has lost its token and writes nothing.
      if (thrown === deaf && !stopped) {
        const ms = performance.now() - began;
        if (isEffect(handler)) await store.journal.markUnknown(row.id, row.token, rowError(deaf), logLine(deaf, ms));
        else await endFailed(row, method, deaf, ms);
      }
      throw thrown;
    } finally {
      clearTimeout(limit);
      lease.release();
      moved(row);
      if (row.mode === 'send' && method.settles) transactions.announce(settled(method), {});
    }
  }

  const lost = (row: Row): PolybError =>
    new PolybError('upstream_failed', `The lease of ${row.id} was lost; whoever has it now goes on.`, {
      reason: 'outcome_unknown',
      data: { rowId: row.id },
    });

  async function attemptFunction(row: Row, method: Method, handler: Handler, wire: Wire): Promise<unknown> {
    const began = performance.now();
    const origin: Origin = { traceparent: wire.traceparent };
    let kept: { readonly output: unknown } | undefined;
    let mayBeKept = false;
    const context = bus.context(wire, async (work) => {
      if (kept !== undefined) throw new PolybError('internal', `${method.address} committed twice`);
      let ending: { readonly output: unknown } | undefined;
      const result = await transactions.run(origin, work, async (on, made) => {
        const output = checkedOutput(method, made);
        if (!(await store.journal.end(on, row.id, row.token, { state: 'done', output }))) throw lost(row);
        ending = { output };
        mayBeKept = true;
      });
      // Only now: a commit that fails is neither a success nor the handler's last.
      kept = ending;
      return result;
    });
    try {
      const result = await handler(parsed(method, row.input) as never, context);
      if (kept !== undefined) return kept.output;
      const output = checkedOutput(method, result);
      if (!(await store.journal.end(null, row.id, row.token, { state: 'done', output }))) throw lost(row);
      return output;
    } catch (thrown) {
      const safe = discreet(thrown, method.input, row.input);
      const error = toPolybError(safe);
      if (error.code === 'internal')
        log.error({ err: safe, method: method.address, row: row.id, trace_id: context.traceId }, 'a keyed handler failed');
      // What was committed stands, whatever the handler did after it; and a lost lease is another's to end.
      const stored = mayBeKept ? await store.journal.read(row.id) : null;
      if (stored?.state === 'done') return stored.output;
      if (error.reason !== 'outcome_unknown' || (error.data as { rowId?: string })?.rowId !== row.id)
        await endFailed(row, method, error, performance.now() - began);
      throw error;
    }
  }

  async function attemptEffect(row: Row, method: Method, effect: Effect, wire: Wire, lease: Lease): Promise<unknown> {
    const began = performance.now();
    const signal = AbortSignal.any([AbortSignal.timeout(method.timeoutMs), lease.lost]);
    bindLease(signal, lease);
    // Asked for through a context, so that what the adapter does with the signal is found in the trace.
    const traced = bus.context({ ...wire, signal: () => signal }).signal;
    let output: unknown;
    try {
      if (!lease.isFresh)
        throw new PolybError('unavailable', 'The attempt waited too long before it could begin; nothing was sent.', {
          reason: 'too_late_to_send',
        });
      output = checkedOutput(method, await effect.attempt(parsed(method, row.input) as never, { ref: row.ref, signal: traced }));
    } catch (thrown) {
      const safe = discreet(thrown, method.input, row.input);
      const error = toPolybError(safe);
      const ms = performance.now() - began;
      if (isDefinite(error)) {
        await endFailed(row, method, error, ms);
        throw error;
      }
      log.warn({ err: safe, method: method.address, row: row.id }, 'the outcome of an attempt is not known');
      const known = { ...rowError(error), outcome: 'unknown' };
      await store.journal.markUnknown(row.id, row.token, known, logLine(error, ms));
      wake();
      throw new PolybError(
        error.code === 'deadline_exceeded' ? 'deadline_exceeded' : 'upstream_failed',
        `${error.message} Whether it happened is being found out as ${row.id}.`,
        {
          reason: 'outcome_unknown',
          data: { rowId: row.id },
          cause: safe,
        },
      );
    }
    if (!(await ended(row, { state: 'done', output }))) throw lost(row);
    return output;
  }

  /** Writes how an attempt ended, again while PostgreSQL is away: what is known must not become a doubt for its sake. False when the lease was lost. */
  async function ended(row: Row, ending: Ending): Promise<boolean> {
    const until = Date.now() + endPatienceMs;
    for (let pauseMs = 50, wasUnsure = false; ; pauseMs = Math.min(2 * pauseMs, 500)) {
      try {
        if (await store.journal.end(null, row.id, row.token, ending)) return true;
        // An earlier try may have been kept and its answer lost.
        return wasUnsure && (await store.journal.read(row.id))?.state === ending.state;
      } catch (thrown) {
        if (!isPolybError(thrown) || !isStoreFailure(thrown) || Date.now() >= until) throw thrown;
        wasUnsure = true;
        await delay(pauseMs);
      }
    }
  }

  /** A failure that proves that nothing was changed: back to the queue where the journal retries, else an end that the retrier may reopen. */
  async function endFailed(row: Row, method: Method, error: PolybError, ms: number): Promise<void> {
    const entry = { error: rowError(error), log: logLine(error, ms) };
    // A process that stops closes its connections under its own attempts, which says nothing against another's.
    const firstMs = stopped ? 0 : 250;
    const notBefore = Date.now() + backoffMs(row.attempts, { firstMs, lastMs: 30_000, wishedMs: error.retryAfterMs });
    const again =
      row.mode === 'send' &&
      (error.retryable || (stopped && error.code === 'cancelled')) &&
      (row.notAfter === null || notBefore < row.notAfter || policies[method.address]?.handling === 'function');
    await ended(row, again ? { ...entry, state: 'queued', notBefore } : { ...entry, state: 'failed' });
  }

  /** What a call would have brought along: an attempt that nobody calls has its own time and its own span in the row's trace. */
  function ownWire(row: Row, method: Method): Wire {
    const signal = AbortSignal.timeout(method.timeoutMs);
    return {
      key: row.key,
      caller: row.caller ?? bus.name,
      deadlineAt: Date.now() + method.timeoutMs,
      traceparent: traceparentOf(traceIdOf(row.traceparent ?? ''), randomHex(16)),
      signal: () => signal,
    };
  }
  /** Leaves a call record, as the bus does for what is called. */
  async function recorded(row: Row, { traceparent, caller, key }: Wire, work: Promise<unknown>): Promise<void> {
    const at = Date.now();
    const began = performance.now();
    const done = (code: CallRecord['code']): void =>
      bus.record({
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

  /** A row that the worker claimed: its guards first, then the attempt. */
  async function attemptClaimed(row: Row, since: number): Promise<void> {
    const consumer = consumers.get(row.method);
    if (consumer !== undefined) return handleAgain(row, consumer);
    const it = byAddress.get(row.method);
    if (it === undefined) return;
    if (isPipeline(it.handler)) {
      await execute(row, it.handler, since);
      return;
    }
    const wire = ownWire(row, it.method);
    const lease = held.hold(row.token, since);
    let verdict: Exclude<Verdict, 'go'> | null;
    try {
      verdict = await transactions.run({ traceparent: row.traceparent }, (tx) => judged(it.method, parsed(it.method, row.input), tx));
    } catch (thrown) {
      // Nothing went out yet, so nothing is in doubt. A function's lease runs out, and it is taken over.
      if (isEffect(it.handler))
        await ended(row, { state: 'queued', notBefore: Date.now() + backoffMs(row.attempts, { firstMs: 250, lastMs: 30_000 }) });
      lease.release();
      throw thrown;
    }
    if (verdict === null) {
      await recorded(row, wire, attempt(row, it.method, it.handler as Handler | Effect, wire, lease));
      return;
    }
    lease.release();
    if ('notBefore' in verdict)
      await store.journal.end(null, row.id, row.token, { state: 'queued', notBefore: verdict.notBefore.getTime() });
    else
      await store.journal.end(null, row.id, row.token, {
        state: verdict.refuse === 'stale' ? 'stale' : 'failed',
        error: {
          code: 'failed_precondition',
          reason: verdict.refuse,
          detail: refusalOf(verdict),
          outcome: 'not_executed',
        },
      });
    moved(row);
  }
  /** A dead letter of a consumer that a person sent back: out of order by now, but handled once. */
  async function handleAgain(row: Row, consumer: Consumer): Promise<void> {
    const began = performance.now();
    try {
      await transactions.run(
        { traceparent: row.traceparent },
        (tx) => consumer.handle(row.input, tx),
        async (on) => {
          if (!(await store.journal.end(on, row.id, row.token, { state: 'done' }))) throw lost(row);
        },
      );
    } catch (thrown) {
      const error = toPolybError(discreet(thrown, consumer.consumes.payload, row.input));
      await store.journal.end(null, row.id, row.token, {
        state: 'failed',
        error: rowError(error),
        log: logLine(error, performance.now() - began),
      });
    }
  }

  /** Asks the provider what became of an attempt. */
  async function lookUp(row: Row): Promise<void> {
    const it = byAddress.get(row.method);
    if (it === undefined || !isEffect(it.handler) || it.handler.onUnknown.do !== 'look_up') return;
    const traced = bus.context(ownWire(row, it.method)).signal;
    const began = performance.now();
    try {
      const found = await it.handler.onUnknown.find(row.ref, traced);
      const learned = {
        ms: Math.round(performance.now() - began),
        code: 'ok',
        reason: found === null ? 'not_found_there' : 'found_there',
        message: 'The provider was asked.',
        evidence: null,
      };
      if (found !== null) await store.journal.resolve(row, { state: 'done', output: checkedOutput(it.method, found), log: learned });
      else
        await store.journal.resolve(row, {
          state: row.mode === 'send' ? 'queued' : 'failed',
          error: { code: 'unavailable', reason: 'not_done', detail: 'The attempt did not reach the provider.', outcome: 'not_executed' },
          // This look-up is one of the takeovers; another means that the attempt's own holder is gone, and the second of those waits.
          notBefore: Date.now() + Math.max(0, row.takeovers - 2) * leaseMs,
          log: learned,
        });
    } catch (thrown) {
      const safe = discreet(thrown, it.method.input, row.input);
      const error = toPolybError(safe);
      log.warn({ err: safe, row: row.id }, 'a look-up failed');
      await store.journal.resolve(row, {
        state: 'unknown',
        error: row.error,
        notBefore: Date.now() + backoffMs(Math.min(row.attempts, 6), { firstMs: 1_000, lastMs: 5_000, wishedMs: error.retryAfterMs }),
        log: logLine(error, performance.now() - began),
      });
    }
    moved(row);
  }

  async function worker(): Promise<void> {
    let away = false;
    let sweptAt = 0;
    while (!stopped) {
      let full = false;
      woken = false;
      try {
        const room = Math.min(64, concurrency - claimed);
        const since = performance.now();
        const rows = room > 0 ? await store.journal.claim(policies, holder, leaseMs, room) : [];
        const unknown = await store.journal.toLookUp(methods, leaseMs, 32);
        for (const work of [...rows.map((row) => attemptClaimed(row, since)), ...unknown.map(lookUp)]) void track(claimedWork(work));
        if (Date.now() - sweptAt >= idleMs) {
          sweptAt = Date.now();
          await store.journal.sweep(methods);
        }
        full = rows.length === room && room > 0;
        if (away) log.info({}, 'the journal is back');
        away = false;
      } catch (error) {
        if (!away) log.warn({ err: error }, 'the journal cannot be reached; it is tried again every second');
        away = true;
      }
      if (!full) await nap();
    }
  }
  async function claimedWork(work: Promise<void>): Promise<void> {
    claimed += 1;
    try {
      await work;
    } catch (thrown) {
      // How an attempt ended stands in its row; nobody waits for the promise of a claimed one.
      if (!isPolybError(thrown)) log.error({ err: thrown }, 'an attempt broke');
    } finally {
      claimed -= 1;
      wake();
    }
  }
  function nap(): Promise<void> {
    return new Promise((resolve) => {
      if (woken || stopped) return resolve();
      const timer = setTimeout(resolve, idleMs);
      endNap = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
  function wake(): void {
    woken = true;
    endNap();
  }
  let working: Promise<void> | undefined;

  return {
    keep,
    start() {
      working ??= worker();
    },
    wake,
    async drain(graceMs) {
      stopped = true;
      wake();
      await working;
      await Promise.race([Promise.allSettled([...underWay]), delay(graceMs, undefined, { ref: false })]);
      held.stop();
    },
  };
}

function policyOf(method: Method, handler: Kept): RowPolicy {
  if (!isEffect(handler)) return { method: method.address, handling: 'function', settleMs: 0, settles: method.settles };
  return {
    method: method.address,
    handling: handler.onUnknown.do,
    settleMs: 'settleMs' in handler.onUnknown ? handler.onUnknown.settleMs : 0,
    settles: method.settles,
  };
}

function refusalOf({ refuse, why = `A rule forbids it: ${refuse}.` }: Refusal): string {
  return why;
}

/** What a row is right after it was made, before anything is read back. */
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
    notBefore: 0,
    notAfter,
    leftMs: null,
    readAt: performance.now(),
    leaseUntil: null,
    settleAt: null,
  };
}

/** A result by the method's schema: what is stored is what was promised. */
function checkedOutput(method: Method, result: unknown): unknown {
  const checked = method.output.safeParse(result);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new PolybError(
    'internal',
    `${method.address} gave a result that does not fit its contract at ${issue?.path.join('.')}: ${issue?.message}`,
  );
}
