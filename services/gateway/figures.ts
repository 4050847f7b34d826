/** Metrics of all services, collected over the bus: as Prometheus text and as JSON. */
import type { Registry } from 'prom-client';
import type { Bus } from '../../bus/bus.ts';
import { byCode } from '../../bus/telemetry/stats.ts';
import type { Metric, MetricReport } from '../../contracts/kit/metric.ts';
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
import { type Answer, answerOf, type MethodFigures, type ServiceFigures } from './answers.ts';
import { exposition } from './exposition.ts';
import { httpServerDuration, serviceReady } from './metrics.ts';
import { createRates, type Rates } from './rates.ts';
import { countersOf } from './traffic.ts';

export interface Figures {
  /** The same with the metrics of each instance. */
  gathered(): Promise<readonly Answer[]>;
  readonly rates: Pick<Rates, 'of'>;
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
const freshMs = 1_000;
/** A busy service may miss one collection. */
const silenceMs = 10_000;

export function createFigures({
  bus,
  expected,
  known,
  responding,
  now,
}: {
  readonly bus: Pick<Bus, 'gather' | 'metrics' | 'name' | 'instance'>;
  /** Folders of the services that should respond. */
  readonly expected: readonly string[];
  /** Services that have responded, as all gateways remember them. */
  readonly known: KnownServices;
  /** The services that respond to a ping. */
  readonly responding: () => Promise<readonly string[]>;
  readonly now: () => number;
}): Figures {
  /** Last response of each service, in Unix ms. */
  const lastAnswers = new Map<string, number>();
  /** Services that responded within the last day, as last read. */
  let remembered: readonly string[] = [];
  let node: Promise<Registry> | undefined;
  let asked: { readonly at: number; readonly answers: Promise<readonly Answer[]> } | undefined;
  const rates = createRates();

  function answers(): Promise<readonly Answer[]> {
    if (asked === undefined || now() - asked.at > freshMs)
      asked = {
        at: now(),
        answers: bus.gather('$SRV.STATS', undefined, { waitMs: 1_000, quietMs: 200 }).then((all) => {
          const found = all.flatMap(answerOf);
          rates.add(now(), countersOf(found));
          return found;
        }),
      };
    return asked.answers;
  }

  function readyAmong(heard: readonly string[]): ReadonlyMap<string, boolean> {
    for (const service of heard) lastAnswers.set(service, now());
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
    gathered: answers,
    rates,
    ready: async () => readyAmong(await responding()),
    async remember() {
      // Also a sample for the rates, so that they are known before somebody asks twice.
      await known.note([...new Set((await answers()).map(({ figures }) => figures.service))]);
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
            [...readyAmong(all.map(({ figures }) => figures.service))].map(([service, isReady]) => [[service], isReady ? 1 : 0]),
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
