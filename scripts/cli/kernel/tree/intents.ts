/** Commands about the classifier of intents. */
import type { Command } from '../command.ts';

export const intentCommands: readonly Command[] = [
  {
    name: 'intents',
    summary: 'Teach the classifier of intents, and measure it.',
    impact: 'rw',
    commands: [
      {
        name: 'train',
        summary: 'Teach the local model what the lines in services/intent-classifier/dataset say.',
        impact: 'rw',
        details: ['The same lines give the same model. Restart intent-classifier to use it.'],
        examples: [{ line: 'polyb intents train' }],
        run: async () => (await import('../../commands/intents.ts')).trainIntents,
      },
      {
        name: 'eval',
        summary: 'How good the classifier is on lines whose intent is known.',
        usage: '[FILE]',
        impact: 'ro',
        completes: 'file',
        details: [
          'FILE is JSON Lines with text and intent; the own test lines unless given, which share no scenario with those for training.',
          'Where LLM_KIND names a provider, it is asked about the lines of which the local model is not sure. Phrases of the patterns table are left out.',
        ],
        flags: [
          { name: 'local', summary: 'Ask no language model.' },
          {
            name: 'price-in',
            value: 'PRICE',
            summary: 'Of a million tokens that the language model reads, to tell what a thousand messages cost.',
          },
          { name: 'price-out', value: 'PRICE', summary: 'Of a million tokens that it writes.' },
        ],
        examples: [{ line: 'polyb intents eval' }, { line: 'polyb intents eval chats.jsonl --price-in 0.4 --price-out 1.6' }],
        run: async () => (await import('../../commands/intents.ts')).evalIntents,
      },
    ],
  },
];
