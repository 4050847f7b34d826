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
      'Without a provider (ASR_KIND) the ear is phrases: it recognizes whole phrases from a list, by any speaker, and refuses all other speech, so it takes no dictation and no names or numbers outside the list. The list is given by --hint; the default is about 100 Russian phrases of a sales desk. It works best with synthetic voices and refuses more of human speech.',
    ],
    flags: [
      { name: 'language', value: 'LANGUAGE', summary: 'The language of the speech; default ru-RU.' },
      { name: 'hint', value: 'PHRASE', summary: 'A phrase to expect; may be repeated, up to 200.', many: true },
    ],
    examples: [{ line: 'polyb hear test-audio.wav' }, { line: 'polyb hear order.ogg --hint "привезите букет" --hint "букет из роз"' }],
    seeAlso: ['say'],
    run: async () => (await import('./hear.ts')).hearRecording,
  },
] satisfies readonly Command[];
