/**
 * What we write to people: proposed, approved where the policy asks for it, and delivered by the channel of their chat.
 *
 * Glossary: a *delivery* is one message on its way to one chat; a *template* is a text that WhatsApp has approved beforehand, the only thing
 * that it takes once the customer has been silent for 24 hours; a draft is *stale* when a person has written in the chat, or changed a message,
 * since what it knows.
 */
import { z } from 'zod';
import { Customer, Id, Key, OnBehalfOf, Timestamp } from './common.ts';
import { Channel } from './inbox.ts';
import { contract, event, method } from './kit/define.ts';

/** How far a delivery came. It never goes back; failed is an end. */
export const DeliveryStatus = z.enum(['queued', 'sent', 'delivered', 'read', 'played', 'failed']);
/** A person of the staff, or a program: whatever calls over the bus but the command line, and whatever holds an API key that names no person. */
export const Author = z.enum(['person', 'program']);
const ExternalId = z.string().min(1).max(128).describe('As the channel writes it.');
const spaces = '\\s\\u2800\\u3164\\uffa0\\u115f\\u1160\\ufeff';
const joiners = '\\u00ad\\u034f\\u061c\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufe00-\\ufe0f';
/** One character that a reader sees. */
const visible = new RegExp(`[^${spaces}${joiners}]`);
const Text = z
  .string()
  .max(4096)
  // Invisible characters are no words: whoever approves would see nothing, and a channel refuses it.
  .regex(visible, 'some words that can be seen')
  .meta({ pii: 'text' })
  .describe('At most 4,096 UTF-16 units, as the channels count. A longer one is refused, not split: half of an answer could go out.');
const Template = z.strictObject({
  name: z
    .string()
    .max(512)
    .regex(/^[a-z0-9_]+$/, 'lower case, digits and _'),
  language: z
    .string()
    .max(10)
    .regex(/^[a-z]{2,3}(_[A-Z]{2})?$/, 'a language of WhatsApp, e.g. ru or en_US'),
  parameters: z
    .array(z.string().min(1).max(1024).meta({ pii: 'text' }))
    .max(20)
    .default([]),
});
const answers = Id.nullable().describe('The last message of the customer that the draft knows; null when there is none.');
const knows = Id.nullable().describe('The youngest act of a person in the chat that the draft knows; null when there is none.');
const reason = z.string().max(64).nullable().describe('Why it failed: stale, rejected, expired, cancelled, blocked, window_closed, …');
const rules = {
  opted_out: 'permission_denied',
  stale: 'conflict',
  blocked: 'failed_precondition',
  window_closed: 'failed_precondition',
  chat_off: 'conflict',
  wrong_channel: 'invalid_argument',
  other_chat: 'invalid_argument',
} as const;

export const messages = contract('messages', '1.0.0', {
  send_message: method({
    summary: 'Write to a chat. Where the policy asks for it a person approves first.',
    input: z.strictObject({
      chatId: Id.describe('The chat, as list_messages names it.'),
      channel: Channel.optional().describe('Refused when the chat is of another one.'),
      text: Text.describe('What goes out; with a template, what people here see of it. At most 4,096 UTF-16 units.'),
      replyTo: Id.optional().describe('Our id of a message of that chat.'),
      answers: Id.optional().describe('The message of the customer that this answers. Default: the last one.'),
      knows: Id.optional().describe(
        'lastActId of the chat as you read it; refused as stale when a person has written, or changed a message, since. Default: answers, else the youngest act.',
      ),
      template: Template.optional().describe('Of WhatsApp.'),
      onBehalfOf: OnBehalfOf.describe('Who writes, as the service that asks knows them.'),
    }),
    output: z.object({
      id: Id.describe('Of the delivery; under it, the draft is approved, rejected or edited.'),
      state: z.enum(['pending', 'queued']).describe('pending: it waits for approval.'),
    }),
    idempotency: 'keyed',
    reaches: 'customer',
    unhashed: ['onBehalfOf'],
    http: { route: 'POST /api/v1/send', actor: 'onBehalfOf' },
    errors: rules,
    examples: [{ chatId: 'chat_0mhd2k4a1x9f3k2m8q0z', text: 'Иван, курьер будет до 10:30.' }],
  }),
  deliver: method({
    summary: 'Hand a message to its channel, once.',
    input: z.strictObject({
      channel: Channel,
      chatId: Id,
      botId: z.string().max(32),
      to: ExternalId.meta({ pii: 'phone' }).describe('The chat, as the channel calls it.'),
      isGroup: z.boolean(),
      customer: Customer.nullable().default(null),
      text: Text,
      replyTo: ExternalId.nullable(),
      threadId: ExternalId.nullable(),
      template: Template.nullable(),
      answers,
      knows: knows.default(null),
      author: Author.default('program'),
      writtenBy: z.string().max(100).nullable().default(null).describe('The service or the client that wrote it.'),
    }),
    output: z.object({
      externalId: ExternalId.optional(),
      to: ExternalId.optional().meta({ pii: 'phone' }).describe('Where it went: a group may have become a supergroup.'),
      text: Text.optional(),
      threadId: ExternalId.nullable().optional().describe('The topic that it went to.'),
      replyTo: ExternalId.nullable().optional(),
      at: Timestamp.optional(),
    }),
    idempotency: 'keyed',
    approval: 'staff',
    editable: ['text', 'replyTo', 'template'],
    lane: 'chatId',
    reaches: 'customer',
    settles: true,
    ttlMs: 3_600_000,
    timeoutMs: 15_000,
    roles: ['sender'],
    errors: { ...rules, stale: 'failed_precondition', opted_out: 'failed_precondition', chat_off: 'failed_precondition' },
  }),
  get_delivery: method({
    summary: 'How far a message of ours came.',
    input: z.strictObject({ id: Id }),
    output: z.object({
      id: Id,
      key: Key,
      channel: Channel,
      chatId: Id,
      status: DeliveryStatus.describe('queued: it waits for approval, for its time, or for a person who finds out whether it went out.'),
      reason,
      inReview: z
        .boolean()
        .describe('An attempt went out and its outcome is not known: POST /api/v1/sandbox/{id}/resolve says what became of it.'),
      waitsFor: Id.nullable().describe('The message of this chat whose outcome is not known: this one waits behind it.'),
      externalId: ExternalId.nullable(),
      answers,
      createdAt: Timestamp,
      changedAt: Timestamp,
    }),
    idempotency: 'read',
    http: 'GET /api/v1/send/{id}',
  }),
  message_sent: event({
    summary: 'The channel took a message of ours; told once each.',
    payload: z.object({
      id: Id,
      chatId: Id,
      channel: Channel,
      botId: z.string().max(32),
      externalId: ExternalId,
      text: Text,
      threadId: ExternalId.nullable().default(null),
      replyToExternalId: ExternalId.nullable().default(null),
      author: Author.default('program'),
      key: Key,
      at: Timestamp,
    }),
    key: 'chatId',
  }),
  delivery_changed: event({
    summary: 'A message of ours came further, or failed.',
    payload: z.object({ id: Id, chatId: Id, status: DeliveryStatus, reason, at: Timestamp }),
    key: 'id',
  }),
});
