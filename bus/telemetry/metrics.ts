/** Metrics of one instance, with a bounded number of series. */
import { type Distribution, type Metric, type MetricReport, type Metrics, otherLabel, type Sample } from '../../contracts/kit/metric.ts';
import type { Log } from '../../contracts/kit/ports.ts';
import { within } from '../middleware/settles-within.ts';

export interface Registry extends Metrics {
  /** Never fails: a sample that cannot be read is left out. */
  reports(): Promise<readonly MetricReport[]>;
}

/** Limits that keep the report of one instance far below the maximum message size of the bus. */
const seriesPerMetric = 500;
const seriesInAll = 1_500;
const longestValue = 80;

/** A requester of metrics stops listening soon after the last reply. */
const patienceMs = 100;
const usuallyFreshMs = 5_000;
/** Older samples are not reported. */
const oldestMs = 150_000;

/** Sum and buckets of a histogram; of anything else only the sum. */
interface Series {
  readonly values: readonly string[];
  sum: number;
  readonly buckets: number[];
}
interface Family {
  readonly names: readonly string[];
  readonly series: Map<string, Series>;
}
interface Source {
  readonly read: () => readonly Sample[] | Promise<readonly Sample[]>;
  readonly freshMs: number;
  at: number;
  samples: readonly Sample[];
  reading: Promise<void> | undefined;
  isFailing: boolean;
}

export function createMetrics({ now, log }: { readonly now: () => number; readonly log: Pick<Log, 'warn'> }): Registry {
  const counted = new Map<Metric, Family>();
  const sources: Source[] = [];
  let inAll = 0;

  function seriesOf(of: Metric, labels: Readonly<Record<string, string | boolean>>): Series {
    let family = counted.get(of);
    if (family === undefined) {
      family = { names: Object.keys(of.labels), series: new Map() };
      counted.set(of, family);
    }
    const { names, series } = family;
    let key = '';
    for (const name of names) key += `${labelOf(of, name, labels[name])}\0`;
    const known = series.get(key);
    if (known !== undefined) return known;
    const isRoom = series.size < seriesPerMetric && inAll < seriesInAll;
    if (isRoom) return add(series, key, of);
    const other = `${otherLabel}\0`.repeat(names.length);
    return series.get(other) ?? add(series, other, of);
  }
  function add(series: Family['series'], key: string, { type, bounds }: Metric): Series {
    const buckets = type === 'histogram' ? Array.from({ length: bounds.length + 1 }, () => 0) : [];
    const made = { values: key.split('\0').slice(0, -1), sum: 0, buckets };
    series.set(key, made);
    inAll += 1;
    return made;
  }

  async function refresh(source: Source): Promise<void> {
    if (source.reading === undefined && now() - source.at < source.freshMs) return;
    source.reading ??= (async () => {
      try {
        source.samples = await source.read();
        source.at = now();
        source.isFailing = false;
      } catch (err) {
        if (!source.isFailing) log.warn({ err }, 'metrics could not be read; they are omitted until they can be');
        source.isFailing = true;
      } finally {
        source.reading = undefined;
      }
    })();
    await source.reading;
  }

  return {
    begin(of, values) {
      for (const labels of combinations(of.labels, values ?? {})) seriesOf(of, labels);
    },
    count(of, labels, by = 1) {
      seriesOf(of, labels).sum += by;
    },
    observe(of, labels, value) {
      const series = seriesOf(of, labels);
      const { bounds } = of;
      let slot = 0;
      while (slot < bounds.length && value > (bounds[slot] as number)) slot += 1;
      series.buckets[slot] = (series.buckets[slot] as number) + 1;
      series.sum += value;
    },
    sample(read, { freshMs = usuallyFreshMs } = {}) {
      sources.push({ read, freshMs, at: Number.NEGATIVE_INFINITY, samples: [], reading: undefined, isFailing: false });
    },
    async reports() {
      await within(patienceMs, Promise.all(sources.map(refresh)));
      const youngEnough = sources.filter(({ at }) => now() - at < oldestMs);
      const sampled = Map.groupBy(
        youngEnough.flatMap(({ samples }) => samples),
        ({ of }) => of,
      );
      return [
        ...[...counted].map(([of, { names, series }]) => reportOf(of, names, [...series.values()])),
        ...[...sampled].map(([of, samples]) => {
          const names = Object.keys(of.labels);
          return reportOf(
            of,
            names,
            samples.slice(0, seriesPerMetric).map(({ labels, value }) => ({
              values: names.map((name) => labelOf(of, name, labels[name])),
              ...(typeof value === 'number' ? { sum: value, buckets: [] } : value),
            })),
          );
        }),
      ];
    },
  };
}

/** Every combination of the values of labels. @throws TypeError for a label whose values are not known. */
function combinations(
  labels: Metric['labels'],
  given: Readonly<Record<string, readonly string[] | undefined>>,
): readonly Readonly<Record<string, string>>[] {
  return Object.entries(labels).reduce<readonly Readonly<Record<string, string>>[]>(
    (made, [label, allowed]) => {
      const values = given[label] ?? allowed;
      if (values === 'any') throw new TypeError(`The values of the label ${label} are not listed; give them`);
      return made.flatMap((each) => values.map((value) => ({ ...each, [label]: value })));
    },
    [{}],
  );
}
function labelOf({ labels }: Metric, name: string, given: string | boolean | undefined): string {
  const allowed = labels[name];
  const value = typeof given === 'string' ? given : String(given);
  if (allowed !== 'any') return allowed?.includes(value) ? value : otherLabel;
  if (value.length <= longestValue && !value.includes('\0')) return value;
  return value.slice(0, longestValue).replaceAll('\0', ''); // it separates the values of a key
}
function reportOf(
  { name, type, help, bounds, isShared }: Metric,
  labels: readonly string[],
  series: readonly ({ readonly values: readonly string[] } & Distribution)[],
): MetricReport {
  return {
    name,
    type,
    help,
    labels,
    bounds,
    isShared,
    series: series.map(({ values, sum, buckets }) => [values, toMicro(sum), ...buckets]),
  };
}
/** Drops the rounding noise of sums. */
function toMicro(sum: number): number {
  return Math.round(sum * 1e6) / 1e6;
}
