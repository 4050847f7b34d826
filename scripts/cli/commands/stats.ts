/** `polyb stats`: counters of every method, over all instances. */
import type { Invocation } from '../kernel/command.ts';
import { connect } from '../kernel/connect.ts';
import { allStats, repeatUntilStopped, type ServiceStats } from '../kernel/discover.ts';
import { refusal } from '../kernel/failure.ts';
import { drawTable, type Table } from '../kernel/text.ts';

interface Row {
  readonly method: string;
  readonly instances: number;
  readonly requests: number;
  readonly errors: number;
  readonly averageMs: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly lastError: string;
}

export async function stats(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal } = invocation;
  const [service] = args;
  await using connected = await connect(invocation);
  const look = async (): Promise<readonly Row[]> => rowsOf(await allStats(connected, service, flags.ms('wait') ?? 250, signal));
  if (flags.on('watch')) {
    await repeatUntilStopped(signal, async () => out.redraw(drawTable(tableOf(await look()), out.width)));
    return 0;
  }
  const rows = await look();
  if (rows.length === 0 && service !== undefined)
    throw refusal('not_found', 'no such service on the bus', { subject: service, next: ['polyb list'] });
  await out.result(rows, { table: () => tableOf(rows) });
  if (rows.length === 0) out.note('no service is on the bus; polyb status shows the processes', 'warn');
  return 0;
}

/** Percentiles of several instances cannot be added up: the worst of them is shown. */
function rowsOf(found: readonly ServiceStats[]): readonly Row[] {
  const parts = found.flatMap(({ name, id, endpoints }) =>
    endpoints.map((endpoint) => ({ method: `${name}.${endpoint.name}`, id, ...endpoint })),
  );
  const byMethod = Map.groupBy(parts, ({ method }) => method);
  return [...byMethod]
    .map(([method, all]): Row => {
      const requests = all.reduce((sum, one) => sum + one.num_requests, 0);
      const totalNs = all.reduce((sum, one) => sum + one.average_processing_time * one.num_requests, 0);
      const worst = (field: string) => {
        const values = all.map(({ data }) => data?.[field]).filter((value) => typeof value === 'number');
        return values.length === 0 ? null : Math.max(...values);
      };
      return {
        method,
        instances: new Set(all.map(({ id }) => id)).size,
        requests,
        errors: all.reduce((sum, one) => sum + one.num_errors, 0),
        averageMs: requests === 0 ? 0 : Math.round(totalNs / requests / 10_000) / 100,
        p50Ms: worst('p50Ms'),
        p95Ms: worst('p95Ms'),
        p99Ms: worst('p99Ms'),
        lastError: all.map((one) => one.last_error).find((text) => text !== '') ?? '',
      };
    })
    .sort((a, b) => (a.method < b.method ? -1 : 1));
}

function tableOf(rows: readonly Row[]): Table {
  const ms = (value: number | null) => (value === null ? '' : `${value < 10 ? value.toFixed(1) : Math.round(value)}`);
  return {
    columns: ['METHOD', 'INST', 'REQUESTS', 'ERRORS', 'AVG ms', 'P50', 'P95', 'P99', 'LAST ERROR'],
    rows: rows.map((row) => [
      row.method,
      String(row.instances),
      String(row.requests),
      String(row.errors),
      ms(row.averageMs),
      ms(row.p50Ms),
      ms(row.p95Ms),
      ms(row.p99Ms),
      row.lastError,
    ]),
    right: ['INST', 'REQUESTS', 'ERRORS', 'AVG ms', 'P50', 'P95', 'P99'],
  };
}
