/** Traffic in the figures of instances: what they serve, what they call, and what they request of providers. */
import { providerRequests, rpcClientDuration } from '../../contracts/metrics.ts';
import type { Answer } from './answers.ts';
import { type Counters, sumOf, type Totals } from './rates.ts';

export type Kind = 'served' | 'called' | 'provided';
export const counterName = (kind: Kind, of: string): string => `${kind} ${of}`;

export function countersOf(answers: readonly Answer[]): Counters {
  return new Map(
    [...Map.groupBy(answers, ({ figures }) => figures.instance)].map(([instance, own]) => [
      instance,
      {
        startedAtMs: Math.min(...own.map(({ figures }) => Date.parse(figures.startedAt)).filter((ms) => !Number.isNaN(ms))),
        totals: new Map(
          (['served', 'called', 'provided'] as const).flatMap((kind) =>
            [...totalsOf(kind, own)].map(([of, totals]) => [counterName(kind, of), totals] as const),
          ),
        ),
      },
    ]),
  );
}

/** By method, or by provider. */
export function totalsOf(kind: Kind, answers: readonly Answer[]): ReadonlyMap<string, Totals> {
  const all = answers.flatMap((answer) => (kind === 'served' ? servedBy(answer) : outgoing(kind, answer)));
  return new Map([...Map.groupBy(all, ([of]) => of)].map(([of, parts]) => [of, sumOf(parts.map(([, totals]) => totals))]));
}
const servedBy = ({ figures }: Answer): readonly (readonly [string, Totals])[] =>
  figures.methods.map(({ method, requests, errors, buckets }) => [method, { requests, errors, buckets }]);

/** The last label of both metrics says how a request ended. */
function outgoing(kind: 'called' | 'provided', { told }: Answer): readonly (readonly [string, Totals])[] {
  const { name } = kind === 'called' ? rpcClientDuration : providerRequests;
  return told
    .filter((metric) => metric.name === name)
    .flatMap(({ type, series }) =>
      series.map(([values, sum = 0, ...buckets]): readonly [string, Totals] => {
        const requests = type === 'histogram' ? buckets.reduce((all, each) => all + each, 0) : sum;
        return [values[0] ?? '', { requests, errors: values.at(-1) === 'ok' ? 0 : requests, buckets }];
      }),
    );
}
