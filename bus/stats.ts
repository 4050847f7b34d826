/** Counters of one method on one side since the start. */
export interface MethodStats {
  readonly address: string;
  readonly side: 'client' | 'server';
  readonly requests: number;
  readonly errors: number;
  /** Dropped because nobody waited any more, or because there was nowhere to reply. */
  readonly dropped: number;
  readonly inFlight: number;
  readonly lastError: string;
  readonly totalMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** By code, `ok` among them. */
  readonly codes: Readonly<Record<string, number>>;
  /** Counts at or below each bound of `durationBoundsSeconds`, not cumulative; the last is what is above all. */
  readonly buckets: readonly number[];
}
export const durationBoundsSeconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;
