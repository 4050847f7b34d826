/** Commands over the events that go out over HTTP. */
import type { Command } from '../command.ts';

const client = { name: 'client', value: 'NAME', summary: 'Client that owns the subscription. Default: default.' };

export const webhookCommands: readonly Command[] = [
  {
    name: 'webhooks',
    summary: 'Manage subscriptions of clients to events over HTTP.',
    impact: 'rw',
    commands: [
      {
        name: 'create',
        summary: 'Create a subscription and show its secret once.',
        usage: 'NAME',
        impact: 'rw',
        details: [
          'Requests are signed according to Standard Webhooks. A subscription is disabled when its client has no active API key with the scope read.',
        ],
        flags: [
          client,
          { name: 'url', value: 'URL', summary: 'Address that receives the events; https.' },
          { name: 'events', value: 'EVENTS', summary: 'Comma-separated events. Default: inbox.message_received.' },
        ],
        examples: [{ line: 'polyb webhooks create agent --url https://agent.example/hook --events inbox.message_received' }],
        seeAlso: ['webhooks rotate', 'keys create'],
        run: async () => (await import('../../commands/webhooks.ts')).createWebhook,
      },
      {
        name: 'list',
        aliases: ['ls'],
        summary: 'List subscriptions with the state of their deliveries, without secrets.',
        impact: 'ro',
        flags: [{ ...client, summary: 'Only subscriptions of this client.' }],
        examples: [{ line: 'polyb webhooks list' }],
        run: async () => (await import('../../commands/webhooks.ts')).listWebhooks,
      },
      {
        name: 'rotate',
        summary: 'Create a new secret and show it once. The old secret also signs for a day.',
        usage: 'NAME',
        impact: 'rw',
        flags: [
          client,
          { name: 'overlap', value: 'HOURS', summary: 'Hours for which the old secret also signs, at most 168. Default: 24.' },
        ],
        examples: [{ line: 'polyb webhooks rotate agent' }],
        run: async () => (await import('../../commands/webhooks.ts')).rotateWebhook,
      },
      {
        name: 'replay',
        summary: 'Deliver the events of a period again.',
        usage: 'NAME',
        impact: 'rw',
        flags: [
          client,
          { name: 'since', value: 'TIME', summary: 'Start of the period, RFC 3339.' },
          { name: 'until', value: 'TIME', summary: 'End of the period, RFC 3339. Default: now.' },
        ],
        examples: [{ line: 'polyb webhooks replay agent --since 2026-05-01T00:00:00Z' }],
        run: async () => (await import('../../commands/webhooks.ts')).replayWebhook,
      },
      {
        name: 'remove',
        summary: 'Remove a subscription. Pending deliveries are dropped.',
        usage: 'NAME',
        impact: 'rw',
        flags: [client],
        examples: [{ line: 'polyb webhooks remove agent' }],
        run: async () => (await import('../../commands/webhooks.ts')).removeWebhook,
      },
    ],
  },
];
