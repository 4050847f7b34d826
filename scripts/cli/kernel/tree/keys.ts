/** Commands over the API keys of HTTP. */
import type { Command } from '../command.ts';
import { cursor, limit } from './flags.ts';

const client = { name: 'client', value: 'NAME', summary: 'Whose key it is; its idempotency keys are apart from those of other clients.' };

export const keyCommands: readonly Command[] = [
  {
    name: 'keys',
    summary: 'API keys of HTTP.',
    impact: 'rw',
    commands: [
      {
        name: 'create',
        summary: 'Make a key and show it, once.',
        impact: 'rw',
        details: [
          'A client, or each person of it, may hold two live keys: make the second, let the client take it, revoke the first.',
          'Where two people must approve, keys of one person count once; keys without a person count once a client.',
          'Only the digest of the secret leaves this machine.',
        ],
        flags: [
          { ...client, summary: `${client.summary} default unless given.` },
          { name: 'person', value: 'NAME', summary: 'Who of the client uses it; telegram/ID for somebody who also decides in Telegram.' },
          { name: 'scope', value: 'SCOPES', summary: 'What it allows, of read, send and admin; read,send unless given.' },
          { name: 'expires', value: 'DUR|never', summary: 'How long it lives; 365d unless given.' },
        ],
        examples: [
          { line: 'polyb keys create --scope read,send' },
          { line: 'polyb keys create --client website --scope send --expires 90d' },
          { line: 'polyb keys create --client shop --person anna --scope send' },
        ],
        seeAlso: ['keys list', 'keys revoke'],
        run: async () => (await import('../../commands/keys.ts')).createKey,
      },
      {
        name: 'list',
        aliases: ['ls'],
        summary: 'Keys with what they allow and when they were last used; never their secrets.',
        impact: 'ro',
        flags: [client, limit, cursor],
        examples: [{ line: 'polyb keys list' }],
        run: async () => (await import('../../commands/keys.ts')).listKeys,
      },
      {
        name: 'revoke',
        summary: 'Let a key in no more.',
        usage: 'KEY_ID',
        impact: 'rw',
        examples: [{ line: 'polyb keys revoke pk_3f9a1c2b7d40' }],
        run: async () => (await import('../../commands/keys.ts')).revokeKey,
      },
    ],
  },
];
