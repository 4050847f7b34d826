/** Services as the bus shows them: which respond, with how many instances, and what passes between them. */
import { z } from 'zod';
import { dependencyReports } from '../../bus/telemetry/dependency-reports.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import { processMemory } from '../../contracts/metrics.ts';
import type { system } from '../../contracts/system.ts';
import type { Answer } from './answers.ts';
import type { Figures } from './figures.ts';
import type { Totals } from './rates.ts';
import { counterName, type Kind, totalsOf } from './traffic.ts';

export type SurveyedService = OutputOf<typeof system.survey_services>['items'][number];
export interface SurveyParts {
  readonly figures: Pick<Figures, 'ready' | 'gathered' | 'rates'>;
  /** Replies to a ping of every instance. */
  readonly pings: () => Promise<readonly unknown[]>;
  readonly expected: readonly string[];
}
export interface Survey {
  /** By name. `hasTraffic` costs a reply of every instance with all its metrics. */
  services(hasTraffic: boolean): Promise<readonly SurveyedService[]>;
}
const Ping = z.object({
  name: z.string().max(64),
  id: z.string().max(64),
  version: z.string().max(40),
  metadata: z.object({ 'polyb.daemon': z.string().max(64) }),
});
type Ping = z.output<typeof Ping>;
const daemonOf = ({ metadata }: Ping): string => metadata['polyb.daemon'];
const most = { instances: 100, dependencies: 100, methods: 500, providers: 100 } as const;

/** The folders of services that respond to a ping. */
export function respondingIn(pings: readonly unknown[]): readonly string[] {
  return [...new Set(read(pings).map(daemonOf))];
}
const read = (pings: readonly unknown[]): readonly Ping[] => pings.flatMap((ping) => Ping.safeParse(ping).data ?? []);

export function createSurvey({ figures, pings, expected }: SurveyParts): Survey {
  return {
    async services(hasTraffic) {
      const [ready, heard, answers] = await Promise.all([
        figures.ready(),
        pings(),
        hasTraffic ? figures.gathered().catch((): readonly Answer[] => []) : [],
      ]);
      const byService = Map.groupBy(read(heard), daemonOf);
      const reports = Map.groupBy(dependencyReports(heard), ({ service }) => service);
      const calleeOf = new Map(
        answers.flatMap(({ figures: { service, methods } }) => methods.map(({ method }) => [method, service] as const)),
      );
      return [...ready].map(([service, isReady]): SurveyedService => {
        const own = answers.filter((answer) => answer.figures.service === service);
        return {
          service,
          isExpected: expected.includes(service),
          isReady,
          instances: instancesOf(byService.get(service) ?? [], own).slice(0, most.instances),
          dependencies: (reports.get(service) ?? []).slice(0, most.dependencies).map(({ target, failure, since }) => ({
            ...{ target, failure, since: new Date(since).toISOString() },
          })),
          ...trafficOf(own, calleeOf),
        };
      });
    },
  };

  function trafficOf(
    answers: readonly Answer[],
    calleeOf: ReadonlyMap<string, string>,
  ): Pick<SurveyedService, 'methods' | 'calls' | 'providers'> {
    const instances = new Set(answers.map((answer) => answer.figures.instance));
    const rows = <T extends object>(kind: Kind, more: (of: string, totals: Totals, rate: ReturnType<Figures['rates']['of']>) => T): T[] =>
      [...totalsOf(kind, answers)]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([of, totals]) => more(of, totals, figures.rates.of(counterName(kind, of), instances)));
    const states = Map.groupBy(
      answers.flatMap((answer) => answer.figures.methods),
      ({ method }) => method,
    );
    const sum = (method: string, field: 'dropped' | 'inFlight'): number =>
      (states.get(method) ?? []).reduce((all, each) => all + each[field], 0);
    return {
      methods: rows('served', (method, { requests, errors }, rate) => ({
        ...{ method, requests, errors, ...rate, dropped: sum(method, 'dropped'), inFlight: sum(method, 'inFlight') },
      })).slice(0, most.methods),
      calls: rows('called', (method, { requests, errors }, rate) => ({
        ...{ method, callee: calleeOf.get(method) ?? null, requests, errors, ...rate },
      })).slice(0, most.methods),
      providers: rows('provided', (provider, { requests, errors }, { perSecond, errorsPerSecond }) => ({
        ...{ provider, requests, errors, perSecond, errorsPerSecond },
      })).slice(0, most.providers),
    };
  }
}

function instancesOf(pings: readonly Ping[], answers: readonly Answer[]): SurveyedService['instances'] {
  return [...Map.groupBy(pings, ({ id }) => id)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([instance, contracts]) => {
      const own = answers.filter(({ figures }) => figures.instance === instance);
      const memory = own.flatMap(({ told }) => told.find(({ name }) => name === processMemory.name)?.series[0]?.[1] ?? []);
      const startedAt = own.map(({ figures }) => figures.startedAt).sort()[0] ?? '';
      return {
        instance,
        contracts: contracts.map(({ name, version }) => ({ name, version })).sort((a, b) => (a.name < b.name ? -1 : 1)),
        startedAt: Number.isNaN(Date.parse(startedAt)) ? null : startedAt,
        memoryBytes: memory[0] ?? null,
      };
    });
}
