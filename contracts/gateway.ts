/** API keys of the HTTP gateway. Secrets are never sent: the creator of a key sends the digest of its secret. */
import { z } from 'zod';
import { Line, OnBehalfOf, PageInput, pageOf, Timestamp } from './common.ts';
import { contract, event, method, type Scope } from './kit/define.ts';

const scopes = ['read', 'send', 'admin'] as const satisfies readonly Scope[];
export const KeyScope = z
  .enum(scopes)
  .describe(
    'read allows reading. send allows changing, sending, and deciding on approvals and reviews. admin allows all requests, including management.',
  );
export const KeyId = z
  .string()
  .max(40)
  .regex(/^pk_[a-z0-9]{8,32}$/, 'pk_ and 8 to 32 lower-case letters and digits');
const Client = z
  .string()
  .max(40)
  .regex(/^[a-z0-9][a-z0-9_-]*$/, 'lower-case letters, digits, - and _');
const Person = z
  .string()
  .max(40)
  .regex(/^[a-z0-9][a-z0-9_./-]*$/, 'lower-case letters, digits, . - _ and /')
  .describe(
    'The person who uses the key. Where two people must approve, keys of one person count once, and keys without a person count once per client.',
  );
const ApiKey = z.object({
  keyId: KeyId,
  client: Client,
  person: Person.nullable(),
  scopes: z.array(KeyScope).max(3),
  createdAt: Timestamp,
  expiresAt: Timestamp.nullable(),
  revokedAt: Timestamp.nullable(),
  lastUsedAt: Timestamp.nullable().describe('Updated at most twice a minute.'),
});
const roles = ['operator', 'gateway'] as const;
const admin = { people: ['admin'] as const, actor: 'onBehalfOf' };
const onBehalfOf = OnBehalfOf.describe('The person or key that asks, as named by the gateway.');

export const gateway = contract('gateway', '1.0.0', {
  create_key: method({
    summary: 'Create an API key. A client, or each person of a client, may hold two active keys, for rotation.',
    input: z.strictObject({
      keyId: KeyId,
      secretHash: z
        .string()
        .max(64)
        .regex(/^[0-9a-f]{64}$/, 'SHA-256 of the secret, 64 hex digits'),
      client: Client,
      person: Person.nullable().default(null),
      scopes: z.array(KeyScope).min(1).max(3),
      expiresAt: Timestamp.nullable().default(null),
      onBehalfOf,
    }),
    output: ApiKey,
    idempotency: 'idempotent',
    errors: { two_keys_live: 'conflict', key_taken: 'conflict' },
    roles,
    http: { route: 'POST /api/v1/keys', ...admin },
  }),
  list_keys: method({
    summary: 'List API keys, newest first.',
    input: z.strictObject({ client: Client.optional(), ...PageInput }),
    output: pageOf(ApiKey),
    idempotency: 'read',
    roles,
    http: { route: 'GET /api/v1/keys', people: ['admin'] },
  }),
  revoke_key: method({
    summary: 'Revoke an API key: requests are refused and its open streams end within 5 seconds. Idempotent.',
    input: z.strictObject({ keyId: KeyId, onBehalfOf }),
    output: ApiKey,
    idempotency: 'idempotent',
    roles,
    http: { route: 'POST /api/v1/keys/{keyId}/revoke', ...admin },
  }),
  find_client: method({
    summary: 'Scopes of the active keys of a client; empty when it has none.',
    input: z.strictObject({ client: Client }),
    output: z.object({ scopes: z.array(KeyScope).max(3) }),
    idempotency: 'read',
    roles: ['operator', 'webhooks'],
  }),
  list_audit: method({
    summary: 'Decisions made over HTTP, and the keys and people that made them, newest first.',
    input: z.strictObject({ client: Client.optional(), ...PageInput }),
    output: pageOf(
      z.object({
        at: Timestamp,
        keyId: z.string().max(40).describe('The API key, or the session of a person.'),
        client: Client.describe('Of the key; `staff` for a person.'),
        person: Person.nullable(),
        method: z.string().max(130),
        target: z.string().max(64).nullable().describe('The id in the route.'),
        code: z.string().max(40).describe('ok, or an error code.'),
        reason: z.string().max(64).nullable(),
        requestId: Line,
      }),
    ),
    idempotency: 'read',
    roles,
    http: { route: 'GET /api/v1/audit', people: ['director', 'admin', 'operator'] },
  }),
  key_revoked: event({ summary: 'An API key was revoked.', payload: z.object({ keyId: KeyId }), key: 'keyId' }),
});
