/** How fast counters of instances rise, from samples that are taken when somebody asks, and once a minute anyway. */
import { durationBounds } from '../../contracts/kit/metric.ts';

/** Counters since the start of an instance; durations by `durationBounds`, or none. */
export interface Totals {
  readonly requests: number;
  readonly errors: number;
  readonly buckets: readonly number[];
}
export interface Rate {
  readonly perSecond: number | null;
  readonly errorsPerSecond: number | null;
  readonly p95Ms: number | null;
}
/** By instance, then by whatever is counted there. */
export type Counters = ReadonlyMap<string, { readonly startedAtMs: number; readonly totals: ReadonlyMap<string, Totals> }>;
export interface Rates {
  add(at: number, counters: Counters): void;
  /** Of everything counted under `name`, in these instances, up to the latest sample. */
  of(name: string, instances: Iterable<string>): Rate;
}
interface Sample {
  readonly at: number;
  readonly counters: Counters;
}

const longestMs = 75_000;
/** Samples that are kept are so far apart. */
const apartMs = 10_000;
const none: Totals = { requests: 0, errors: 0, buckets: [] };
const unknown: Rate = { perSecond: null, errorsPerSecond: null, p95Ms: null };

export function createRates(): Rates {
  let kept: readonly Sample[] = [];
  let latest: Sample | undefined;
  /** What an instance has counted since the oldest sample; null for one that was there, unseen. */
  function risen(name: string, instance: string, from: Sample, to: Sample): Totals | null {
    const now = to.counters.get(instance);
    const before = from.counters.get(instance);
    if (now === undefined || (before === undefined && now.startedAtMs < from.at)) return null;
    const { requests, errors, buckets } = now.totals.get(name) ?? none;
    const was = before?.totals.get(name) ?? none;
    return {
      requests: requests - was.requests,
      errors: errors - was.errors,
      buckets: buckets.map((count, slot) => count - (was.buckets[slot] ?? 0)),
    };
  }
  return {
    add(at, counters) {
      latest = { at, counters };
      const young = kept.filter((sample) => at - sample.at <= longestMs);
      kept = at - (young.at(-1)?.at ?? Number.NEGATIVE_INFINITY) >= apartMs ? [...young, latest] : young;
    },
    of(name, instances) {
      const [from] = kept;
      if (from === undefined || latest === undefined || latest.at <= from.at) return unknown;
      const seconds = (latest.at - from.at) / 1_000;
      const { requests, errors, buckets } = sumOf(
        [...instances].flatMap((instance) => risen(name, instance, from, latest as Sample) ?? []),
      );
      return { perSecond: requests / seconds, errorsPerSecond: errors / seconds, p95Ms: percentileMs(buckets, 0.95) };
    },
  };
}

export function sumOf(all: readonly Totals[]): Totals {
  const slots = Math.max(0, ...all.map(({ buckets }) => buckets.length));
  return {
    requests: all.reduce((sum, { requests }) => sum + requests, 0),
    errors: all.reduce((sum, { errors }) => sum + errors, 0),
    buckets: Array.from({ length: slots }, (_, slot) => all.reduce((sum, { buckets }) => sum + (buckets[slot] ?? 0), 0)),
  };
}

/** Within its bucket as if durations were spread evenly there; at most the last bound. */
export function percentileMs(buckets: readonly number[], share: number): number | null {
  const count = buckets.reduce((sum, each) => sum + each, 0);
  if (count <= 0) return null;
  let left = count * share;
  for (const [slot, each] of buckets.entries()) {
    const from = slot === 0 ? 0 : (durationBounds[slot - 1] ?? 0);
    const to = durationBounds[slot] ?? from;
    if (left <= each) return 1_000 * (from + ((to - from) * left) / each);
    left -= each;
  }
  return 1_000 * (durationBounds.at(-1) ?? 0);
}
