/** Metrics of all services, collected over the bus: as Prometheus text and as JSON. */
import type { Registry } from 'prom-client';
import { z } from 'zod';
import type { Bus } from '../../bus/bus.ts';
import { byCode } from '../../bus/telemetry/stats.ts';
import { type Metric, type MetricReport, metricTypes } from '../../contracts/kit/metric.ts';
import {
  processCpu,
  processCpuSystem,
  processCpuUser,
  processMemory,
  processStart,
  rpcServerDropped,
  rpcServerDuration,
  rpcServerInFlight,
} from '../../contracts/metrics.ts';
import { exposition } from './exposition.ts';
import { httpServerDuration, serviceReady } from './metrics.ts';

export interface ServiceFigures {
  /** The folder of the daemon. */
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
  readonly failed: Parameters<typeof byCode>[0]['failed'];
}
export interface Figures {
  /** Every instance that responds, at most a second old. */
  services(): Promise<readonly ServiceFigures[]>;
  /** Whether each service responds: the expected ones, and any that has responded within the last day, to any gateway. */
  ready(): Promise<ReadonlyMap<string, boolean>>;
  /** Notes the services that respond, and reads those that other gateways have noted. */
  remember(): Promise<void>;
  /** Text exposition 0.0.4. `self`: of this process only, for a scraper of several gateways. */
  metrics(of: 'all' | 'self'): Promise<string>;
  observed(what: { readonly verb: string; readonly route: string; readonly status: number; readonly ms: number }): void;
}
export interface KnownServices {
  find(): Promise<readonly string[]>;
  note(services: readonly string[]): Promise<void>;
}
/** Metrics of one contract from one instance; those that are not about calls come with the first contract. */
interface Answer {
  readonly figures: ServiceFigures;
  readonly told: readonly MetricReport[];
}
const freshMs = 1_000;
/** A busy service may miss one collection. */
const silenceMs = 10_000;

export function createFigures({
  bus,
  expected,
  known,
  now,
}: {
  readonly bus: Pick<Bus, 'gather' | 'metrics' | 'name' | 'instance'>;
  /** Folders of the services that should respond. */
  readonly expected: readonly string[];
  /** Services that have responded, as all gateways remember them. */
  readonly known: KnownServices;
  readonly now: () => number;
}): Figures {
  /** Last response of each service, in Unix ms. */
  const lastAnswers = new Map<string, number>();
  /** Services that responded within the last day, as last read. */
  let remembered: readonly string[] = [];
  let node: Promise<Registry> | undefined;
  let asked: { readonly at: number; readonly answers: Promise<readonly Answer[]> } | undefined;

  function answers(): Promise<readonly Answer[]> {
    if (asked === undefined || now() - asked.at > freshMs)
      asked = {
        at: now(),
        answers: bus.gather('$SRV.STATS', undefined, { waitMs: 1_000, quietMs: 200 }).then((all) => all.flatMap(answerOf)),
      };
    return asked.answers;
  }

  function readyAmong(all: readonly Answer[]): ReadonlyMap<string, boolean> {
    for (const { figures } of all) lastAnswers.set(figures.service, now());
    const services = new Set([...expected, ...remembered, ...lastAnswers.keys()]);
    const isReady = (service: string): boolean => now() - (lastAnswers.get(service) ?? Number.NEGATIVE_INFINITY) < silenceMs;
    return new Map([...services].sort().map((service) => [service, isReady(service)]));
  }

  return {
    observed({ verb, route, status, ms }) {
      const labels = { http_request_method: verb, http_route: route, http_response_status_code: String(status) };
      bus.metrics.observe(httpServerDuration, labels, ms / 1000);
    },
    services: async () => (await answers()).map(({ figures }) => figures),
    ready: async () => readyAmong(await answers().catch((): readonly Answer[] => [])),
    async remember() {
      const responding = new Set((await answers()).map(({ figures }) => figures.service));
      await known.note([...responding]);
      remembered = await known.find();
    },
    async metrics(of) {
      node ??= nodeFigures({ service: bus.name, instance: bus.instance });
      const own = { service: bus.name, instance: bus.instance };
      const all = of === 'self' ? [] : await answers().catch((): readonly Answer[] => []); // A scrape without the bus still has this process.
      const text = exposition();
      if (all.length === 0) for (const metric of await bus.metrics.reports()) text.add(metric, own);
      for (const { figures, told } of all.toSorted((a, b) => (a.figures.instance < b.figures.instance ? -1 : 1))) {
        const { service, instance, methods } = figures;
        for (const metric of [...callsOf(methods), ...told]) text.add(metric, metric.isShared ? { service } : { service, instance });
      }
      if (of === 'all')
        text.add(
          toldOf(
            serviceReady,
            [...readyAmong(all)].map(([service, isReady]) => [[service], isReady ? 1 : 0]),
          ),
          {},
        );
      return `${text.text()}${await (await node).metrics()}`;
    },
  };
}

/**
 * Garbage collection, heap and event loop of this process; loaded at the first scrape. Metrics that every instance reports are left
 * out.
 */
async function nodeFigures(labels: object): Promise<Registry> {
  const { collectDefaultMetrics, Registry: makeRegistry } = await import('prom-client');
  const register = new makeRegistry();
  collectDefaultMetrics({ register, labels });
  for (const { name } of [processCpu, processCpuUser, processCpuSystem, processMemory, processStart]) register.removeSingleMetric(name);
  // Gauges named like counters; the gauges by type have the same values.
  for (const what of ['handles', 'requests', 'resources']) register.removeSingleMetric(`nodejs_active_${what}_total`);
  return register;
}

/** Methods that were called; dropped requests of all methods. */
function callsOf(methods: readonly MethodFigures[]): readonly MetricReport[] {
  const used = methods.filter(({ requests, dropped, inFlight }) => requests + dropped + inFlight > 0);
  return [
    toldOf(
      rpcServerDuration,
      used.flatMap((figures) => byCode(figures).map(([code, { sum, buckets }]) => [[figures.method, code], sum, ...buckets] as const)),
    ),
    toldOf(
      rpcServerDropped,
      methods.map(({ method, dropped }) => [[method], dropped]),
    ),
    toldOf(
      rpcServerInFlight,
      used.map(({ method, inFlight }) => [[method], inFlight]),
    ),
  ];
}
function toldOf(metric: Metric, series: MetricReport['series']): MetricReport {
  return { ...metric, labels: Object.keys(metric.labels), series };
}

const Told = z
  .object({
    name: z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/),
    type: z.enum(metricTypes),
    help: z.string(),
    labels: z.array(z.string().regex(/^(?!(service|instance|le)$)[a-zA-Z_][a-zA-Z0-9_]*$/)),
    bounds: z.array(z.number()),
    isShared: z.boolean(),
    series: z.array(z.tuple([z.array(z.string())], z.number())),
  })
  .refine(({ type, labels, bounds, series }) => {
    const numbers = type === 'histogram' ? bounds.length + 2 : 1;
    return series.every(([values, ...rest]) => values.length === labels.length && rest.length === numbers);
  });

/** Ignores replies of foreign programs; a metric that cannot be written is left out. */
function answerOf(answer: unknown): readonly Answer[] {
  const { name, id, version, started, metadata, endpoints, data } = answer as Partial<StatsReply>;
  const service = metadata?.['polyb.daemon'];
  if (name === undefined || id === undefined || service === undefined || !Array.isArray(endpoints)) return [];
  const methods = endpoints.map((endpoint): MethodFigures => {
    const { dropped = 0, inFlight = 0, p50Ms = 0, p95Ms = 0, p99Ms = 0, codes = {}, buckets = [], failed = {} } = endpoint.data ?? {};
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
      failed,
    };
  });
  const told = (Array.isArray(data?.metrics) ? data.metrics : []).flatMap((metric) => Told.safeParse(metric).data ?? []);
  return [{ figures: { service, instance: id, contract: name, version: version ?? '', startedAt: started ?? '', methods }, told }];
}
interface StatsReply {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly started: string;
  readonly metadata: { readonly 'polyb.daemon'?: string };
  readonly data: { readonly metrics?: unknown };
  readonly endpoints: readonly {
    readonly name: string;
    readonly num_requests: number;
    readonly num_errors: number;
    /** Nanoseconds. */
    readonly processing_time: number;
    readonly data?: Partial<MethodFigures>;
  }[];
}
