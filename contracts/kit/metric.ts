/**
 * Definitions of metrics, and the port through which a service counts.
 *
 * Glossary: a *metric* has a name, a help text and labels; a *series* is a metric with one set of label values;
 * a *sample* is the value of a series when metrics are collected.
 */

/** `any`: every value, as long as there is room; a list: these values, and `_OTHER` for all others. */
export type LabelValues = 'any' | readonly string[];

export interface Metric<Type extends MetricType = MetricType, Label extends string = string> {
  /** In base units, ending in `_total`, `_seconds` or `_bytes` where applicable. */
  readonly name: string;
  readonly type: Type;
  /** One sentence: the HELP line, also shown on the page of metrics. */
  readonly help: string;
  /** Never a phone, chat, user, lead, run, session or free text. */
  readonly labels: Readonly<Record<Label, LabelValues>>;
  /** Upper bounds of the buckets of a histogram. */
  readonly bounds: readonly number[];
  /** A fact of the whole system, equal in every instance: exported once. */
  readonly isShared: boolean;
}
export const metricTypes = ['counter', 'gauge', 'histogram'] as const;
export type MetricType = (typeof metricTypes)[number];

/** The label for values outside a list, and for values that exceed the limit. */
export const otherLabel = '_OTHER';
/** Seconds. Source: OpenTelemetry, semantic conventions for RPC. */
export const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;

type LabelNames = Readonly<Record<string, LabelValues>>;
type Options<L> = { readonly help: string; readonly labels?: L; readonly isShared?: boolean };

/** A value that only increases. */
export function counter<const L extends LabelNames = Record<never, never>>(name: string, options: Options<L>) {
  return metric('counter', name, options, []);
}
/** A value that increases and decreases. */
export function gauge<const L extends LabelNames = Record<never, never>>(name: string, options: Options<L>) {
  return metric('gauge', name, options, []);
}
/** A distribution of values; of durations unless `bounds` are given. */
export function histogram<const L extends LabelNames = Record<never, never>>(
  name: string,
  options: Options<L> & { readonly bounds?: readonly number[] },
) {
  return metric('histogram', name, options, options.bounds ?? durationBounds);
}
function metric<Type extends MetricType, L extends LabelNames>(
  type: Type,
  name: string,
  { help, labels, isShared = false }: Options<L>,
  bounds: readonly number[],
): Metric<Type, keyof L & string> {
  return { name, type, help, labels: labels ?? ({} as L), bounds, isShared };
}

/** Counts per bucket; the last bucket is above all bounds. */
export interface Distribution {
  readonly sum: number;
  readonly buckets: readonly number[];
}
export interface Sample {
  readonly of: Metric;
  readonly labels: Readonly<Record<string, string | boolean>>;
  readonly value: number | Distribution;
}
export type Labels<Label extends string> = Readonly<Record<Label, string | boolean>>;

/** Counts occurrences. Count after the commit: `Tx.count` and `Tx.observe` do. */
export interface Counting {
  count<Label extends string>(of: Metric<'counter', Label>, labels: Labels<Label>, by?: number): void;
  observe<Label extends string>(of: Metric<'histogram', Label>, labels: Labels<Label>, value: number): void;
}
export interface Metrics extends Counting {
  /**
   * Exports a counter at 0 from now on, so that its first increment is a visible rise: one series for every combination of its listed labels and of `values`.
   * A label that is neither listed nor given would need unknown values, so it must be given.
   */
  begin<Label extends string>(of: Metric<'counter', Label>, values?: Readonly<Partial<Record<Label, readonly string[]>>>): void;
  /** `read` is called when metrics are collected, at most once per `freshMs` (5 s). A late result is exported at the next collection. */
  sample(read: () => readonly Sample[] | Promise<readonly Sample[]>, options?: { readonly freshMs?: number }): void;
}

/** For code outside a service, where metrics are not collected. */
export const uncounted: Metrics = { begin() {}, count() {}, observe() {}, sample() {} };

/** A metric of one instance, as sent to the collector. */
export interface MetricReport {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
  readonly bounds: readonly number[];
  readonly isShared: boolean;
  /** The label values in the order of `labels`, then the value; for a histogram the sum and then the buckets. */
  readonly series: readonly (readonly [values: readonly string[], ...numbers: number[]])[];
}
