import { z } from 'zod';
import { common } from '../../config/common.ts';
import { durationMs, flag, integer, list, origin, text } from '../../config/settings.ts';

const port = integer({ min: 1, max: 65_535 });

export const gatewaySettings = z.object({
  POLYB_SUBJECT_PREFIX: common.settings.shape.POLYB_SUBJECT_PREFIX,
  GATEWAY_HOST: text({ max: 255 }).default('127.0.0.1').describe('Address of the HTTP server; 0.0.0.0 listens on all interfaces.'),
  GATEWAY_PORT: port.default(8300).describe('Port of the HTTP server.').meta({ listens: true }),
  GATEWAY_PUBLIC_URL: origin()
    .optional()
    .describe('The address at which people reach this server, for links. Default: that of GATEWAY_HOST and GATEWAY_PORT.'),
  GATEWAY_ENVIRONMENT: text({ max: 40 })
    .optional()
    .describe('Name of this deployment, shown on every page of the desk: `Sales, test`. Default: nothing is shown.'),
  GATEWAY_ENVIRONMENT_KIND: z
    .enum(['test', 'stage', 'production'])
    .default('production')
    .describe('Kind of this deployment, by which the name is coloured.')
    .meta({ expected: 'test, stage or production' }),
  GATEWAY_PORTS: list(text({ max: 11, like: /^\d{1,5}(:\d{1,5})?$/, expected: '8005, or 18005:8005 to listen elsewhere' }), { max: 20 })
    .default([])
    .describe('Additional ports, each with the routes of the former program on that port: 3000, 8001, 8002, 8003, 8005, 8000, 8300.'),
  GATEWAY_PORTS_WITHOUT_KEYS: flag()
    .default(false)
    .describe(
      'Whether programs on this machine need no API key for the paths of former programs on GATEWAY_PORTS, such as /leads; whatever is under /api still needs one. Only with GATEWAY_HOST on loopback and no GATEWAY_TRUSTED_PROXIES.',
    ),
  GATEWAY_TRUSTED_PROXIES: list(text({ max: 100 }), { max: 20 })
    .default([])
    .describe('Addresses of proxies whose X-Forwarded-For header is trusted.'),
  GATEWAY_BODY_LIMIT_BYTES: integer({ min: 1_024, max: 1_048_576 }).default(1_000_000).describe('Maximum size of a request body.'),
  GATEWAY_REQUEST_TIMEOUT_MS: durationMs({ min: 1_000, max: 600_000 }).default(30_000).describe('How long a request may take to arrive.'),
  GATEWAY_MAX_CONNECTIONS: integer({ min: 1, max: 100_000 }).default(2_000).describe('Maximum open connections; further ones are closed.'),
  GATEWAY_MAX_IN_FLIGHT: integer({ min: 1, max: 100_000 }).default(2_000).describe('Maximum concurrent requests; further ones get 503.'),
  GATEWAY_RATE_LIMIT: integer({ min: 1, max: 10_000_000 }).default(1_200).describe('Requests of one API key in GATEWAY_RATE_WINDOW_MS.'),
  GATEWAY_RATE_WINDOW_MS: durationMs({ min: 1_000, max: 3_600_000 }).default(60_000).describe('Time window of GATEWAY_RATE_LIMIT.'),
  GATEWAY_REQUIRE_IF_MATCH: flag()
    .default(false)
    .describe('Whether an approval must name the version that was read; without it the reply is 428.'),
  GATEWAY_EXPECTED_SERVICES: list(text({ max: 64, like: /^[a-z][a-z0-9-]*$/, expected: 'a folder of services/' }), { max: 200 })
    .optional()
    .describe(
      'Services that should respond: /health warns about one that does not, and its polyb_service_ready is 0. Default: every folder of services/.',
    ),
  PEOPLE_SESSION_IDLE_MS: durationMs({ min: 60_000, max: 7 * 86_400_000 })
    .default(12 * 3_600_000)
    .describe('How long a session lasts without a request.'),
  PEOPLE_SESSION_MS: durationMs({ min: 60_000, max: 90 * 86_400_000 })
    .default(7 * 86_400_000)
    .describe('How long a session lasts in all.'),
  PEOPLE_SECOND_FACTOR: flag()
    .default(false)
    .describe('Whether people who log in with a password must set up an authenticator app before anything else.'),
  PEOPLE_PASSWORDS: flag()
    .default(true)
    .describe('Whether people may log in with a password; false leaves the identity provider, which IDENTITY_KIND must name.'),
  GATEWAY_AUDIT_DAYS: integer({ min: 1, max: 3_650 })
    .default(365)
    .describe('How long decisions made over HTTP, and ended sessions, are kept.'),
});
