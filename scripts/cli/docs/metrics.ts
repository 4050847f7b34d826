import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Metric, metricTypes, otherLabel } from '../../../contracts/kit/metric.ts';
import { serviceFolders, servicesDir } from '../../../runtime/services.ts';
import { code, fenced, markdown, type Page, table } from './page.ts';

/** What a person is woken for, and what it means. */
const alerts = [
  ['a service does not respond', 'polyb_service_ready == 0'],
  [
    'calls fail',
    'sum by (rpc_method) (rate(rpc_server_call_duration_seconds_count{rpc_response_status_code=~"internal|upstream_failed"}[5m])) > 0.1',
  ],
  ['dead letters wait', 'polyb_dlq_oldest_age_seconds > 600'],
  ['approvals wait', 'polyb_approvals_oldest_age_seconds > 1800'],
  ['a provider fails', 'sum by (provider) (rate(polyb_provider_requests_total{outcome!~"ok|rejected"}[5m])) > 0.1'],
] as const;

/** Metrics of the platform, and of each service from its metrics.ts. */
export async function metricsOfCode(): Promise<readonly Metric[]> {
  const own = (await serviceFolders()).map((folder) => join(servicesDir, folder, 'metrics.ts')).filter((file) => existsSync(file));
  const files = [join(servicesDir, '../contracts/metrics.ts'), ...own];
  const modules: readonly object[] = await Promise.all(files.map((file) => import(pathToFileURL(file).href)));
  return modules.flatMap((module) => Object.values(module)).filter((value): value is Metric => metricTypes.includes(value.type));
}

export function metricsPage(metrics: readonly Metric[]): Page {
  const all = metrics.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return markdown('docs/reference/metrics.md', 'Metrics', [
    '`GET /metrics` of the gateway collects the metrics of every instance over the bus, at most once a second, so that one address is enough to scrape. Prometheus text, format 0.0.4.',
    'Every series has the labels `service` and `instance`. A metric of the whole system (∑ below) has only `service`, and is the same from every instance. Times are in seconds. The metrics `process_*` describe the process of the instance; services in one process report the same values. The gateway adds the `nodejs_*` metrics of its own process.',
    `A phone, chat, person, row or text is never a label. A value outside a closed list counts as \`${otherLabel}\`. So does every new value once a metric has 500 series in an instance, or the instance has 1500.`,
    table(['metric', 'type', 'labels', 'description'], all.map(row)),
    '## Alerts',
    ...alerts.flatMap(([when, query]) => [`${when[0]?.toUpperCase()}${when.slice(1)}:`, fenced('promql', query)]),
    '## Your own metrics',
    fenced(
      'ts',
      [
        "const soldTotal = counter('shop_sold_total', { help: 'Sold.', labels: { fruit: ['apple', 'pear'] } }); // contracts/kit/metric.ts",
        '',
        "tx.count(soldTotal, { fruit: 'apple' }); // in a commit: counted only when it commits",
        'metrics.sample(async () => [{ of: stock, labels: {}, value: await countStock(db) }]); // in service.ts: called when metrics are collected',
      ].join('\n'),
    ),
  ]);
}
function row({ name, type, labels, help, isShared }: Metric): readonly string[] {
  const values = Object.entries(labels).map(([label, of]) => (of === 'any' ? code(label) : `${code(label)}: ${of.join(', ')}`));
  return [`${code(name)}${isShared ? ' ∑' : ''}`, type, values.join('; '), help];
}
