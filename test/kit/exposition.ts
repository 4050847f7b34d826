/** Reads Prometheus text as strictly as a scraper that refuses the whole page for one bad line: exposition format 0.0.4. */

export interface Scraped {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/g;
const parts: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] };

/** @throws Error which line breaks which rule. */
export function scraped(text: string): readonly Scraped[] {
  if (!text.endsWith('\n')) throw new Error('the last line must end');
  const found: Scraped[] = [];
  const types = new Map<string, string>();
  const helps = new Set<string>();
  const series = new Set<string>();
  let family = '';
  const lines = text.split('\n').filter((line) => line !== '');
  for (const line of lines) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      if (helps.has(name)) throw new Error(`two HELP lines: ${line}`);
      helps.add(name);
    } else if (kind === 'TYPE') {
      if (types.has(name)) throw new Error(`two TYPE lines: ${line}`);
      if (!['counter', 'gauge', 'histogram', 'summary', 'untyped'].includes(rest)) throw new Error(`no such type: ${line}`);
      types.set(name, rest);
      family = name;
    } else {
      const sample = sampleOf(line);
      const type = types.get(family) ?? 'untyped';
      if (!(parts[type] ?? ['']).some((part) => sample.name === `${family}${part}`)) throw new Error(`outside its family: ${line}`);
      if (type === 'counter' && !sample.name.endsWith('_total')) throw new Error(`a counter ends in _total: ${line}`);
      const own = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
      if (series.has(own)) throw new Error(`the same series twice: ${line}`);
      series.add(own);
      found.push(sample);
    }
  }
  for (const [name, type] of types) {
    if (type === 'histogram') checkHistogram(name, found);
    if (type === 'gauge' && name.endsWith('_total')) throw new Error(`a gauge named like a counter: ${name}`);
  }
  return found;
}

function sampleOf(line: string): Scraped {
  const [, name, labels = '', value = ''] = sampleLine.exec(line) ?? [];
  if (name === undefined) throw new Error(`not a sample: ${line}`);
  const number = value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value);
  if (Number.isNaN(number) && !/^nan$/i.test(value)) throw new Error(`not a number: ${line}`);
  const read = (text: string): string => text.replace(/\\(.)/g, (_, character) => (character === 'n' ? '\n' : character));
  return { name, labels: Object.fromEntries([...labels.matchAll(label)].map(([, key, text = '']) => [key, read(text)])), value: number };
}

function checkHistogram(name: string, found: readonly Scraped[]): void {
  const without = ({ labels: { le: _, ...rest } }: Scraped): string => JSON.stringify(Object.entries(rest).sort());
  const counts = new Map(found.filter((each) => each.name === `${name}_count`).map((each) => [without(each), each.value]));
  const buckets = Map.groupBy(
    found.filter((each) => each.name === `${name}_bucket`),
    without,
  );
  for (const [labels, of] of buckets) {
    const bounds = of.map((each) => (each.labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(each.labels.le)));
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`no bucket for all of ${name} ${labels}`);
    if (bounds.some((bound, at) => at > 0 && bound <= (bounds[at - 1] as number))) throw new Error(`bounds fall: ${name} ${labels}`);
    if (of.some(({ value }, at) => at > 0 && value < (of[at - 1] as Scraped).value)) throw new Error(`buckets fall: ${name} ${labels}`);
    if (of.at(-1)?.value !== counts.get(labels)) throw new Error(`the last bucket is not the count: ${name} ${labels}`);
  }
  if (buckets.size !== counts.size) throw new Error(`a histogram without buckets: ${name}`);
}
