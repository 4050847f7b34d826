import { type Distribution, durationBounds } from '../../contracts/kit/metric.ts';
import { maskDigits } from './records.ts';

/** Counters of one method on one side since the start. */
export interface MethodStats {
  readonly address: string;
  readonly side: 'client' | 'server';
  readonly requests: number;
  readonly errors: number;
  /** Requests without an attempt: their deadline had passed, or they named no valid reply inbox. */
  readonly dropped: number;
  readonly inFlight: number;
  /** '' when there was none. */
  readonly lastError: string;
  readonly totalMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** By code, `ok` among them. */
  readonly codes: Readonly<Record<string, number>>;
  /** Calls by `durationBounds`; the last bucket is above all bounds. */
  readonly buckets: readonly number[];
  /** Failed calls in seconds, by code. */
  readonly failed: Readonly<Record<string, Distribution>>;
}
const boundsMs = durationBounds.map((bound) => bound * 1000);

interface Failures {
  count: number;
  totalMs: number;
  readonly buckets: number[];
}
export interface Counter {
  readonly address: string;
  readonly side: 'client' | 'server';
  ok: number;
  errors: number;
  dropped: number;
  inFlight: number;
  lastError: string;
  totalMs: number;
  readonly failures: Map<string, Failures>;
  readonly buckets: Uint32Array;
  readonly fine: Uint32Array;
}

export function counterOf(address: string, side: 'client' | 'server'): Counter {
  return {
    address,
    side,
    ok: 0,
    errors: 0,
    dropped: 0,
    inFlight: 0,
    lastError: '',
    totalMs: 0,
    failures: new Map(),
    buckets: new Uint32Array(boundsMs.length + 1),
    fine: new Uint32Array(256),
  };
}

/** Counts one call that ended. `code` is `ok` or an error's. */
export function count(counter: Counter, ms: number, code: string, message: string): void {
  counter.totalMs += ms;
  let bucket = 0;
  while (bucket < boundsMs.length && ms > (boundsMs[bucket] as number)) bucket += 1;
  counter.buckets[bucket] = (counter.buckets[bucket] as number) + 1;
  if (code === 'ok') counter.ok += 1;
  else {
    counter.errors += 1;
    counter.lastError = message;
    countFailure(counter, ms, code, bucket);
  }
  const slot = slotOf(ms);
  counter.fine[slot] = (counter.fine[slot] as number) + 1;
}

function countFailure({ failures }: Counter, ms: number, code: string, bucket: number): void {
  let failed = failures.get(code);
  if (failed === undefined) {
    failed = { count: 0, totalMs: 0, buckets: Array.from({ length: boundsMs.length + 1 }, () => 0) };
    failures.set(code, failed);
  }
  failed.count += 1;
  failed.totalMs += ms;
  failed.buckets[bucket] = (failed.buckets[bucket] as number) + 1;
}

/** Eight slots for each doubling of microseconds: percentiles are accurate to 12 %. */
function slotOf(ms: number): number {
  const us = Math.min(ms * 1000, 2 ** 31 - 1) | 0;
  if (us < 8) return us;
  const doubling = 31 - Math.clz32(us);
  return (doubling - 2) * 8 + ((us >> (doubling - 3)) & 7);
}
function upperMs(slot: number): number {
  if (slot < 8) return (slot + 1) / 1000;
  const doubling = (slot >> 3) + 2;
  return (2 ** doubling + ((slot & 7) + 1) * 2 ** (doubling - 3)) / 1000;
}
function percentile(fine: Uint32Array, share: number, all: number): number {
  let left = Math.ceil(all * share);
  for (const [slot, many] of fine.entries()) {
    left -= many;
    if (left <= 0 && many > 0) return upperMs(slot);
  }
  return 0;
}

export function statsOf(counter: Counter): MethodStats {
  const { address, side, ok, errors, dropped, inFlight, lastError, totalMs, failures, fine } = counter;
  const requests = ok + errors;
  return {
    address,
    side,
    requests,
    errors,
    dropped,
    inFlight,
    lastError: maskDigits(lastError),
    totalMs,
    p50Ms: percentile(fine, 0.5, requests),
    p95Ms: percentile(fine, 0.95, requests),
    p99Ms: percentile(fine, 0.99, requests),
    codes: { ok, ...Object.fromEntries([...failures].map(([code, failed]) => [code, failed.count])) },
    buckets: [...counter.buckets],
    failed: Object.fromEntries([...failures].map(([code, failed]) => [code, { sum: failed.totalMs / 1000, buckets: [...failed.buckets] }])),
  };
}

/** Durations of calls in seconds, by code. */
export function byCode({
  totalMs,
  buckets,
  failed,
}: Pick<MethodStats, 'totalMs' | 'buckets' | 'failed'>): readonly (readonly [code: string, Distribution])[] {
  const failures = Object.entries(failed);
  const ok = {
    sum: failures.reduce((left, [, { sum }]) => left - sum, totalMs / 1000),
    buckets: buckets.map((many, slot) => failures.reduce((left, [, { buckets: own }]) => left - (own[slot] ?? 0), many)),
  };
  return [...(ok.buckets.some((many) => many > 0) ? [['ok', ok] as const] : []), ...failures];
}
