import { counter } from '../../contracts/kit/metric.ts';

export const intentsTotal = counter('polyb_intents_total', {
  help: 'Classifications of messages.',
  labels: { intent: 'any', urgent: ['true', 'false'] },
});
