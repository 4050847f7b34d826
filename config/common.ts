/** The settings of the platform itself; those of a vendor stand beside its adapter. */
import { z } from 'zod';
import type { Group } from './read.ts';
import { durationMs, integer, list, origin, secret, text, url } from './settings.ts';

export const common = {
  name: 'platform',
  settings: z.object({
    NATS_URL: list(url(['nats', 'tls', 'ws', 'wss']), { max: 16 })
      .default(['nats://127.0.0.1:4222'])
      .describe('The NATS servers.')
      .meta({ before: ['POLYB_NATS_URL'] }),
    NATS_USER: text({ max: 64, like: /^[\w-]+$/, expected: 'the name of a bus user' })
      .optional()
      .describe('The bus user.'),
    NATS_PASSWORD: secret().optional().describe('The password of the bus user.'),
    POLYB_SUBJECT_PREFIX: text({ max: 60, like: /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/, expected: 'lower-case words between dots' })
      .default('polyb')
      .describe('The first words of every subject; deployments that share NATS servers need different ones.'),
    DATABASE_URL: url(['postgres', 'postgresql'])
      .meta({ secret: true })
      .optional()
      .describe('PostgreSQL; without it no service serves a keyed method.'),
    DATABASE_CONNECTIONS: integer({ min: 4, max: 500 })
      .optional()
      .describe(
        'Connections to PostgreSQL that the work of one process holds at most; otherwise 8 and 2 for each service and processor, up to 24.',
      ),
    JOURNAL_KEEP_DAYS: integer({ min: 1, max: 3650 }).default(30).describe('How long rows of the journal that have ended are kept.'),
    JOURNAL_BLANK_DAYS: integer({ min: 0, max: 3650 })
      .default(7)
      .describe('How long personal data stays in rows of the journal that have ended.'),
    CLOCK_SKEW_MS: durationMs({ max: 60_000 }).default(250).describe('How far the clocks of hosts may differ before late work is dropped.'),
    HTTP_ALLOW_PRIVATE: list(origin())
      .default([])
      .describe('Origins on private addresses, or without TLS, that outward HTTP may reach, e.g. http://192.168.1.10:8080.'),
    LOG_LEVEL: z
      .enum(['debug', 'info', 'warn', 'error'])
      .meta({ expected: 'debug, info, warn or error' })
      .default('info')
      .describe('The least important lines that are written.'),
    POLYB_SHUTDOWN_MS: durationMs({ max: 300_000 }).default(15_000).describe('How long a stopping service waits for work in flight.'),
  }),
} as const satisfies Group;

/** For programs that need nothing else. */
export const database = { name: 'database', settings: common.settings.pick({ DATABASE_URL: true }) } as const satisfies Group;
