/** Commands about the messages that came in. */
import type { Command } from '../command.ts';

export const inboxCommands: readonly Command[] = [
  {
    name: 'inbox',
    summary: 'How messages are found.',
    impact: 'rw',
    commands: [
      {
        name: 'reindex',
        summary: 'Make all messages findable by the words that PostgreSQL knows now.',
        impact: 'rw',
        details: [
          'Run it after a dictionary was installed or removed (polyb doctor says so). A PostgreSQL of our own gets the dictionary from the Debian package hunspell-ru, which is unpacked and not installed; for any other install hunspell-ru where it runs.',
          'The youngest messages come first, a thousand at a time. Messages come in and are read meanwhile; one that was not reached yet may be missed by a search. Ended half-way, it goes on where it stood when it is started again.',
        ],
        flags: [
          {
            name: 'words',
            value: 'WORDS',
            values: ['hunspell', 'stems'],
            summary:
              'hunspell: all forms of a word, for 24 MB a connection; stems: its stem. hunspell where it is installed, unless given.',
          },
        ],
        examples: [{ line: 'polyb inbox reindex' }, { line: 'polyb inbox reindex --words stems' }],
        seeAlso: ['doctor'],
        run: async () => (await import('../../commands/inbox.ts')).reindexInbox,
      },
    ],
  },
];
