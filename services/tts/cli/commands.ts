/** `polyb say`. */
import type { Command } from '../../../scripts/cli/kernel/command.ts';

export default [
  {
    name: 'say',
    summary: 'Speak a text to a WAV or OGG file, or to stdout.',
    usage: 'TEXT',
    impact: 'ro',
    details: [
      'Without --file, raw audio goes to stdout: 16-bit samples, 8 kHz, mono.',
      'If no provider has the voice, the default voice of the language speaks; the output names the voice that spoke.',
    ],
    flags: [
      {
        name: 'file',
        short: 'o',
        value: 'FILE',
        summary: 'The file to write: NAME.ogg is Opus, as messengers record voice; any other name is WAV.',
      },
      { name: 'voice', value: 'VOICE', summary: 'A voice of the provider; polyb call list_voices language=ru-RU lists them.' },
      { name: 'language', value: 'LANGUAGE', summary: 'The language of the text; default ru-RU.' },
    ],
    examples: [
      { line: 'polyb say "Запишите меня на стрижку" -o test-audio.wav' },
      { line: 'polyb say "Перенесите запись на завтра." -o message.ogg' },
      { line: 'polyb say "Добрый день!" --voice ru+f2 | aplay -t raw -f S16_LE -r 8000' },
    ],
    seeAlso: ['hear'],
    run: async () => (await import('./say.ts')).sayText,
  },
] satisfies readonly Command[];
