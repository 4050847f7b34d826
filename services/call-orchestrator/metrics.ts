import { counter, gauge } from '../../contracts/kit/metric.ts';

export const callsActive = gauge('polyb_calls_active', { help: 'Phone calls in progress.', isShared: true });
export const callsRefused = counter('polyb_calls_refused_total', {
  help: 'Inbound calls that were refused before they were stored.',
  labels: { cause: ['wrong_number'] },
});
export const callsTotal = counter('polyb_calls_total', {
  help: 'Phone calls that ended.',
  labels: { direction: ['in', 'out'], outcome: 'any' },
});
