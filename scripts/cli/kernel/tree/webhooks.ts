/** Commands over the events that go out over HTTP. */
import type { Command } from '../command.ts';

const client = { name: 'client', value: 'NAME', summary: 'The client of API keys; default unless given.' };

export const webhookCommands: readonly Command[] = [
  {
    name: 'webhooks',
    summary: 'Events sent to programs over HTTP.',
    impact: 'rw',
    commands: [
      {
        name: 'create',
        summary: 'Create a subscription and show its secret, once.',
        usage: 'NAME',
        impact: 'rw',
        details: ['Requests are signed as Standard Webhooks has it. A subscription lasts as long as its client has a key that may read.'],
        flags: [
          client,
          { name: 'url', value: 'URL', summary: 'Where events go; https.' },
          { name: 'events', value: 'EVENTS', summary: 'Which, between commas; inbox.message_received unless given.' },
        ],
        examples: [{ line: 'polyb webhooks create agent --url https://agent.example/hook --events inbox.message_received' }],
        seeAlso: ['webhooks rotate', 'keys create'],
        run: async () => (await import('../../commands/webhooks.ts')).createWebhook,
      },
      {
        name: 'list',
        aliases: ['ls'],
        summary: 'Subscriptions and how their deliveries go; never their secrets.',
        impact: 'ro',
        flags: [{ ...client, summary: 'Only of this client.' }],
        examples: [{ line: 'polyb webhooks list' }],
        run: async () => (await import('../../commands/webhooks.ts')).listWebhooks,
      },
      {
        name: 'rotate',
        summary: 'Make another secret and show it, once; the former one signs as well for a day.',
        usage: 'NAME',
        impact: 'rw',
        flags: [
          client,
          { name: 'overlap', value: 'HOURS', summary: 'How many hours the former one signs as well, at most 168; 24 unless given.' },
        ],
        examples: [{ line: 'polyb webhooks rotate agent' }],
        run: async () => (await import('../../commands/webhooks.ts')).rotateWebhook,
      },
      {
        name: 'replay',
        summary: 'Deliver the events of a time again.',
        usage: 'NAME',
        impact: 'rw',
        flags: [
          client,
          { name: 'since', value: 'TIME', summary: 'From then on, RFC 3339.' },
          { name: 'until', value: 'TIME', summary: 'Before then; now unless given.' },
        ],
        examples: [{ line: 'polyb webhooks replay agent --since 2026-05-01T00:00:00Z' }],
        run: async () => (await import('../../commands/webhooks.ts')).replayWebhook,
      },
      {
        name: 'remove',
        summary: 'Remove a subscription; what is on its way is not delivered any more.',
        usage: 'NAME',
        impact: 'rw',
        flags: [client],
        examples: [{ line: 'polyb webhooks remove agent' }],
        run: async () => (await import('../../commands/webhooks.ts')).removeWebhook,
      },
    ],
  },
];
