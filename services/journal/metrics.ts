import { lags, openTransactions, piles } from '../../adapters/store/pending-counts.ts';
import type { Queries } from '../../bus/service.ts';
import { gauge, histogram, type Sample } from '../../contracts/kit/metric.ts';

export const dlqMessages = gauge('polyb_dlq_messages', {
  help: 'Dead letters by stream, counted up to 10000.',
  labels: { stream: 'any' },
  isShared: true,
});
export const dlqOldest = gauge('polyb_dlq_oldest_age_seconds', {
  help: 'Age of the oldest dead letter.',
  labels: { stream: 'any' },
  isShared: true,
});
export const approvalsPending = gauge('polyb_approvals_pending', {
  help: 'Rows that wait for approval, counted up to 10000; `none` for those without a channel.',
  labels: { channel: 'any' },
  isShared: true,
});
export const approvalsOldest = gauge('polyb_approvals_oldest_age_seconds', {
  help: 'Age of the oldest row that waits for approval; 0 when there is none.',
  isShared: true,
});
export const reviewsPending = gauge('polyb_reviews_pending', {
  help: 'Rows in review, counted up to 10000.',
  isShared: true,
});
export const approvalDecision = histogram('polyb_approval_decision_seconds', {
  help: 'Time from proposal to decision.',
  labels: { decision: ['approved', 'rejected'] },
  bounds: [5, 15, 30, 60, 120, 300, 900, 1_800, 3_600, 14_400, 86_400],
});
export const consumerLag = gauge('polyb_consumer_lag_seconds', {
  help: 'Age of the oldest unprocessed event of a consumer; 0 when there is none.',
  labels: { consumer: 'any' },
  isShared: true,
});
export const oldestTransaction = gauge('polyb_store_oldest_transaction_seconds', {
  help: 'Age of the oldest open transaction that has written; consumers do not read past it.',
  isShared: true,
});

/** Rows that wait for people, and events that wait for consumers. */
export async function pendingSamples(db: Queries): Promise<readonly Sample[]> {
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
