/** Free starts between opening hours and what is booked. */

/** From `from` to before `to`, in Unix ms. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}
export interface Wanted {
  readonly durationMs: number;
  /** Time after the appointment that stays free, also beyond the opening hours. */
  readonly bufferMs?: number;
  /** Starts are multiples of this from the beginning of an opening interval. */
  readonly stepMs: number;
  /** No start before. */
  readonly notBefore: number;
  /** No start at or after. */
  readonly notAfter?: number;
}

/** Starts in Unix ms, ascending. `busy` intervals include their own buffers. */
export function freeStarts(
  open: readonly Interval[],
  busy: readonly Interval[],
  { durationMs, bufferMs = 0, stepMs, notBefore, notAfter = Number.POSITIVE_INFINITY }: Wanted,
): readonly number[] {
  const taken = busy.toSorted((a, b) => a.from - b.from);
  const starts: number[] = [];
  for (const { from, to } of merged(open)) {
    let nth = 0;
    const first = from + Math.max(0, Math.ceil((notBefore - from) / stepMs)) * stepMs;
    for (let start = first; start + durationMs <= to && start < notAfter; ) {
      // Intervals that end before this start do not matter any more.
      while (nth < taken.length && (taken[nth] as Interval).to <= start) nth += 1;
      const clash = clashOf(taken, nth, start, start + durationMs + bufferMs);
      if (clash === undefined) {
        starts.push(start);
        start += stepMs;
      } else start += Math.max(1, Math.ceil((clash.to - start) / stepMs)) * stepMs;
    }
  }
  return starts;
}
/** The first busy interval from `nth` on that overlaps. Busy intervals may overlap each other, so an earlier one may end later. */
function clashOf(taken: readonly Interval[], nth: number, from: number, to: number): Interval | undefined {
  for (let at = nth; at < taken.length && (taken[at] as Interval).from < to; at += 1) {
    const one = taken[at] as Interval;
    if (one.to > from) return one;
  }
  return undefined;
}

/** Ascending, without overlaps. */
export function merged(intervals: readonly Interval[]): readonly Interval[] {
  const all: { from: number; to: number }[] = [];
  for (const { from, to } of intervals.filter((each) => each.to > each.from).toSorted((a, b) => a.from - b.from)) {
    const last = all.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else all.push({ from, to });
  }
  return all;
}
