import { lags, openTransactions, piles } from '../../adapters/store/pending-counts.ts';
import type { Queries } from '../../bus/service.ts';
import type { Sample } from '../../contracts/kit/metric.ts';
import {
  approvalsOldest,
  approvalsPending,
  consumerLag,
  dlqMessages,
  dlqOldest,
  oldestTransaction,
  reviewsPending,
} from '../../contracts/metrics.ts';

/** Rows that wait for people, and events that wait for consumers, as gauges. */
export async function backlog(db: Queries): Promise<readonly Sample[]> {
  const { dead = [], proposed = [], review = [] } = Object.groupBy(await piles(db), ({ kind }) => kind);
  return [
    ...dead.flatMap(({ of, rows, oldestSeconds }) => [
      { of: dlqMessages, labels: { stream: of }, value: rows },
      { of: dlqOldest, labels: { stream: of }, value: oldestSeconds },
    ]),
    ...proposed.map(({ of, rows }) => ({ of: approvalsPending, labels: { channel: of }, value: rows })),
    { of: approvalsOldest, labels: {}, value: Math.max(0, ...proposed.map(({ oldestSeconds }) => oldestSeconds)) },
    ...(await lags(db)).map(({ consumer, seconds }) => ({ of: consumerLag, labels: { consumer }, value: seconds })),
    { of: oldestTransaction, labels: {}, value: (await openTransactions(db))[0]?.seconds ?? 0 },
    { of: reviewsPending, labels: {}, value: review.reduce((sum, { rows }) => sum + rows, 0) },
  ];
}
