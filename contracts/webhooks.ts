/**
 * Events sent to programs over HTTP, for those that cannot hold a connection.
 *
 * Glossary: a *subscription* is an address of a client with the events that go there; a *delivery* is one event on its way to one subscription.
 * The requests follow Standard Webhooks 1.0: `webhook-id` (the event, the same on every attempt), `webhook-timestamp` (Unix seconds) and
 * `webhook-signature` (`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, one for each live secret, between spaces).
 */
import { z } from 'zod';
import { calls } from './calls.ts';
import { Id, Timestamp } from './common.ts';
import { crm } from './crm.ts';
import { inbox } from './inbox.ts';
import { contract, type Event, method } from './kit/define.ts';
import { messages } from './messages.ts';

/** Events that a subscription may name. Personal data in their payloads is masked: they name things by id, to be read with an API key. */
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
const Client = z.string().min(1).max(100).describe('The client of the API key; over HTTP it is that of the request.');
/** 24 to 64 bytes, as Standard Webhooks writes them. */
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
    .describe('False after it failed for too long, answered 410, or its client lost its keys; put_subscription enables it.'),
  failingSince: Timestamp.nullable().describe('When the first delivery after the last successful one failed.'),
  lastError: z.string().max(300).nullable(),
  lastDeliveredAt: Timestamp.nullable(),
  formerSecretUntil: Timestamp.nullable().describe('Until then deliveries are signed with the former secret as well.'),
  createdAt: Timestamp,
});
const named = { client: Client, name: Name };
const byClient = (route: `${'GET' | 'PUT' | 'POST' | 'DELETE'} /${string}`) => ({ route, actor: 'client' });

export const webhooks = contract('webhooks', '1.0.0', {
  put_subscription: method({
    summary: 'Create a subscription, or change and enable it. A new one needs a secret, which the caller makes.',
    input: z.strictObject({
      ...named,
      url: z
        .url({ protocol: /^https?$/ })
        .max(500)
        .describe('https; plain http and inner addresses only where HTTP_ALLOW_PRIVATE lists the origin.'),
      events: z.array(OutgoingEvent).min(1).max(20),
      secret: Secret.optional(),
    }),
    output: Subscription,
    idempotency: 'idempotent',
    http: byClient('PUT /api/v1/webhooks/{name}'),
    errors: { secret_missing: 'invalid_argument' },
  }),
  rotate_secret: method({
    summary: 'Sign with another secret, and for a while with the former one as well. Repeating it with the same secret changes nothing.',
    input: z.strictObject({ ...named, secret: Secret, overlapHours: z.int().min(0).max(168).default(24) }),
    output: Subscription,
    idempotency: 'idempotent',
    http: byClient('POST /api/v1/webhooks/{name}/secret'),
  }),
  list_subscriptions: method({
    summary: 'Subscriptions of a client, or of all.',
    input: z.strictObject({ client: Client.optional() }),
    output: z.object({ items: z.array(Subscription).max(200) }),
    idempotency: 'read',
    http: byClient('GET /api/v1/webhooks'),
  }),
  remove_subscription: method({
    summary: 'Remove a subscription. What is on its way is not delivered any more.',
    input: z.strictObject(named),
    output: z.object({ isRemoved: z.boolean() }),
    idempotency: 'idempotent',
    http: byClient('DELETE /api/v1/webhooks/{name}'),
  }),
  replay: method({
    summary: 'Deliver the events of a time again, under their own webhook-id. The longest time is WEBHOOKS_EVENT_DAYS.',
    input: z.strictObject({ ...named, since: Timestamp, until: Timestamp }),
    output: z.object({ deliveries: z.int().min(0) }),
    idempotency: 'keyed',
    http: byClient('POST /api/v1/webhooks/{name}/replay'),
    errors: { too_many: 'invalid_argument' },
  }),
  deliver: method({
    summary: 'Deliver one event to one subscription; repeated with longer and longer pauses until the other side takes it.',
    input: z.strictObject({ subscriptionId: Id, eventId: Id }),
    output: z.object({ outcome: z.enum(['delivered', 'skipped']).describe('skipped: the subscription or the event is gone.') }),
    idempotency: 'keyed',
    lane: 'subscriptionId',
    ttlMs: 7 * 86_400_000,
    timeoutMs: 30_000,
    roles: ['webhooks'],
    errors: { given_up: 'failed_precondition' },
  }),
});
