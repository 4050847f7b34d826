/** `polyb intents`. */
import type { Command } from '../../../scripts/cli/kernel/command.ts';

export default [
  {
    name: 'intents',
    summary: 'Train and evaluate the intent classifier.',
    impact: 'rw',
    commands: [
      {
        name: 'train',
        summary: 'Train the local model on the lines in services/intent-classifier/dataset.',
        impact: 'rw',
        details: ['Training is deterministic. Restart intent-classifier to use the new model.'],
        examples: [{ line: 'polyb intents train' }],
        run: async () => (await import('./train.ts')).trainIntents,
      },
      {
        name: 'eval',
        summary: 'Evaluate the classifier on lines with known intents.',
        usage: '[FILE]',
        impact: 'ro',
        completes: 'file',
        details: [
          'FILE is JSON Lines with text and intent. Default: the test lines of the project, which share no scenario with the training lines.',
          'If LLM_KIND names a provider, its language model classifies the lines of which the local model is not certain. The patterns table is not used.',
        ],
        flags: [
          { name: 'local', summary: 'Do not use a language model.' },
          {
            name: 'price-in',
            value: 'PRICE',
            summary: 'Price of a million input tokens, for the cost of a thousand messages.',
          },
          { name: 'price-out', value: 'PRICE', summary: 'Price of a million output tokens.' },
        ],
        examples: [{ line: 'polyb intents eval' }, { line: 'polyb intents eval chats.jsonl --price-in 0.4 --price-out 1.6' }],
        run: async () => (await import('./evaluate.ts')).evalIntents,
      },
    ],
  },
] satisfies readonly Command[];
