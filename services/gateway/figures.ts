/** What all services count, asked over the bus, and what this server counts itself: as Prometheus text and as JSON. */
import type { Registry } from 'prom-client';
import type { Bus } from '../../bus/bus.ts';
import { durationBoundsSeconds } from '../../bus/stats.ts';

export interface ServiceFigures {
  /** The daemon's folder. */
  readonly service: string;
  readonly instance: string;
  readonly contract: string;
  readonly version: string;
  readonly startedAt: string;
  readonly methods: readonly MethodFigures[];
}
interface MethodFigures {
  readonly method: string;
  readonly requests: number;
  readonly errors: number;
  readonly dropped: number;
  readonly inFlight: number;
  readonly totalMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly codes: Readonly<Record<string, number>>;
  readonly buckets: readonly number[];
}
export interface Figures {
  /** Every instance that answers, as it was at most a second ago. */
  services(): Promise<readonly ServiceFigures[]>;
  /** Text exposition 0.0.4. */
  metrics(): Promise<string>;
  observed(what: { readonly verb: string; readonly route: string; readonly status: number; readonly ms: number }): void;
}

/** Requests of one route that ended with one status. */
interface Series {
  readonly labels: string;
  readonly buckets: number[];
  /** Seconds. */
  sum: number;
  count: number;
}
const freshMs = 1_000;

export function createFigures({
  gather,
  now,
  version,
}: {
  readonly gather: Bus['gather'];
  readonly now: () => number;
  readonly version: string;
}): Figures {
  const http = new Map<string, Series>();
  const seen = new Set<string>();
  let process: Promise<Registry> | undefined;
  let asked: { readonly at: number; readonly answers: Promise<readonly ServiceFigures[]> } | undefined;

  function services(): Promise<readonly ServiceFigures[]> {
    if (asked === undefined || now() - asked.at > freshMs)
      asked = {
        at: now(),
        answers: gather('$SRV.STATS', undefined, { waitMs: 1_000, quietMs: 150 }).then((all) => all.flatMap(figuresOf)),
      };
    return asked.answers;
  }

  return {
    services,
    observed({ verb, route, status, ms }) {
      const key = `${verb} ${status} ${route}`;
      let series = http.get(key);
      if (series === undefined) {
        const labels = `http_request_method="${escaped(verb)}",http_route="${escaped(route)}",http_response_status_code="${status}"`;
        series = { labels, buckets: Array.from({ length: durationBoundsSeconds.length + 1 }, () => 0), sum: 0, count: 0 };
        http.set(key, series);
      }
      const at = durationBoundsSeconds.findIndex((bound) => ms <= bound * 1000);
      const slot = at < 0 ? durationBoundsSeconds.length : at;
      series.buckets[slot] = (series.buckets[slot] ?? 0) + 1;
      series.sum += ms / 1000;
      series.count += 1;
    },
    async metrics() {
      process ??= processFigures(version);
      const own = (await process).metrics();
      const all = await services().catch((): readonly ServiceFigures[] => []); // a scrape without the bus still tells of this process
      for (const { service } of all) seen.add(service);
      const text: string[] = [];
      head(text, httpDuration, 'histogram', 'HTTP requests by route and status.');
      for (const { labels, ...counted } of http.values()) histogram(text, httpDuration, labels, counted);
      return `${await own}${text.join('\n')}\n${lines(all, seen)}`;
    },
  };
}
const httpDuration = 'http_server_request_duration_seconds';

/** Memory, CPU and event loop of this process; loaded by the first scrape. */
async function processFigures(version: string): Promise<Registry> {
  const { collectDefaultMetrics, Gauge, Registry: makeRegistry } = await import('prom-client');
  const register = new makeRegistry();
  collectDefaultMetrics({ register });
  const labelNames = ['version', 'node'] as const;
  new Gauge({ name: 'polyb_build_info', help: 'What runs here.', labelNames, registers: [register] }).set(
    { version, node: globalThis.process.versions.node },
    1,
  );
  return register;
}

function head(text: string[], name: string, type: string, help: string): void {
  text.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
}
function histogram(
  text: string[],
  name: string,
  labels: string,
  { buckets, sum, count }: { readonly buckets: readonly number[]; readonly sum: number; readonly count: number },
): void {
  let below = 0;
  for (const [index, bound] of durationBoundsSeconds.entries()) {
    below += buckets[index] ?? 0;
    text.push(`${name}_bucket{${labels},le="${bound}"} ${below}`);
  }
  text.push(`${name}_bucket{${labels},le="+Inf"} ${count}`, `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`);
}

/** Nothing for an answer of a program that is not ours. */
function figuresOf(answer: unknown): readonly ServiceFigures[] {
  const { name, id, version, started, metadata, endpoints } = answer as Partial<StatsReply>;
  const service = metadata?.['polyb.daemon'];
  if (name === undefined || id === undefined || service === undefined || !Array.isArray(endpoints)) return [];
  const methods = endpoints.map((endpoint): MethodFigures => {
    const { dropped = 0, inFlight = 0, p50Ms = 0, p95Ms = 0, p99Ms = 0, codes = {}, buckets = [] } = endpoint.data ?? {};
    return {
      method: `${name}.${endpoint.name}`,
      requests: endpoint.num_requests,
      errors: endpoint.num_errors,
      totalMs: endpoint.processing_time / 1e6,
      dropped,
      inFlight,
      p50Ms,
      p95Ms,
      p99Ms,
      codes,
      buckets,
    };
  });
  return [{ service, instance: id, contract: name, version: version ?? '', startedAt: started ?? '', methods }];
}
interface StatsReply {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly started: string;
  readonly metadata: { readonly 'polyb.daemon'?: string };
  readonly endpoints: readonly {
    readonly name: string;
    readonly num_requests: number;
    readonly num_errors: number;
    /** Nanoseconds. */
    readonly processing_time: number;
    readonly data?: Partial<MethodFigures>;
  }[];
}

function lines(all: readonly ServiceFigures[], seen: ReadonlySet<string>): string {
  const text: string[] = [];
  const used = all.flatMap(({ service, instance, methods }) =>
    methods
      .filter(({ requests, dropped, inFlight }) => requests + dropped + inFlight > 0)
      .map((figures) => ({
        labels: `service="${escaped(service)}",instance="${escaped(instance)}",rpc_method="${escaped(figures.method)}"`,
        figures,
      })),
  );
  const duration = 'rpc_server_call_duration_seconds';
  head(text, duration, 'histogram', 'Calls that a service answered.');
  for (const { labels, figures } of used)
    histogram(text, duration, labels, { buckets: figures.buckets, sum: figures.totalMs / 1000, count: figures.requests });
  head(text, 'polyb_rpc_server_responses_total', 'counter', 'Answers by code.');
  for (const { labels, figures } of used)
    for (const [code, count] of Object.entries(figures.codes))
      text.push(`polyb_rpc_server_responses_total{${labels},rpc_response_status_code="${escaped(code)}"} ${count}`);
  head(text, 'polyb_rpc_server_dropped_total', 'counter', 'Calls that nobody waited for any more.');
  for (const { labels, figures } of used) text.push(`polyb_rpc_server_dropped_total{${labels}} ${figures.dropped}`);
  head(text, 'polyb_rpc_server_in_flight', 'gauge', 'Calls under way.');
  for (const { labels, figures } of used) text.push(`polyb_rpc_server_in_flight{${labels}} ${figures.inFlight}`);
  head(text, 'polyb_service_ready', 'gauge', '1 for a service that answers; 0 for one that has answered before.');
  const ready = new Set(all.map(({ service }) => service));
  for (const service of [...seen].sort()) text.push(`polyb_service_ready{service="${escaped(service)}"} ${ready.has(service) ? 1 : 0}`);
  return `${text.join('\n')}\n`;
}
function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}
