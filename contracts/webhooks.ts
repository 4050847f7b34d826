/**
 * Events sent to clients over HTTP, for those that cannot hold a connection.
 *
 * Glossary: a *subscription* is an address of a client with the events sent to it; a *delivery* is one event on its way to one subscription.
 * The requests follow Standard Webhooks 1.0: `webhook-id` (the event, the same on every attempt), `webhook-timestamp` (Unix seconds) and
 * `webhook-signature` (`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, one for each active secret, separated by spaces).
 */
import { z } from 'zod';
import { calls } from './calls.ts';
import { Id, Timestamp } from './common.ts';
import { crm } from './crm.ts';
import { inbox } from './inbox.ts';
import { contract, type Event, method } from './kit/define.ts';
import { messages } from './messages.ts';

/** Events that a subscription may name. Personal data in their payloads is masked: they contain ids, to be read with an API key. */
export const outgoing: readonly Event[] = [
  inbox.message_received,
  inbox.message_changed,
  inbox.message_transcribed,
  messages.delivery_changed,
  calls.call_ended,
  crm.lead_created,
];
export const OutgoingEvent = z.enum(outgoing.map(({ address }) => address));
const Name = z
  .string()
  .min(1)
  .max(40)
  .regex(/^[a-z0-9][a-z0-9_-]*$/, 'lower-case letters, digits, - and _');
const Client = z.string().min(1).max(100).describe('Client of the API key; over HTTP, the client of the request.');
/** 24 to 64 bytes, as written by Standard Webhooks. */
const Secret = z
  .string()
  .max(100)
  .regex(/^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/, 'whsec_ and 24 to 64 random bytes in base64')
  .meta({ pii: 'text' });
const Subscription = z.object({
  client: Client,
  name: Name,
  url: z.string().max(500),
  events: z.array(OutgoingEvent).max(20),
  isEnabled: z
    .boolean()
    .describe('False after long failure, a reply of 410, or when the client has no key left; put_subscription enables it.'),
  failingSince: Timestamp.nullable().describe('Time of the first failure since the last successful delivery.'),
  lastError: z.string().max(300).nullable(),
  lastDeliveredAt: Timestamp.nullable(),
  formerSecretUntil: Timestamp.nullable().describe('Until then deliveries are also signed with the previous secret.'),
  createdAt: Timestamp,
});
const named = { client: Client, name: Name };
/** For programs, which have keys: a subscription belongs to the client of its key. */
const byClient = (route: `${'GET' | 'PUT' | 'POST' | 'DELETE'} /${string}`) => ({ route, people: [], actor: 'client' });

export const webhooks = contract('webhooks', '1.0.0', {
  put_subscription: method({
    summary: 'Create, change or enable a subscription. A new one requires a secret, chosen by the caller.',
    input: z.strictObject({
      ...named,
      url: z
        .url({ protocol: /^https?$/ })
        .max(500)
        .describe('https; http and private addresses only if HTTP_ALLOW_PRIVATE lists the origin.'),
      events: z.array(OutgoingEvent).min(1).max(20),
      secret: Secret.optional(),
    }),
    output: Subscription,
    idempotency: 'idempotent',
    http: byClient('PUT /api/v1/webhooks/{name}'),
    errors: { secret_missing: 'invalid_argument' },
  }),
  rotate_secret: method({
    summary:
      'Replace the secret. For a while deliveries are also signed with the previous one. Repeating it with the same secret has no effect.',
    input: z.strictObject({ ...named, secret: Secret, overlapHours: z.int().min(0).max(168).default(24) }),
    output: Subscription,
    idempotency: 'idempotent',
    http: byClient('POST /api/v1/webhooks/{name}/secret'),
  }),
  list_subscriptions: method({
    summary: 'List subscriptions of a client, or all.',
    input: z.strictObject({ client: Client.optional() }),
    output: z.object({ items: z.array(Subscription).max(200) }),
    idempotency: 'read',
    http: byClient('GET /api/v1/webhooks'),
  }),
  remove_subscription: method({
    summary: 'Delete a subscription. Its pending deliveries are dropped.',
    input: z.strictObject(named),
    output: z.object({ isRemoved: z.boolean() }),
    idempotency: 'idempotent',
    http: byClient('DELETE /api/v1/webhooks/{name}'),
  }),
  replay: method({
    summary: 'Deliver the events of a time range again, with their original webhook-id. The longest range is WEBHOOKS_EVENT_DAYS.',
    input: z.strictObject({ ...named, since: Timestamp, until: Timestamp }),
    output: z.object({ deliveries: z.int().min(0) }),
    idempotency: 'keyed',
    http: byClient('POST /api/v1/webhooks/{name}/replay'),
    errors: { too_many: 'invalid_argument' },
  }),
  deliver: method({
    summary: 'Deliver one event to one subscription. Repeated with growing pauses until the receiver accepts it.',
    input: z.strictObject({ subscriptionId: Id, eventId: Id }),
    output: z.object({ outcome: z.enum(['delivered', 'skipped']).describe('skipped: the subscription or the event no longer exists.') }),
    idempotency: 'keyed',
    lane: 'subscriptionId',
    ttlMs: 7 * 86_400_000,
    timeoutMs: 30_000,
    roles: ['webhooks'],
    errors: { given_up: 'failed_precondition' },
  }),
});
