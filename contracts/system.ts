/** The system as those who run it see it: services, their traffic and settings, and what waits for a person. */
import { z } from 'zod';
import { Json, Line, PageInput, pageOf, Timestamp, Viewer } from './common.ts';
import { contract, method, personRoles } from './kit/define.ts';

const Folder = z.string().max(64);
const Address = z.string().max(130);
const total = z.number().min(0);
const rate = z.number().min(0).nullable();
const Traffic = {
  requests: total.describe('Since the instances started.'),
  errors: total.describe('Requests of these that failed, by any code.'),
  perSecond: rate.describe('Requests a second in the last minute; null until two samples are there.'),
  errorsPerSecond: rate.describe('Failed requests a second in the last minute.'),
  p95Ms: rate.describe('95th percentile of the last minute; null when there was no request.'),
};
const Instance = z.object({
  instance: z.string().max(64),
  contracts: z.array(z.object({ name: z.string().max(64), version: z.string().max(40) })).max(40),
  startedAt: Timestamp.nullable(),
  memoryBytes: z.number().min(0).nullable(),
});
const Dependency = z.object({
  target: z.string().max(200).describe('The provider and its use.'),
  failure: z.string().max(200).nullable().describe('Code and reason of the last failure; null when it works.'),
  since: Timestamp.describe('Of the last change between working and failing.'),
});
const Service = z.object({
  service: Folder,
  isExpected: z.boolean().describe('GATEWAY_EXPECTED_SERVICES names it, or it is a folder of services/.'),
  isReady: z.boolean().describe('An instance has responded within the last 10 seconds.'),
  instances: z.array(Instance).max(100),
  dependencies: z.array(Dependency).max(100).describe('Providers and channels, as far as they were used.'),
  methods: z
    .array(z.object({ method: Address, ...Traffic, dropped: total.describe('Their deadline had passed.'), inFlight: total }))
    .max(500)
    .describe('Methods that it serves.'),
  calls: z
    .array(z.object({ method: Address, callee: Folder.nullable().describe('The service that serves the method.'), ...Traffic }))
    .max(500)
    .describe('Methods that it calls.'),
  providers: z
    .array(z.object({ provider: z.string().max(80), requests: total, errors: total, perSecond: rate, errorsPerSecond: rate }))
    .max(100)
    .describe('HTTP requests to providers.'),
});
const roles = ['operator', 'gateway'] as const;

export const system = contract('system', '1.0.0', {
  survey_services: method({
    summary: 'Services that run or should run, by name, with their instances, providers and traffic.',
    input: z.strictObject({
      show: z
        .enum(['traffic', 'standing'])
        .default('traffic')
        .describe('standing: without traffic, memory and start times; costs less, and changes only when something does.'),
      ...PageInput,
    }),
    output: pageOf(Service),
    idempotency: 'read',
    roles,
    http: 'GET /api/v1/services',
  }),
  list_settings: method({
    summary: 'Settings with which the services run, and where each comes from. Of a secret only whether it is set.',
    input: z.strictObject({ service: Folder.optional() }),
    output: z.object({
      settings: z
        .array(
          z.object({
            service: Folder,
            group: z.string().max(100).describe('`platform`, the service, or the service and the adapter that reads it.'),
            name: z.string().max(130),
            value: z.string().max(2_000).nullable().describe('Null for a secret, and for a setting without a value.'),
            isSecret: z.boolean(),
            isSet: z.boolean().describe('False for a default.'),
            origin: z.string().max(300).describe('`the environment`, `.env`, the name of a file, `default` or `not set`.'),
            what: z.string().max(2_000),
            instances: z.int().min(1).describe('How many instances run with it.'),
            isShared: z.boolean().describe('All instances of the service run with it.'),
          }),
        )
        .max(10_000),
    }),
    idempotency: 'read',
    roles,
    http: 'GET /api/v1/settings',
  }),
  describe_method: method({
    summary: 'A method as its contract declares it: route, rights, errors and the JSON Schemas of its input and output.',
    input: z.strictObject({ method: Address }),
    output: z.object({
      method: Address,
      summary: z.string().max(2_000),
      version: z.string().max(40),
      idempotency: z.enum(['read', 'idempotent', 'keyed']),
      timeoutMs: z.int().min(1),
      reachesCustomer: z.boolean(),
      approval: z.enum(['none', 'staff', 'customer', 'both']),
      route: Line.nullable().describe('Null where HTTP has none.'),
      scope: z.enum(['none', 'read', 'send', 'admin']).nullable(),
      people: z.array(z.enum(personRoles)).max(personRoles.length),
      takesJson: z.boolean().describe('Its input and output are JSON, so that it can be tried by hand.'),
      errors: z.array(z.object({ reason: z.string().max(64), code: z.string().max(40) })).max(200),
      input: Json,
      output: Json,
      examples: z.array(Json).max(20),
    }),
    idempotency: 'read',
    errors: { no_method: 'not_found' },
    roles,
    http: 'GET /api/v1/methods/{method}',
  }),
  count_waiting: method({
    summary: 'Counters of what waits for a person, as far as the role of the viewer has them.',
    input: z.strictObject({ viewer: Viewer, ...PageInput }),
    output: pageOf(
      z.object({
        id: z.string().max(40).describe('`approvals`, `chats_waiting`, `stuck` …'),
        count: z.int().min(0).nullable().describe('Null while it cannot be counted.'),
        isMore: z.boolean().describe('There are more than that.'),
        oldestAt: Timestamp.nullable(),
      }),
    ),
    idempotency: 'read',
    roles,
    http: { route: 'GET /api/v1/counters', people: personRoles, viewer: 'viewer' },
  }),
});
