/** Commands over the API keys of HTTP. */
import type { Command } from '../command.ts';
import { cursor, limit } from './flags.ts';

const client = { name: 'client', value: 'NAME', summary: 'Client that owns the key. Idempotency keys are separate for each client.' };

export const keyCommands: readonly Command[] = [
  {
    name: 'keys',
    summary: 'Manage the API keys of the HTTP gateway.',
    impact: 'rw',
    commands: [
      {
        name: 'create',
        summary: 'Create an API key and show it once.',
        impact: 'rw',
        details: [
          'A client, or each person of a client, may have two active keys. To rotate a key, create the second, configure it at the client, and revoke the first.',
          'Where two people must approve, all keys of one person count as one person, and so do all keys of one client without --person.',
          'Only a digest of the secret is sent and stored.',
        ],
        flags: [
          { ...client, summary: `${client.summary} Default: default.` },
          {
            name: 'person',
            value: 'NAME',
            summary: 'Person of the client who uses the key; telegram/ID for a person who also decides in Telegram.',
          },
          { name: 'scope', value: 'SCOPES', summary: 'Comma-separated scopes: read, send, admin. Default: read,send.' },
          { name: 'expires', value: 'DUR|never', summary: 'Lifetime of the key. Default: 365d.' },
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
        summary: 'List API keys with their scopes and last use, without secrets.',
        impact: 'ro',
        flags: [{ ...client, summary: 'Only keys of this client.' }, limit, cursor],
        examples: [{ line: 'polyb keys list' }],
        run: async () => (await import('../../commands/keys.ts')).listKeys,
      },
      {
        name: 'revoke',
        summary: 'Revoke an API key.',
        usage: 'KEY_ID',
        impact: 'rw',
        examples: [{ line: 'polyb keys revoke pk_3f9a1c2b7d40' }],
        run: async () => (await import('../../commands/keys.ts')).revokeKey,
      },
    ],
  },
];
