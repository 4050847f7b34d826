/**
 * Messages to customers: proposed, approved where the policy requires it, and sent through the channel of the chat.
 *
 * Glossary: a *delivery* is one message on its way to one chat; a *template* is a text that the channel has approved in advance, the only kind
 * that some channels accept after the customer has been silent for a while; a draft is *stale* when a later act in the chat is not among those it knows.
 */
import { z } from 'zod';
import { Choices, Media } from './choices.ts';
import { Actor, Customer, Id, Key, Nothing, OnBehalfOf, PageInput, pageOf, Timestamp, visible } from './common.ts';
import { Channel } from './inbox.ts';
import { contract, event, method } from './kit/define.ts';

/** Delivery status. It only moves forward; failed is final. */
export const DeliveryStatus = z.enum(['queued', 'sent', 'delivered', 'read', 'played', 'failed']);
/** A person of the staff, or a program: any caller on the bus except the command line, and any API key without a person. */
export const Author = z.enum(['person', 'program']);
const ExternalId = z.string().min(1).max(128).describe('As named by the channel.');
const Text = z
  .string()
  .max(4096)
  // A text of invisible characters would look empty to the approver, and a channel refuses it.
  .regex(visible, 'at least one visible character')
  .meta({ pii: 'text' })
  .describe('At most 4,096 UTF-16 units, as the channels count them. A longer text is refused, not split, since half of it could be sent.');
const Template = z.strictObject({
  name: z
    .string()
    .max(512)
    .regex(/^[a-z0-9_]+$/, 'lower case, digits and _'),
  language: z
    .string()
    .max(10)
    .regex(/^[a-z]{2,3}(_[A-Z]{2})?$/, 'a language, e.g. ru or en_US'),
  parameters: z
    .array(z.string().min(1).max(1024).meta({ pii: 'text' }))
    .max(20)
    .default([]),
});
const answers = Id.nullable().describe('The last message of the customer that the draft takes into account; null when there is none.');
const knows = Id.nullable().describe('The latest act in the chat that the draft takes into account; null when there is none.');
const reason = z
  .string()
  .max(64)
  .nullable()
  .describe('Reason of a failure: stale, rejected, expired, cancelled, blocked, window_closed, …');
const Draft = z.object({
  id: Id.describe('Id of the delivery; also used to approve, reject or edit the draft.'),
  state: z.enum(['pending', 'queued']).describe('pending: waits for approval.'),
});
const choices = Choices.nullable().default(null);
const media = Media.nullable().default(null);
const rules = {
  opted_out: 'permission_denied',
  stale: 'conflict',
  blocked: 'failed_precondition',
  window_closed: 'failed_precondition',
  chat_off: 'conflict',
  wrong_channel: 'invalid_argument',
  other_chat: 'invalid_argument',
} as const;
/** Limits of the channel for choices and media. */
const limits = {
  text_too_long: 'invalid_argument',
  too_many_options: 'invalid_argument',
  media_too_large: 'invalid_argument',
  not_together: 'invalid_argument',
} as const;

export const messages = contract('messages', '1.0.0', {
  send_message: method({
    summary: 'Send a message to a chat. Where the policy requires it, a person approves it first.',
    input: z.strictObject({
      chatId: Id.describe('The chat, as in list_messages.'),
      channel: Channel.optional().describe('Refused when the chat belongs to another channel.'),
      text: Text.describe('Text to send; with a template, the text shown to staff. At most 4,096 UTF-16 units.'),
      replyTo: Id.optional().describe('Id of a message in the same chat, as in list_messages.'),
      answers: Id.optional().describe('The message of the customer that this replies to. Default: the last one.'),
      knows: Id.optional().describe(
        'lastActId of the chat when it was read; refused as stale after a later act. Default: answers, or else the latest act.',
      ),
      template: Template.optional().describe('A template, in a channel that has them.'),
      onBehalfOf: OnBehalfOf.describe('The author, as named by the calling service.'),
    }),
    output: Draft,
    idempotency: 'keyed',
    reaches: 'customer',
    unhashed: ['onBehalfOf'],
    http: { route: 'POST /api/v1/send', actor: 'onBehalfOf' },
    errors: rules,
    examples: [{ chatId: 'chat_0mhd2k4a1x9f3k2m8q0z', text: 'Иван, курьер будет до 10:30.' }],
  }),
  send_reply: method({
    summary: 'Send a reply of the dialog to a chat, with options to choose from or a file.',
    input: z.strictObject({
      chatId: Id,
      text: Text.describe('With a file, its caption. Some channels limit it to 1,024 UTF-16 units beside options or a file.'),
      choices: Choices.optional(),
      media: Media.optional(),
      answers: Id.optional().describe('The message of the customer that this replies to. Default: the last one.'),
      knows: Id.optional().describe('lastActId of the chat when it was read; refused as stale after a later act.'),
      mode: z
        .enum(['auto', 'draft'])
        .describe('auto: sent without approval, unless staff has taken over the chat. draft: a person approves it first.'),
      isReceipt: z.boolean().default(false).describe('States what was done: it is never stale, even if the customer has written since.'),
    }),
    output: Draft,
    idempotency: 'keyed',
    reaches: 'customer',
    roles: ['dialog-orchestrator'],
    errors: { ...rules, ...limits },
  }),
  deliver: method({
    summary: 'Hand a message to its channel, once.',
    input: z.strictObject({
      channel: Channel,
      chatId: Id,
      botId: z.string().max(32),
      to: ExternalId.meta({ pii: 'phone' }).describe('The chat, as named by the channel.'),
      isGroup: z.boolean(),
      customer: Customer.nullable().default(null),
      text: Text,
      replyTo: ExternalId.nullable(),
      threadId: ExternalId.nullable(),
      template: Template.nullable(),
      choices,
      media,
      isReceipt: z.boolean().default(false),
      answers,
      knows: knows.default(null),
      author: Author.default('program'),
      writtenBy: z.string().max(100).nullable().default(null).describe('The service or the client that wrote the message.'),
    }),
    output: z.object({
      externalId: ExternalId.optional(),
      to: ExternalId.optional().meta({ pii: 'phone' }).describe('The chat to which it was sent: a group may have become a supergroup.'),
      text: Text.optional(),
      threadId: ExternalId.nullable().optional().describe('The topic to which it was sent.'),
      replyTo: ExternalId.nullable().optional(),
      choices: Choices.nullable().optional().describe('The options that the channel shows.'),
      media: Media.nullable().optional(),
      at: Timestamp.optional(),
    }),
    idempotency: 'keyed',
    approval: 'staff',
    // Not choices: a person would change the meaning of a token that its sender has bound to something.
    editable: ['text', 'replyTo', 'template'],
    lane: 'chatId',
    reaches: 'customer',
    settles: true,
    ttlMs: 3_600_000,
    timeoutMs: 15_000,
    roles: ['sender'],
    errors: {
      ...rules,
      ...limits,
      stale: 'failed_precondition',
      opted_out: 'failed_precondition',
      chat_off: 'failed_precondition',
      media_gone: 'failed_precondition',
    },
  }),
  settle_press: method({
    summary: 'Tell the channel that a press of a button has arrived, and remove the buttons once a choice is made.',
    input: z.strictObject({
      channel: Channel,
      botId: z.string().max(32),
      queryId: ExternalId.describe('Names the press.'),
      title: z.string().max(64).nullable().meta({ pii: 'text' }).describe('Shown to the person who pressed.'),
      offered: z
        .strictObject({ to: ExternalId.meta({ pii: 'phone' }), externalId: ExternalId })
        .nullable()
        .describe('The message whose buttons are removed; null for a message that this service did not send.'),
    }),
    output: Nothing,
    idempotency: 'keyed',
    timeoutMs: 15_000,
    roles: ['sender'],
  }),
  get_delivery: method({
    summary: 'Delivery status of an outbound message.',
    input: z.strictObject({ id: Id }),
    output: z.object({
      id: Id,
      key: Key,
      channel: Channel,
      chatId: Id,
      status: DeliveryStatus.describe('queued: waits for approval, for its time, or for a person who resolves its outcome.'),
      reason,
      inReview: z.boolean().describe('The outcome of an attempt is unknown: resolve it with POST /api/v1/sandbox/{id}/resolve.'),
      waitsFor: Id.nullable().describe('The message of this chat whose outcome is unknown; this one waits for it.'),
      externalId: ExternalId.nullable(),
      answers,
      createdAt: Timestamp,
      changedAt: Timestamp,
    }),
    idempotency: 'read',
    http: 'GET /api/v1/send/{id}',
  }),
  list_templates: method({
    summary: 'Templates of a channel, with their state at the provider, which keeps them: they are made and approved there.',
    input: z.strictObject({ channel: Channel.optional().describe('Default: the first channel that has templates.'), ...PageInput }),
    output: pageOf(
      z.object({
        channel: Channel,
        name: z.string().max(512),
        language: z.string().max(20),
        state: z.string().max(40).describe('As the provider names it: APPROVED, PENDING, REJECTED, …'),
        category: z.string().max(40).nullable(),
        text: z.string().max(4096).describe('The body, with {{1}}, {{2}}, … for the parameters.'),
        parameters: z.int().min(0).max(100).describe('Parameters of the body.'),
      }),
    ),
    idempotency: 'read',
    http: 'GET /api/v1/templates',
    errors: {
      unsupported: 'unimplemented',
      no_account: 'failed_precondition',
      no_token: 'failed_precondition',
      upstream_credentials: 'failed_precondition',
      upstream_permission: 'failed_precondition',
    },
  }),
  message_sent: event({
    summary: 'The channel accepted an outbound message. Emitted once for each message.',
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
      choices: choices.describe('The options that the channel shows.'),
      media,
      knows: Id.nullable().default(null).describe('The latest act in the chat that its author knew; null: unknown.'),
      writtenBy: Actor.nullable().default(null),
      approvedBy: z.array(Actor).max(10).default([]).describe('People of the staff who approved it.'),
      key: Key,
      at: Timestamp,
    }),
    key: 'chatId',
  }),
  delivery_made: event({
    summary: 'A message was drafted: it waits for approval, or is on its way.',
    payload: z.object({ id: Id, chatId: Id, at: Timestamp }),
    key: 'id',
  }),
  delivery_changed: event({
    summary: 'Delivery status of an outbound message changed.',
    payload: z.object({ id: Id, chatId: Id, status: DeliveryStatus, reason, at: Timestamp }),
    key: 'id',
  }),
});
