/** Services and their traffic, as the pages of services and the map share them. */
import type { journal } from '../../contracts/journal.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { system } from '../../contracts/system.ts';
import type { Desk } from '../kit/desk.ts';
import { createResource, type Resource } from '../kit/resource.ts';
import { servicesWords } from '../words/services.ts';

export type Service = OutputOf<typeof system.survey_services>['items'][number];
export type Pause = OutputOf<typeof journal.list_pauses>['pauses'][number];
export interface Traffic {
  readonly perSecond: number | null;
  readonly errorsPerSecond: number | null;
  readonly p95Ms: number | null;
}
/** Calls of one service to another. */
export interface Edge extends Traffic {
  readonly caller: string;
  /** Null: no service that responds serves the methods. */
  readonly callee: string | null;
  readonly methods: readonly string[];
}

export function readServices(desk: Desk, signal: AbortSignal): Promise<{ readonly items: readonly Service[]; readonly nextCursor: null }> {
  return desk.api
    .call<typeof system.survey_services>('GET /api/v1/services', { limit: 200 }, { signal })
    .then(({ items }) => ({ items, nextCursor: null }));
}
export const isUnwell = ({ isReady }: Pick<Service, 'isReady'>): boolean => !isReady;
/** A share of errors above which they are many. */
export const manyErrors = 0.05;

/** Percentiles cannot be added up: the worst counts. */
export function sumOf(all: readonly Traffic[]): Traffic {
  const known = all.filter(({ perSecond }) => perSecond !== null);
  if (known.length === 0) return { perSecond: null, errorsPerSecond: null, p95Ms: null };
  const times = known.flatMap(({ p95Ms }) => p95Ms ?? []);
  return {
    perSecond: known.reduce((sum, { perSecond }) => sum + (perSecond ?? 0), 0),
    errorsPerSecond: known.reduce((sum, { errorsPerSecond }) => sum + (errorsPerSecond ?? 0), 0),
    p95Ms: times.length === 0 ? null : Math.max(...times),
  };
}
export function errorShare({ perSecond, errorsPerSecond }: Traffic): number | null {
  return perSecond === null || errorsPerSecond === null || perSecond === 0 ? null : errorsPerSecond / perSecond;
}
/** In the order of names, so that nothing moves while it is read. */
export function edgesOf(services: readonly Service[]): readonly Edge[] {
  return services.flatMap(({ service: caller, calls }) =>
    [...Map.groupBy(calls, ({ callee }) => callee)]
      .map(([callee, own]) => ({ caller, callee, ...sumOf(own), methods: own.map(({ method }) => method) }))
      .sort((a, b) => ((a.callee ?? '') < (b.callee ?? '') ? -1 : 1)),
  );
}

/** Numbers of traffic as texts. */
export function trafficTexts(desk: Desk): Readonly<Record<'rate' | 'errors' | 'p95', (traffic: Traffic) => string>> {
  const t = desk.words(servicesWords);
  const { number, percent, duration } = desk.format.value;
  return {
    rate: ({ perSecond }) => {
      if (perSecond === null) return t('unknown');
      if (perSecond > 0 && perSecond < 0.1) return t('few');
      return number(perSecond < 10 ? Math.round(perSecond * 10) / 10 : Math.round(perSecond));
    },
    errors: (traffic) => {
      const share = errorShare(traffic);
      if (share === null) return traffic.perSecond === null ? t('unknown') : '';
      return share > 0 && share < 0.01 ? `< ${percent(0.01)}` : percent(share);
    },
    p95: ({ p95Ms }) => (p95Ms === null ? '' : duration(p95Ms)),
  };
}

/** Emergency stops, read again after each change. */
export function createPauses(desk: Desk): Resource<readonly Pause[]> {
  return createResource(async (signal) => (await desk.api.call<typeof journal.list_pauses>('GET /api/v1/pauses', {}, { signal })).pauses);
}
export function stops({ method: pattern }: Pause, method: string): boolean {
  return pattern === method || (pattern.endsWith('*') && method.startsWith(pattern.slice(0, -1)));
}
