/** Prometheus text, exposition format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats */
import type { MetricReport } from '../../contracts/kit/metric.ts';

export interface Exposition {
  /** Series with the same labels appear once, and a metric repeated with another type is dropped: a scraper rejects either. */
  add(metric: MetricReport, identity: Readonly<Record<string, string>>): void;
  text(): string;
}
interface Family {
  readonly type: string;
  readonly lines: string[];
  readonly series: Set<string>;
}

export function exposition(): Exposition {
  const families = new Map<string, Family>();
  return {
    add({ name, type, help, labels, bounds, series }, identity) {
      let family = families.get(name);
      if (family === undefined) {
        family = { type, lines: [`# HELP ${name} ${helpText(help)}`, `# TYPE ${name} ${type}`], series: new Set() };
        families.set(name, family);
      }
      if (family.type !== type) return;
      const own = Object.entries(identity);
      for (const [values, ...numbers] of series) {
        const pairs = [...own, ...labels.map((label, index) => [label, values[index] ?? ''] as const)];
        const text = pairs.map(([label, value]) => `${label}="${escaped(value)}"`).join(',');
        if (family.series.has(text)) continue;
        family.series.add(text);
        if (type === 'histogram') family.lines.push(...buckets(name, text, bounds, numbers));
        else family.lines.push(`${name}${braced(text)} ${numbers[0]}`);
      }
    },
    text: () => [...families.values()].map(({ lines }) => `${lines.join('\n')}\n`).join(''),
  };
}

/** @param numbers the sum, then the count per bucket; the text has cumulative counts */
function buckets(name: string, labels: string, bounds: readonly number[], [sum = 0, ...counts]: readonly number[]): readonly string[] {
  const before = labels === '' ? '' : `${labels},`;
  let below = 0;
  const lines = counts.map((count, slot) => {
    below += count;
    return `${name}_bucket{${before}le="${bounds[slot] ?? '+Inf'}"} ${below}`;
  });
  return [...lines, `${name}_sum${braced(labels)} ${sum}`, `${name}_count${braced(labels)} ${below}`];
}
const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`);
function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}
function helpText(help: string): string {
  return help.replace(/[\\\n]/g, (character) => (character === '\n' ? '\\n' : '\\\\'));
}
