import { counter, histogram } from '../../contracts/kit/metric.ts';

export const turnsTotal = counter('polyb_dialog_turns_total', {
  help: 'Turns of conversations, by whose text the reply was: of the model, its second try, a plain one, of ours, or none.',
  labels: { reply: ['model', 'repair', 'plain', 'ours', 'none'] },
});
export const eagerAnswersTotal = counter('polyb_dialog_eager_answers_total', {
  help: 'Answers requested from a model before the customer had finished: used by the turn, discarded because the customer went on, or stale because the turn sent another request.',
  labels: { outcome: ['used', 'discarded', 'stale'] },
});
export const toolCallsTotal = counter('polyb_dialog_tool_calls_total', {
  help: 'Tool calls of the model, by outcome.',
  labels: { tool: 'any', outcome: 'any' },
});
export const turnSeconds = histogram('polyb_dialog_turn_seconds', {
  help: 'Duration of a turn, the model included.',
  bounds: [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
});
