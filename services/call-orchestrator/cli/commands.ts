/** `polyb calls`. */
import type { Command } from '../../../scripts/cli/kernel/command.ts';

const states = ['queued', 'ringing', 'early', 'answered', 'held', 'transferring', 'ended'];

const file = { name: 'file', short: 'o', value: 'FILE', summary: 'The WAV file to write.' } as const;

export default [
  {
    name: 'calls',
    summary: 'Show phone calls, hang them up, transfer them, and show trunks.',
    impact: 'rw',
    commands: [
      {
        name: 'ls',
        summary: 'List calls, newest first.',
        impact: 'ro',
        flags: [
          { name: 'state', value: 'STATE', values: states, summary: 'Only calls in this state.' },
          { name: 'phone', value: 'PHONE', summary: 'Only calls with this phone.' },
          { name: 'limit', value: 'N', summary: 'At most this many; default 50.' },
          { name: 'cursor', value: 'CURSOR', summary: 'Start of the next page.' },
        ],
        examples: [{ line: 'polyb calls ls' }, { line: 'polyb calls ls --state answered' }],
        seeAlso: ['calls show', 'calls trunks'],
        run: async () => (await import('./calls.ts')).listCalls,
      },
      {
        name: 'show',
        summary: 'Show a call with its times, its end and its transcript.',
        usage: 'CALL',
        impact: 'ro',
        follows: 'callId',
        flags: [{ name: 'follow', summary: 'Follow changes until the call ends.' }],
        examples: [{ line: 'polyb calls show call_1' }, { line: 'polyb calls show call_1 --follow' }],
        seeAlso: ['calls ls', 'calls transcript', 'calls hangup'],
        run: async () => (await import('./calls.ts')).showCall,
      },
      {
        name: 'transcript',
        summary: 'Show the words of the customer and the agent, and the latency of each answer.',
        usage: 'CALL',
        impact: 'ro',
        details: [
          'The text of the agent is the part that was heard. Each answer is preceded by the time in ms from the last sound of the customer to its first frame, split into words (the recogniser), silence (until the turn counted as ended), answer (the dialog), voice and line.',
        ],
        flags: [{ name: 'recording', summary: 'Also measure each answer on the recording.' }],
        examples: [{ line: 'polyb calls transcript call_1' }, { line: 'polyb calls transcript call_1 --recording' }],
        seeAlso: ['calls show', 'calls audio'],
        run: async () => (await import('./transcript.ts')).showTranscript,
      },
      {
        name: 'hangup',
        summary: 'Hang up a call.',
        usage: 'CALL',
        impact: 'rw',
        examples: [{ line: 'polyb calls hangup call_1' }],
        seeAlso: ['calls show'],
        run: async () => (await import('./calls.ts')).hangUp,
      },
      {
        name: 'transfer',
        summary: 'Transfer the customer of an answered call to a phone or a SIP address.',
        usage: 'CALL TO',
        impact: 'rw',
        flags: [
          {
            name: 'summary',
            value: 'TEXT',
            summary: 'Spoken to the person before they take or refuse the call; meanwhile the customer hears music.',
          },
        ],
        examples: [
          { line: 'polyb calls transfer call_1 +79995550000' },
          { line: 'polyb calls transfer call_1 person:anna --summary "Заказ 17, вопрос о доставке."' },
        ],
        seeAlso: ['calls show'],
        run: async () => (await import('./calls.ts')).transfer,
      },
      {
        name: 'audio',
        summary: 'Save the recording of a call (stereo WAV: the customer left, this system right), and show the levels of both sides.',
        usage: 'CALL [FILE]',
        impact: 'ro',
        flags: [file],
        examples: [{ line: 'polyb calls audio call_1 -o call.wav' }],
        seeAlso: ['calls show', 'calls listen'],
        run: async () => (await import('./audio.ts')).saveAudio,
      },
      {
        name: 'listen',
        summary: 'Listen to a call in progress (stereo: the customer left, this system right), until it ends or Ctrl-C.',
        usage: 'CALL',
        impact: 'rw',
        details: [
          'With -o the audio becomes a WAV file; without it, raw samples on stdout (16 bits, little-endian, 8000 Hz, two channels). The call is never delayed: frames that arrive too late are missing and counted at the end. Audio is heard while a line script or an agent has the call; with --whisper, while a person has it (the customer left, the person right). A whisper appears in no recording or transcript; calls.call_whispered reports who whispered, to whom and how long. It is refused while an agent has the call: the agent takes no advice in mid-call.',
        ],
        flags: [
          file,
          { name: 'for', value: 'DUR', summary: 'Stop after this long.' },
          {
            name: 'take-over',
            value: 'PHONE',
            summary:
              'Call this phone or person (person:anna), who takes the call with 1. Until then the agent is silent after its turn and the customer hears music.',
          },
          { name: 'summary', value: 'TEXT', summary: 'Spoken to that person first. Default: the last words of the customer.' },
          {
            name: 'whisper',
            value: 'FILE',
            summary:
              'Speak to the person of the staff who has the call: a WAV file, or - for raw samples on standard input (16 bits, little-endian, 8000 Hz, one channel). The customer cannot hear it.',
          },
        ],
        examples: [
          { line: 'polyb calls listen call_1 -o call.wav' },
          { line: 'arecord -t raw -f S16_LE -r 8000 | polyb calls listen call_1 --whisper -', says: 'a microphone' },
          { line: 'polyb calls listen call_1 -o call.wav --take-over person:anna' },
          { line: 'polyb calls listen call_1 | aplay -t raw -f S16_LE -r 8000 -c 2', says: 'heard at once' },
        ],
        seeAlso: ['calls ls', 'calls audio'],
        run: async () => (await import('./listen.ts')).listenTo,
      },
      {
        name: 'trunks',
        summary: 'Show the trunks of the gateway; exit with 9 if one is not ready.',
        impact: 'ro',
        examples: [{ line: 'polyb calls trunks' }],
        seeAlso: ['calls ls'],
        run: async () => (await import('./calls.ts')).listTrunks,
      },
    ],
  },
] satisfies readonly Command[];
