/** `polyb inbox`. */
import type { Command } from '../../../scripts/cli/kernel/command.ts';

export default [
  {
    name: 'inbox',
    summary: 'Maintain the search index of messages.',
    impact: 'rw',
    commands: [
      {
        name: 'reindex',
        summary: 'Rebuild the search index with the dictionary that PostgreSQL has now.',
        impact: 'rw',
        details: [
          'Run it after the Russian dictionary was installed or removed; `polyb doctor` reports this. `polyb up` unpacks the dictionary from the Debian package hunspell-ru for the PostgreSQL that it starts; for another PostgreSQL, install hunspell-ru on its machine.',
          'It processes a thousand messages at a time, newest first. Messages are stored and searched meanwhile, but a search may miss those that are not yet processed. An interrupted run continues where it stopped.',
        ],
        flags: [
          {
            name: 'words',
            value: 'WORDS',
            values: ['hunspell', 'stems'],
            summary:
              'hunspell: all forms of a word, with 25 MB of memory per connection. stems: word stems. Default: hunspell where it is installed.',
          },
        ],
        examples: [{ line: 'polyb inbox reindex' }, { line: 'polyb inbox reindex --words stems' }],
        seeAlso: ['doctor'],
        run: async () => (await import('./reindex.ts')).reindexInbox,
      },
    ],
  },
] satisfies readonly Command[];
