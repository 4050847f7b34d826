import { piles } from '../../adapters/store/backlog.ts';
import type { Queries } from '../../bus/service.ts';
import type { Sample } from '../../contracts/metric.ts';
import { approvalsOldest, approvalsPending, dlqMessages, dlqOldest, reviewsPending } from '../../contracts/metrics.ts';

/** What waits for people, as gauges. */
export async function backlog(db: Queries): Promise<readonly Sample[]> {
  const { dead = [], proposed = [], review = [] } = Object.groupBy(await piles(db), ({ kind }) => kind);
  return [
    ...dead.flatMap(({ of, rows, oldestSeconds }) => [
      { of: dlqMessages, labels: { stream: of }, value: rows },
      { of: dlqOldest, labels: { stream: of }, value: oldestSeconds },
    ]),
    ...proposed.map(({ of, rows }) => ({ of: approvalsPending, labels: { channel: of }, value: rows })),
    { of: approvalsOldest, labels: {}, value: Math.max(0, ...proposed.map(({ oldestSeconds }) => oldestSeconds)) },
    { of: reviewsPending, labels: {}, value: review.reduce((sum, { rows }) => sum + rows, 0) },
  ];
}
