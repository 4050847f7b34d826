/** Connections to CRMs and booking systems: which there are, whether they work, and pausing them. */
import { z } from 'zod';
import { Connection, Id, Line, OnBehalfOf, PageInput, Phone, pageOf, Timestamp } from './common.ts';
import { SupportedMethods } from './crm.ts';
import { contract, method } from './kit/define.ts';

const Kind = z.enum(['crm', 'booking']);
/**
 * `ok`: the last request was answered. `needs_reauthorisation`: a person must consent again. `paused`: no request is sent, by a person
 * or because of the limit of the provider. `blocked`: the provider blocks this address. `broken`: the last request failed.
 */
const ConnectionState = z.enum(['ok', 'needs_reauthorisation', 'paused', 'blocked', 'broken']);
const which = { kind: Kind, connection: Connection.default('main') };

export const connections = contract('connections', '1.0.0', {
  list: method({
    summary: 'Connections and their states.',
    input: z.strictObject({}),
    output: z.object({
      items: z
        .array(
          z.object({
            kind: Kind,
            connection: Connection,
            system: z.string().max(40),
            state: ConnectionState,
            since: Timestamp.nullable().describe('When the state was first seen; null before the first request.'),
            detail: z.string().max(500).nullable().describe('Why, and what to do.'),
            methods: SupportedMethods,
          }),
        )
        .max(40),
    }),
    idempotency: 'read',
    http: 'GET /api/v1/connections',
  }),
  test: method({
    summary: 'Search a known person, so that a filter that finds nothing is noticed.',
    input: z.strictObject({ ...which, phoneNumber: Phone }),
    output: z.object({
      found: z.int().min(0).max(50),
      ms: z.int().min(0).max(600_000),
      system: z.string().max(40),
    }),
    idempotency: 'read',
    errors: {
      no_connection: 'failed_precondition',
      upstream_credentials: 'failed_precondition',
      reauthorise: 'failed_precondition',
      unsupported: 'unimplemented',
    },
    http: 'POST /api/v1/connections/test',
  }),
  differences: method({
    summary: 'People whose data differ between a booking system and the primary CRM. Nothing is overwritten; a person decides.',
    input: z.strictObject({ ...PageInput }),
    output: pageOf(
      z.object({
        connection: Connection,
        clientId: Id,
        contactId: Id,
        differs: z
          .array(
            z.object({
              field: z.enum(['name', 'phone', 'email']),
              crm: z.string().max(300).nullable().meta({ pii: 'name' }),
              booking: z.string().max(300).nullable().meta({ pii: 'name' }),
            }),
          )
          .max(10),
        checkedAt: Timestamp,
      }),
    ),
    idempotency: 'read',
    roles: ['operator'],
    http: 'GET /api/v1/connections/differences',
  }),
  webhooks: method({
    summary: 'The addresses to which CRMs and booking systems deliver changes. Each contains a secret.',
    input: z.strictObject({}),
    output: z.object({
      items: z
        .array(z.object({ kind: Kind, connection: Connection, system: z.string().max(40), path: z.string().max(300) }))
        .max(40)
        .describe('Of connections that read deliveries; the path below the address of the gateway.'),
    }),
    idempotency: 'read',
    roles: ['operator'],
    http: 'GET /api/v1/connections/webhooks',
  }),
  begin_consent: method({
    summary: 'The page where a person lets this system use the CRM, and where it leads back to.',
    input: z.strictObject({ connection: which.connection }),
    output: z.object({ system: z.string().max(40), url: z.string().max(2000), redirectUri: z.string().max(500) }),
    idempotency: 'read',
    roles: ['operator'],
    errors: { no_connection: 'failed_precondition', unsupported: 'unimplemented' },
    http: 'POST /api/v1/connections/consent',
  }),
  finish_consent: method({
    summary: 'Exchange the code of a consent and store the tokens.',
    input: z.strictObject({
      connection: which.connection,
      callback: z
        .record(z.string().max(64), z.string().max(4096))
        .refine((fields) => Object.keys(fields).length <= 20)
        .meta({ maxProperties: 20 })
        .describe('The query with which the provider led back.'),
    }),
    output: z.object({ system: z.string().max(40) }),
    idempotency: 'idempotent',
    timeoutMs: 30_000,
    roles: ['operator'],
    errors: {
      no_connection: 'failed_precondition',
      unsupported: 'unimplemented',
      reauthorise: 'failed_precondition',
      blocked: 'unavailable',
      upstream_credentials: 'failed_precondition',
    },
    http: 'POST /api/v1/connections/consent/finish',
  }),
  pause: method({
    summary: 'Send no request over a connection until it is resumed; keyed work waits.',
    input: z.strictObject({ ...which, reason: Line.optional(), onBehalfOf: OnBehalfOf }),
    output: z.object({ changed: z.boolean() }),
    idempotency: 'idempotent',
    roles: ['operator'],
    errors: { no_connection: 'failed_precondition' },
    http: { route: 'POST /api/v1/connections/pause', actor: 'onBehalfOf' },
  }),
  resume: method({
    summary: 'Send requests over a paused connection again.',
    input: z.strictObject({ ...which, onBehalfOf: OnBehalfOf }),
    output: z.object({ changed: z.boolean() }),
    idempotency: 'idempotent',
    roles: ['operator'],
    errors: { no_connection: 'failed_precondition' },
    http: { route: 'POST /api/v1/connections/resume', actor: 'onBehalfOf' },
  }),
});
