/** What an instance replies to a request for its figures: counters of its methods, and its metrics. */
import { z } from 'zod';
import type { MethodStats } from '../../bus/telemetry/stats.ts';
import { type MetricReport, metricTypes } from '../../contracts/kit/metric.ts';

export interface ServiceFigures {
  /** The folder of the daemon. */
  readonly service: string;
  readonly instance: string;
  readonly contract: string;
  readonly version: string;
  readonly startedAt: string;
  readonly methods: readonly MethodFigures[];
}
export interface MethodFigures extends Omit<MethodStats, 'address' | 'side' | 'lastError'> {
  readonly method: string;
}
/** Metrics of one contract from one instance; those that are not about calls come with the first contract. */
export interface Answer {
  readonly figures: ServiceFigures;
  readonly told: readonly MetricReport[];
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
export function answerOf(answer: unknown): readonly Answer[] {
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
