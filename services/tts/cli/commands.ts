/** `polyb say`. */
import type { Command } from '../../../scripts/cli/kernel/command.ts';

export default [
  {
    name: 'say',
    summary: 'Speak a text into a WAV file, or play it.',
    usage: 'TEXT',
    impact: 'ro',
    details: [
      'Without a file the audio goes to stdout: raw samples of 16 bits, 8 kHz, mono.',
      'A voice that the provider does not have is spoken by the built-in one of the language; the output says which voice spoke.',
    ],
    flags: [
      { name: 'file', short: 'o', value: 'FILE', summary: 'The WAV file that is written.' },
      { name: 'voice', value: 'VOICE', summary: 'A voice of the provider; polyb call list_voices language=ru-RU lists them.' },
      { name: 'language', value: 'LANGUAGE', summary: 'The language of the text; default ru-RU.' },
    ],
    examples: [
      { line: 'polyb say "Запишите меня на стрижку" -o test-audio.wav' },
      { line: 'polyb say "Добрый день!" --voice ru+f2 | aplay -t raw -f S16_LE -r 8000' },
    ],
    seeAlso: ['hear'],
    run: async () => (await import('./say.ts')).sayText,
  },
] satisfies readonly Command[];
