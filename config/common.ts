/** Settings of the platform. A provider's settings are declared in its adapter. */
import { z } from 'zod';
import type { Group } from './read.ts';
import { durationMs, integer, list, origin, secret, text, url } from './settings.ts';

export const common = {
  name: 'platform',
  settings: z.object({
    NATS_URL: list(url(['nats', 'tls', 'ws', 'wss']), { max: 16 })
      .optional()
      .describe('Addresses of the NATS servers; `polyb up` starts one where none is named.')
      .meta({ before: ['POLYB_NATS_URL'] }),
    NATS_USER: text({ max: 64, like: /^[\w-]+$/, expected: 'the name of a bus user' })
      .optional()
      .describe('User name on the bus.'),
    NATS_PASSWORD: secret().optional().describe('Password of the bus user.'),
    POLYB_SUBJECT_PREFIX: text({ max: 60, like: /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/, expected: 'lower-case words separated by dots' })
      .default('polyb')
      .describe('First tokens of every subject. Deployments that share NATS servers need different prefixes.'),
    DATABASE_URL: url(['postgres', 'postgresql'])
      .meta({ secret: true })
      .optional()
      .describe('PostgreSQL connection URL. Without it no service can serve keyed methods.'),
    DATABASE_CONNECTIONS: integer({ min: 4, max: 500 })
      .optional()
      .describe(
        'Maximum PostgreSQL connections for the work of one process. Default: 8 plus 2 for each service and processor, at most 24.',
      ),
    REDIS_URL: url(['redis', 'rediss'])
      .meta({ secret: true })
      .optional()
      .describe('Redis URL, for rate limits shared by all processes. Without it each process counts on its own.'),
    POLYB_SECRET_KEY: secret({ min: 32 })
      .optional()
      .describe(
        'Key that encrypts the tokens of connections and signs slots, the same for all processes; usually POLYB_SECRET_KEY_FILE. `polyb up` makes one.',
      ),
    JOURNAL_KEEP_DAYS: integer({ min: 1, max: 3650 }).default(30).describe('How long the journal keeps rows that have ended.'),
    JOURNAL_BLANK_DAYS: integer({ min: 0, max: 3650 }).default(7).describe('How long rows that have ended keep personal data.'),
    CLOCK_SKEW_MS: durationMs({ max: 60_000 })
      .default(250)
      .describe('Maximum clock difference between hosts that the check of late work allows for.'),
    HTTP_ALLOW_PRIVATE: list(origin())
      .default([])
      .describe('Origins on private addresses or without TLS that outgoing HTTP requests may reach, e.g. http://192.168.1.10:8080.'),
    LOG_LEVEL: z
      .enum(['debug', 'info', 'warn', 'error'])
      .meta({ expected: 'debug, info, warn or error' })
      .default('info')
      .describe('Minimum log level.'),
    POLYB_SHUTDOWN_MS: durationMs({ max: 300_000 }).default(15_000).describe('How long a stopping service waits for work in progress.'),
  }),
} as const satisfies Group;

/** For programs that need no other settings. */
export const database = { name: 'database', settings: common.settings.pick({ DATABASE_URL: true }) } as const satisfies Group;
