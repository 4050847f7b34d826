/** `polyb hear`. */
import type { Command } from '../../../scripts/cli/kernel/command.ts';

export default [
  {
    name: 'hear',
    summary: 'Transcribe a recording: WAV, or OGG with Opus.',
    usage: 'FILE',
    impact: 'ro',
    completes: 'file',
    details: [
      'Without a provider (ASR_KIND) the ear is phrases: it hears whole phrases of a list, whoever says them, and refuses all other speech. It takes no dictation, and hears no names and numbers beyond the list. The list is that of --hint, else about 100 Russian phrases of a sales desk. It hears synthetic voices best; of what a human voice says it refuses more.',
    ],
    flags: [
      { name: 'language', value: 'LANGUAGE', summary: 'The language of the speech; default ru-RU.' },
      { name: 'hint', value: 'PHRASE', summary: 'A phrase that is likely; may be repeated, up to 200.', many: true },
    ],
    examples: [{ line: 'polyb hear test-audio.wav' }, { line: 'polyb hear order.ogg --hint "привезите букет" --hint "букет из роз"' }],
    seeAlso: ['say'],
    run: async () => (await import('./hear.ts')).hearRecording,
  },
] satisfies readonly Command[];
