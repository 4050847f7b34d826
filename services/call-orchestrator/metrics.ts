import { counter, gauge } from '../../contracts/kit/metric.ts';

export const callsActive = gauge('polyb_calls_active', { help: 'Phone calls in progress.', isShared: true });
export const callsTotal = counter('polyb_calls_total', {
  help: 'Phone calls that ended.',
  labels: { direction: ['in', 'out'], outcome: 'any' },
});
