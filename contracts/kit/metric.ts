/**
 * What a metric is, and the port through which a service counts.
 *
 * Glossary: a *metric* has a name, a help text and labels; a *series* is a metric with one set of label values;
 * a *sample* is the value of a series at the time when figures are gathered.
 */

/** `any`: every value that comes, as long as there is room; a list: these, and `_OTHER` for what is not among them. */
export type LabelValues = 'any' | readonly string[];

export interface Metric<Type extends MetricType = MetricType, Label extends string = string> {
  /** In base units, ending in `_total`, `_seconds` or `_bytes` where that fits. */
  readonly name: string;
  readonly type: Type;
  /** One sentence: the HELP line, and the page of metrics. */
  readonly help: string;
  /** Never a phone, chat, user, lead, run, session or free text. */
  readonly labels: Readonly<Record<Label, LabelValues>>;
  /** Upper bounds of a histogram's buckets. */
  readonly bounds: readonly number[];
  /** A fact of the whole system, the same from whatever instance is asked: shown once. */
  readonly isShared: boolean;
}
export const metricTypes = ['counter', 'gauge', 'histogram'] as const;
export type MetricType = (typeof metricTypes)[number];

/** What fits no list, and what came when there was no room any more. */
export const otherLabel = '_OTHER';
/** Seconds. Source: OpenTelemetry, semantic conventions for RPC. */
export const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;

type LabelNames = Readonly<Record<string, LabelValues>>;
type Options<L> = { readonly help: string; readonly labels?: L; readonly isShared?: boolean };

/** Only goes up. */
export function counter<const L extends LabelNames = Record<never, never>>(name: string, options: Options<L>) {
  return metric('counter', name, options, []);
}
/** Goes up and down. */
export function gauge<const L extends LabelNames = Record<never, never>>(name: string, options: Options<L>) {
  return metric('gauge', name, options, []);
}
/** How values are distributed; durations unless `bounds` say otherwise. */
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

/** How values fell into buckets; the last bucket is what is above all bounds. */
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

/** Counts what happened. Count after the commit: `Tx.count` and `Tx.observe` do. */
export interface Counting {
  count<Label extends string>(of: Metric<'counter', Label>, labels: Labels<Label>, by?: number): void;
  observe<Label extends string>(of: Metric<'histogram', Label>, labels: Labels<Label>, value: number): void;
}
export interface Metrics extends Counting {
  /** Shows a counter at 0 from now on, so that its first event is a rise: one series for every combination of its listed labels and of `values`.
   *  A label that is neither listed nor given would need values that nobody knows yet, so it must be given. */
  begin<Label extends string>(of: Metric<'counter', Label>, values?: Readonly<Partial<Record<Label, readonly string[]>>>): void;
  /** `read` is asked when figures are gathered, at most once in `freshMs` (5 s), and not waited for long: what comes late is told the next time. */
  sample(read: () => readonly Sample[] | Promise<readonly Sample[]>, options?: { readonly freshMs?: number }): void;
}

/** For what runs outside a service, where nobody gathers figures. */
export const uncounted: Metrics = { begin() {}, count() {}, observe() {}, sample() {} };

/** A metric of one instance as it travels to whoever gathers figures. */
export interface ToldMetric {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
  readonly bounds: readonly number[];
  readonly isShared: boolean;
  /** The label values in the order of `labels`, then the value; of a histogram the sum and then the buckets. */
  readonly series: readonly (readonly [values: readonly string[], ...numbers: number[]])[];
}
