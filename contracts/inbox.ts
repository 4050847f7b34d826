/**
 * Messages from customers: every channel, each message stored once, with its sender.
 *
 * Glossary: a *chat* is a conversation with one bot (private, a group, a channel); a *customer* is a person who is neither
 * staff nor a bot, and `customerId` is the id of any author, since a role may change; a *bot* is one connection to a channel, such as a bot's account or a business number; an *update* is anything that a channel delivers;
 * an *act* is a message of a customer or of staff, or a change of one. Ids of messages and of changes come from one sequence and sort by the order of storing.
 */
import { z } from 'zod';
import { OptionId } from './choices.ts';
import {
  Actor,
  Bytes,
  Cursor,
  FilePart,
  Id,
  OnBehalfOf,
  PageInput,
  Part,
  PersonText,
  Phone,
  pageOf,
  RawRequest,
  Timestamp,
  Viewer,
} from './common.ts';
import { Content, FileKind } from './content.ts';
import { Classified, Intent } from './intents.ts';
import { contract, event, method } from './kit/define.ts';

/** An open name: `adapters/channel/index.ts` lists the channels. */
export const Channel = z
  .string()
  .max(32)
  .regex(/^[a-z][a-z0-9_]*$/, 'the name of a channel')
  .meta({ open: true })
  .describe('The name of a channel. `site`: messages over the HTTP API, for example from the chat of a website.');
export const ChatKind = z.enum(['private', 'group', 'supergroup', 'channel']);
export const MessageKind = z.enum(['text', 'voice', 'photo', 'document', 'contact', 'location', 'service', 'other']);
export const UserRole = z.enum(['admin', 'director', 'manager', 'broadcast_bot', 'assistant_bot', 'client']);
/** Who answers in a chat: the bot; staff, who approve each draft of a program; or nobody, so that nothing is sent. */
export const ChatOwner = z.enum(['bot', 'human', 'off']);
/** How a message changed: its text was edited, or it was withdrawn. */
export const MessageChange = z.enum(['edited', 'removed']);
/** Delivery status of an outbound message. It only moves forward; failed is final. */
export const DeliveryStatus = z.enum(['sent', 'delivered', 'read', 'played', 'failed']);

const count = z.int().min(0);
/** An identifier of a channel, as written by the channel. */
const ExternalId = z.string().min(1).max(128);
/** Id of a bot, as numbered by the channel. */
const BotId = z
  .string()
  .max(32)
  .regex(/^\d{1,32}$/, 'the digits of a bot or a phone number id');
/** The login of a person of the staff. */
const PersonId = z
  .string()
  .max(40)
  .regex(/^[a-z0-9][a-z0-9_.-]*$/, 'lower-case letters, digits, . - and _');
const Name = z.string().max(300).meta({ pii: 'name' });
/** `customerId` under a former name: read in requests, and repeated in replies and events. */
const Former = Id.meta({ deprecated: true }).describe('Former name of customerId.');
const CustomerId = Id.describe('Id of the customer, or of another author.');
/** Absent in an event that was stored under the former name. */
const EventCustomerId = CustomerId.optional();
const Sender = z.object({ customerId: CustomerId, userId: Former, name: Name, role: UserRole, isStaff: z.boolean(), isBot: z.boolean() });
const Delivery = z.object({ status: DeliveryStatus, errorCode: z.string().max(16).nullable(), at: Timestamp });
const Message = z.object({
  messageId: Id,
  chatId: Id,
  channel: Channel,
  botId: BotId,
  externalId: ExternalId,
  sender: Sender.nullable(),
  direction: z.enum(['in', 'out']),
  kind: MessageKind,
  text: PersonText.describe(
    'Text. For a voice message, its transcript once available. Cut to 4,096 characters; get_message returns all of it.',
  ),
  isCut: z.boolean(),
  content: z.array(Content).max(100).describe('Content besides text: a location, an order, a choice, a forward, …'),
  threadId: ExternalId.nullable().describe('Topic of a forum.'),
  albumId: ExternalId.nullable().describe('Shared by messages that were sent as one album.'),
  replyToExternalId: ExternalId.nullable(),
  isForwarded: z.boolean(),
  sentAt: Timestamp,
  editedAt: Timestamp.nullable(),
  removedAt: Timestamp.nullable().describe('When the message was withdrawn. A withdrawn message has no text.'),
  receivedAt: Timestamp,
  intent: Intent.nullable().describe('Null until the message is classified.'),
  isCertain: Classified.shape.isCertain.nullable(),
  confidence: Classified.shape.confidence.nullable(),
  isUrgent: z.boolean(),
  file: z
    .object({ contentType: z.string().max(100), bytes: count.nullable(), durationMs: count.nullable(), isKept: z.boolean() })
    .nullable()
    .describe('Recording of a voice message; isKept is true once it is stored.'),
  files: z
    .array(
      z.object({
        n: z.int().min(0).max(99),
        kind: FileKind,
        name: Name.nullable(),
        contentType: z.string().max(100),
        bytes: count.nullable(),
        durationMs: count.nullable(),
        isKept: z.boolean().describe('True once the file can be read.'),
      }),
    )
    .max(100)
    .describe('Files can be read at /api/v1/messages/{messageId}/files/{n}.'),
  writtenBy: Actor.nullable()
    .default(null)
    .describe('Of a message of the business: the program or the person who wrote it, if it is known.'),
  approvedBy: z.array(Actor).max(10).default([]).describe('People of the staff who approved it.'),
  reactions: z
    .array(z.object({ customerId: CustomerId, userId: Former, emojis: z.array(z.string().max(64)).max(20), at: Timestamp }))
    .max(1000)
    .describe('Reactions to the message.'),
  delivery: Delivery.nullable().default(null).describe('Of an outbound message: its latest delivery status, if the channel reports one.'),
});
const Chat = z.object({
  chatId: Id,
  channel: Channel,
  botId: BotId,
  externalId: ExternalId,
  kind: ChatKind,
  title: Name.nullable(),
  owner: ChatOwner,
  isReachable: z.boolean().describe('False after the customer blocked the bot, or the bot was removed.'),
  lastInboundAt: Timestamp.nullable().describe('When the customer last wrote. Some channels accept free text only for a time after that.'),
  lastMessageId: Id.nullable(),
  lastActId: Id.nullable().describe('The latest act in the chat. Pass it to send_message as `knows`.'),
  assignedTo: PersonId.nullable().default(null).describe('The person of the staff who is in charge of the chat.'),
  canRequestContact: z.boolean().default(false).describe('The channel has a button with which the customer shares their own contact.'),
});
const Note = z.object({ noteId: Id, chatId: Id, text: PersonText, who: Actor, at: Timestamp });
const ListedChat = Chat.extend({
  customer: z
    .object({ customerId: CustomerId, name: Name, phoneNumber: z.string().max(20).nullable().meta({ pii: 'phone' }) })
    .nullable()
    .describe('The customer who wrote last.'),
  lastMessage: z
    .object({
      messageId: Id,
      text: z.string().max(200).meta({ pii: 'text' }),
      kind: MessageKind,
      direction: z.enum(['in', 'out']),
      isStaff: z.boolean(),
      sentAt: Timestamp,
    })
    .nullable()
    .describe('The latest message, with the beginning of its text.'),
  lastMessageAt: Timestamp,
  intent: Intent.nullable().describe('Of the last message of the customer.'),
  isUrgent: z.boolean().describe('One of the unanswered messages is urgent.'),
  waitingSince: Timestamp.nullable().describe('When the oldest message of a customer without an answer was sent.'),
  unanswered: count.describe('Messages of customers after the last answer of staff or the bot.'),
});
const Client = z.object({
  customerId: CustomerId,
  clientId: Former,
  channel: Channel,
  name: Name,
  username: z.string().max(64).nullable().meta({ pii: 'name' }),
  phoneNumber: z.string().max(20).nullable().meta({ pii: 'phone' }),
  isPhoneProved: z
    .boolean()
    .default(false)
    .describe('The channel verified the phone, or the customer shared their own contact; otherwise somebody stated it.'),
  role: UserRole,
  messages: count,
  firstSeenAt: Timestamp,
  lastSeenAt: Timestamp,
  mergedIds: z.array(CustomerId).max(200).default([]).describe('Customers whom the staff has merged into this one.'),
});
const SiteMessage = {
  from: ExternalId.describe('Id of the author at the site. Each author has a separate chat.'),
  name: Name.optional(),
  phoneNumber: Phone.optional(),
  text: PersonText.regex(/\S/, 'at least one visible character'),
  choice: OptionId.optional().describe('The option that the author chose, with its title as the text.'),
  messageId: ExternalId.optional().describe("The site's id of the message. Repeating it has no effect."),
};
const StoredAs = z.object({ messageId: Id, chatId: Id });
const Span = { since: Timestamp.optional(), until: Timestamp.optional() };
const Stored = z.object({ updates: count, messages: count.describe('Messages that this call stored for the first time.') });

export const inbox = contract('inbox', '1.0.0', {
  list_messages: method({
    summary: 'List messages, newest first, or in the order of storing.',
    input: z.strictObject({
      order: z
        .enum(['sent', 'stored'])
        .default('sent')
        .describe(
          'stored: oldest first, in the order in which messages became visible. nextCursor is never null; a follower that requests again with it misses no message.',
        ),
      storedSince: Timestamp.optional().describe(
        'Start of order=stored without a cursor. With a time in the future, the list starts at the next message.',
      ),
      chatId: Id.optional(),
      customerId: Id.optional().describe('The author.'),
      clientId: Former.optional(),
      intent: Intent.optional(),
      role: UserRole.optional().describe('Role of the author.'),
      ...Span,
      q: z
        .string()
        .trim()
        .min(1)
        .max(200)
        .optional()
        .meta({ pii: 'text' })
        .describe(
          'Words in any form; "in quotes" as a phrase, -word to exclude. Numbers and phones match by any four or more of their digits. Also matches emoji, parts of an address, and words typed in the wrong keyboard layout or alphabet.',
        ),
      viewer: Viewer,
      ...PageInput,
    }),
    output: pageOf(Message.extend({ cursor: Cursor.optional().describe('With order=stored: continues after this message.') })),
    idempotency: 'read',
    http: { route: 'GET /api/v1/messages', viewer: 'viewer' },
    examples: [{ q: 'цветок', role: 'client' }],
  }),
  get_message: method({
    summary: 'Get a message with its full text and its versions before edits.',
    input: z.strictObject({ messageId: Id, viewer: Viewer }),
    output: Message.extend({
      text: z.string().max(300_000).meta({ pii: 'text' }),
      versions: z.array(z.object({ at: Timestamp, text: PersonText })).max(100),
      answers: z
        .object({ messageId: Id, text: PersonText, isOurs: z.boolean().describe('Sent by the business: by its staff or a bot.') })
        .nullable()
        .describe('The message that it replies to, or else the last earlier message from another sender.'),
    }),
    idempotency: 'read',
    http: { route: 'GET /api/v1/messages/{messageId}', viewer: 'viewer' },
  }),
  list_deliveries: method({
    summary: 'List delivery statuses of outbound messages that their channel reported, latest report first.',
    input: z.strictObject({ chatId: Id.optional(), viewer: Viewer, ...PageInput }),
    output: pageOf(Delivery.extend({ messageId: Id, chatId: Id })),
    idempotency: 'read',
    http: { route: 'GET /api/v1/deliveries', viewer: 'viewer' },
  }),
  message_totals: method({
    summary: 'Count messages by kind and role.',
    input: z.strictObject({ ...Span, viewer: Viewer }),
    output: z.object({
      messages: count,
      inbound: count,
      outbound: count,
      chats: count,
      clients: count.describe('Customers who wrote at least one of them.'),
      byKind: z.record(MessageKind, count),
      byRole: z.record(UserRole, count),
    }),
    idempotency: 'read',
    http: { route: 'GET /api/v1/messages/stats/total', viewer: 'viewer' },
  }),
  list_clients: method({
    summary: 'List customers, most recently active first.',
    input: z.strictObject({
      role: UserRole.default('client'),
      channel: Channel.optional(),
      phoneNumber: Phone.optional().describe('Only customers with this phone, in every channel.'),
      q: z
        .string()
        .trim()
        .min(1)
        .max(100)
        .optional()
        .meta({ pii: 'name' })
        .describe(
          'Part of the name, the user name, or the phone number in any spelling, or words that the customer wrote. For a frequent word, of the latest messages.',
        ),
      viewer: Viewer,
      ...PageInput,
    }),
    output: pageOf(Client),
    idempotency: 'read',
    http: { route: 'GET /api/v1/clients', viewer: 'viewer' },
  }),
  get_client: method({
    summary: 'Get a customer.',
    input: z.strictObject({ customerId: CustomerId.optional(), clientId: Former.optional(), viewer: Viewer }),
    output: Client,
    idempotency: 'read',
    http: { route: 'GET /api/v1/clients/{customerId}', viewer: 'viewer' },
  }),
  client_messages: method({
    summary: 'List the messages of a customer, newest first.',
    input: z.strictObject({ customerId: CustomerId.optional(), clientId: Former.optional(), ...Span, viewer: Viewer, ...PageInput }),
    output: pageOf(Message),
    idempotency: 'read',
    http: { route: 'GET /api/v1/clients/{customerId}/messages', viewer: 'viewer' },
  }),
  client_history: method({
    summary:
      'History of a customer in every channel, newest first: their private chats, what they wrote in groups, and notes of the staff. Customers with the same phone count as one.',
    input: z.strictObject({ customerId: CustomerId, viewer: Viewer, ...PageInput }),
    output: pageOf(z.object({ at: Timestamp, message: Message.nullable(), note: Note.nullable() }).describe('Either a message or a note.')),
    idempotency: 'read',
    http: { route: 'GET /api/v1/clients/{customerId}/history', viewer: 'viewer' },
  }),
  active_clients: method({
    summary: 'Customers with the most messages in recent days.',
    input: z.strictObject({ days: z.int().min(1).max(366).default(7), limit: z.int().min(1).max(200).default(20), viewer: Viewer }),
    output: z.object({ since: Timestamp, total: count, items: z.array(Client.extend({ recentMessages: count })).max(200) }),
    idempotency: 'read',
    http: { route: 'GET /api/v1/clients/stats/active', viewer: 'viewer' },
  }),
  merge_clients: method({
    summary:
      'Merge a customer into another one: the staff knows that both are one client. Each chat remains in its channel. It cannot be undone. A manager must see every chat of both.',
    input: z.strictObject({
      customerId: CustomerId.describe('The customer who is merged. Their id refers to the other one from then on.'),
      into: CustomerId.describe('The customer who remains.'),
      onBehalfOf: OnBehalfOf,
      viewer: Viewer,
    }),
    output: Client,
    idempotency: 'idempotent',
    roles: ['operator', 'gateway'],
    http: {
      route: 'POST /api/v1/clients/{customerId}/merge',
      actor: 'onBehalfOf',
      viewer: 'viewer',
      scope: 'admin',
      people: ['manager', 'director', 'admin'],
    },
    errors: { not_clients: 'failed_precondition', not_whole: 'permission_denied' },
  }),
  list_client_merges: method({
    summary: 'List merges of clients, newest first, with the person who made each.',
    input: z.strictObject({ viewer: Viewer, ...PageInput }),
    output: pageOf(z.object({ mergeId: Id, customerId: CustomerId, into: CustomerId, who: Actor, at: Timestamp })),
    idempotency: 'read',
    http: { route: 'GET /api/v1/clients/merges', viewer: 'viewer', people: ['manager', 'director', 'admin'] },
  }),
  set_role: method({
    summary: 'Set the role of a person: customer, staff or bot.',
    input: z.strictObject({ customerId: CustomerId.optional(), userId: Former.optional(), role: UserRole }),
    output: Client,
    idempotency: 'idempotent',
    roles: ['operator', 'gateway'],
    http: { route: 'POST /api/v1/inbox/set_role', people: ['director', 'admin'] },
  }),
  erase_person: method({
    summary:
      'Erase a customer: name, phone, channel ids, texts and files, in messages, drafts, the journal, events and raw updates. Rows remain, without content. Work in progress for the customer is cancelled.',
    input: z.strictObject({ customerId: CustomerId.optional(), userId: Former.optional() }),
    output: z.object({
      customerId: CustomerId,
      userId: Former,
      messages: count.describe('Messages of the customer, and in private chats with them.'),
    }),
    idempotency: 'idempotent',
    timeoutMs: 60_000,
    roles: ['operator', 'gateway'],
    http: { route: 'POST /api/v1/inbox/erase_person', people: ['admin'] },
  }),
  erase_external_id: method({
    summary:
      'Erase a customer by their channel id, e.g. a phone. Also works for an unknown customer, who may still appear in an unreadable update.',
    input: z.strictObject({ channel: Channel, externalId: ExternalId.min(5).meta({ pii: 'phone' }) }),
    output: z.object({ customerId: CustomerId.nullable(), userId: Former.nullable(), messages: count }),
    idempotency: 'idempotent',
    timeoutMs: 60_000,
    roles: ['operator', 'gateway'],
    http: { route: 'POST /api/v1/inbox/erase_external_id', people: ['admin'] },
  }),
  chat_context: method({
    summary: 'Get a chat with its latest messages, oldest first.',
    input: z.strictObject({ chatId: Id, limit: z.int().min(1).max(50).default(20), viewer: Viewer }),
    output: z.object({ chat: Chat, messages: z.array(Message).max(50) }),
    idempotency: 'read',
    http: { route: 'GET /api/v1/chats/{chatId}', viewer: 'viewer' },
  }),
  list_chats: method({
    summary: 'List chats by their last activity, or by who waits longest for an answer.',
    input: z.strictObject({
      order: z
        .enum(['activity', 'waiting'])
        .default('activity')
        .describe('activity: latest first. waiting: only chats that wait for an answer, longest first.'),
      assigned: z.enum(['mine', 'nobody', 'others', 'all']).default('all'),
      of: PersonId.optional().describe('Whose chats mine means. Default: those of the person who looks.'),
      channel: Channel.optional(),
      intent: Intent.optional(),
      owner: ChatOwner.optional(),
      isUrgent: z.boolean().optional(),
      isWaiting: z.boolean().optional(),
      customerId: Id.optional().describe('Only chats in which this customer has written.'),
      q: z
        .string()
        .trim()
        .min(1)
        .max(200)
        .optional()
        .meta({ pii: 'text' })
        .describe(
          'Words of a message as in list_messages, or a part of the name, user name or phone of a customer. For a frequent word, of the latest messages.',
        ),
      viewer: Viewer,
      ...PageInput,
    }),
    output: pageOf(ListedChat),
    idempotency: 'read',
    http: { route: 'GET /api/v1/chats', viewer: 'viewer' },
    examples: [{ order: 'waiting', assigned: 'nobody' }],
  }),
  chat_totals: method({
    summary: 'Count chats that wait for an answer. Each number is that of list_chats with the same filters and isWaiting.',
    input: z.strictObject({ of: PersonId.optional().describe('As in list_chats.'), viewer: Viewer }),
    output: z.object({
      waiting: count,
      urgent: count.describe('isUrgent.'),
      forPerson: count.describe('owner=human.'),
      unassigned: count.describe('assigned=nobody.'),
      mine: count.nullable().describe('assigned=mine; null when nobody is named.'),
      oldestAt: Timestamp.nullable().describe('Since when the first of them waits.'),
    }),
    idempotency: 'read',
    http: { route: 'GET /api/v1/chats/stats/total', viewer: 'viewer' },
  }),
  set_chat_owner: method({
    summary: 'Set who answers in a chat. A message by staff takes the chat over for a while.',
    input: z.strictObject({
      chatId: Id,
      owner: ChatOwner,
      forMs: z
        .int()
        .min(1)
        .max(30 * 86_400_000)
        .optional()
        .describe('How long staff has the chat; without it, until it is set otherwise.'),
      viewer: Viewer,
    }),
    output: Chat,
    idempotency: 'idempotent',
    http: { route: 'POST /api/v1/chats/{chatId}/owner', viewer: 'viewer', people: ['manager', 'director', 'admin'] },
    roles: ['operator', 'gateway', 'sender', 'dialog-orchestrator'],
  }),
  assign_chat: method({
    summary: 'Put a person of the staff in charge of a chat, or nobody. Other managers no longer see it.',
    input: z.strictObject({ chatId: Id, personId: PersonId.nullable(), onBehalfOf: OnBehalfOf, viewer: Viewer }),
    output: Chat,
    idempotency: 'idempotent',
    roles: ['operator', 'gateway'],
    http: {
      route: 'POST /api/v1/chats/{chatId}/assign',
      actor: 'onBehalfOf',
      viewer: 'viewer',
      scope: 'send',
      people: ['manager', 'director', 'admin'],
    },
  }),
  add_note: method({
    summary: 'Add a note about a chat for the staff. It is never sent, and neither the classifier nor the agent reads it.',
    input: z.strictObject({
      chatId: Id,
      text: PersonText.regex(/\S/, 'at least one visible character'),
      onBehalfOf: OnBehalfOf,
      viewer: Viewer,
    }),
    output: Note,
    idempotency: 'keyed',
    unhashed: ['onBehalfOf', 'viewer'],
    http: { route: 'POST /api/v1/chats/{chatId}/notes', actor: 'onBehalfOf', viewer: 'viewer' },
    examples: [{ chatId: 'chat_0mx21odz83hjfne9r3blo', text: 'Позвонить после обеда' }],
  }),
  list_notes: method({
    summary: 'Notes of the staff about a chat, newest first.',
    input: z.strictObject({ chatId: Id, viewer: Viewer, ...PageInput }),
    output: pageOf(Note),
    idempotency: 'read',
    http: { route: 'GET /api/v1/chats/{chatId}/notes', viewer: 'viewer' },
  }),
  read_file: method({
    summary: 'Read part of a file of a message. Over HTTP, the whole file or a Range.',
    input: z.strictObject({ messageId: Id, n: z.int().min(0).max(99), viewer: Viewer, ...Part }),
    output: FilePart,
    idempotency: 'read',
    http: { route: 'GET /api/v1/messages/{messageId}/files/{n}', reply: 'ranged', viewer: 'viewer' },
    errors: { not_kept: 'failed_precondition' },
  }),
  get_voice: method({
    summary: 'Read part of the recording of a voice message. Over HTTP, all of it or a Range.',
    input: z.strictObject({ messageId: Id, viewer: Viewer, ...Part }),
    output: FilePart,
    idempotency: 'read',
    http: { route: 'GET /api/v1/messages/{messageId}/voice', reply: 'ranged', viewer: 'viewer' },
    errors: { not_kept: 'failed_precondition' },
  }),
  put_message: method({
    summary: "Store a message from a website's chat or another source without an adapter. Replies can be read in the same chat.",
    input: z.strictObject({
      ...SiteMessage,
      waitMs: z
        .int()
        .min(0)
        .max(30_000)
        .default(0)
        .describe('How long to wait for a reply, in ms. A draft that waits for approval is none.'),
    }),
    output: StoredAs.extend({
      reply: z
        .object({
          messageId: Id,
          sessionId: Id.describe('The conversation of the agent, as in get_session; of a chat, its chat id.'),
          text: PersonText,
          choices: z
            .array(z.object({ id: OptionId, title: z.string().max(64).meta({ pii: 'text' }) }))
            .max(100)
            .describe('Options to choose from. Pass the id of one as `choice`, with its title as the text.'),
        })
        .optional()
        .describe('What was sent to the chat after the message, if it was sent within waitMs. A later reply can be read in the chat.'),
    }),
    idempotency: 'keyed',
    timeoutMs: 35_000,
    limits: { concurrency: 1024 },
    unhashed: ['waitMs'],
    http: { route: 'POST /api/v1/messages', people: [] },
    examples: [{ from: 'visitor-17', name: 'Анна', text: 'Сколько стоит доставка?' }],
  }),
  store_message: method({
    summary: 'Store a message of put_message, whose reply is awaited.',
    input: z.strictObject(SiteMessage),
    output: StoredAs,
    idempotency: 'keyed',
    roles: ['collector'],
  }),
  channel_webhook: method({
    summary: 'Receive what a channel delivers, or its request to verify the webhook. Replies once everything is stored.',
    input: z.strictObject({
      channel: Channel,
      bot: BotId.optional().describe('Needed where the bots of a channel share one secret.'),
      ...RawRequest,
    }),
    output: Stored.extend({
      contentType: z.string().max(100),
      body: Bytes.describe('The reply that the channel expects; by default the counts as JSON.'),
    }),
    idempotency: 'idempotent',
    roles: ['operator', 'gateway'],
    limits: { concurrency: 1024 },
    http: { route: 'POST /api/v1/channels/{channel}/webhook', body: 'raw', reply: 'bytes' },
    errors: { bad_signature: 'permission_denied', no_webhook: 'not_found' },
  }),
  replay_updates: method({
    summary: 'Reprocess raw updates from a time range, and store messages that could not be read before.',
    input: z.strictObject({
      channel: Channel,
      botId: BotId.optional(),
      since: Timestamp,
      until: Timestamp,
      limit: z.int().min(1).max(1000).default(200),
      cursor: Cursor.optional(),
    }),
    output: Stored.extend({ nextCursor: Cursor.nullable() }),
    idempotency: 'idempotent',
    timeoutMs: 60_000,
    roles: ['operator'],
  }),
  obey_command: method({
    summary: 'Handle a command: record the consent, then reply.',
    input: z.strictObject({ messageId: Id, chatId: Id, command: z.enum(['start', 'help', 'stop']) }),
    output: z.object({ isAnswered: z.boolean() }),
    idempotency: 'keyed',
    lane: 'chatId',
    roles: ['collector'],
  }),
  message_received: event({
    summary: 'A message was stored. Emitted once for each message.',
    payload: z.object({
      messageId: Id,
      channel: Channel,
      chatId: Id,
      senderId: Id.nullable(),
      isStaff: z.boolean(),
      isBot: z.boolean(),
      kind: MessageKind,
      isReadable: z.boolean().default(true).describe('True when the message has text, or content of a supported kind.'),
      command: z.string().max(32).nullable().default(null).describe('The command that the message gives, as in command_given.'),
      at: Timestamp,
    }),
    key: 'chatId',
  }),
  message_changed: event({
    summary: 'A stored message was edited or withdrawn. Emitted once for each change of its text.',
    payload: z.object({
      changeId: Id.describe('Sorts with message ids in the order of storing.'),
      messageId: Id,
      channel: Channel,
      chatId: Id,
      senderId: Id.nullable(),
      isStaff: z.boolean(),
      isBot: z.boolean(),
      kind: MessageKind,
      change: MessageChange,
      at: Timestamp,
    }),
    key: 'chatId',
  }),
  command_given: event({
    summary:
      'A customer gave the bot a command in a private chat: the message begins with it, or asks in plain words for no more messages.',
    payload: z.object({
      messageId: Id.describe('Or of the edit that added the command to an older message.'),
      chatId: Id,
      command: z.string().max(32).describe('`start` of `/Start 7`, `stop` of «Не пишите мне больше».'),
      at: Timestamp,
    }),
    key: 'chatId',
  }),
  message_transcribed: event({
    summary: 'The transcript of a voice message is available.',
    payload: z.object({ messageId: Id, chatId: Id, at: Timestamp }),
    key: 'messageId',
  }),
  button_pressed: event({
    summary: 'An option of an outbound message was chosen: a button, or a row of a list.',
    payload: z.object({
      channel: Channel,
      botId: BotId,
      chatId: Id.nullable(),
      chatExternalId: ExternalId.nullable().default(null),
      customerId: EventCustomerId,
      userId: Former,
      role: UserRole,
      isStaff: z.boolean(),
      messageExternalId: ExternalId.nullable(),
      queryId: ExternalId.nullable().describe('Names the press where the channel wants an answer to it.'),
      messageId: Id.nullable().default(null).describe('The stored message that is the press; null where a press is no message.'),
      data: z.string().max(256).describe('The id of the option, as received: any program can send any data here.'),
      title: z
        .string()
        .max(64)
        .nullable()
        .default(null)
        .meta({ pii: 'text' })
        .describe('The title of the option, if the channel gives it.'),
      at: Timestamp,
    }),
    key: 'userId',
  }),
  person_erased: event({
    summary:
      'A customer was erased. Services that keep data about these chats and messages erase it too. Several events for a customer with many messages.',
    payload: z.object({
      customerId: EventCustomerId,
      userId: Former,
      chatIds: z.array(Id).max(500),
      messageIds: z.array(Id).max(500),
      at: Timestamp,
    }),
    key: 'userId',
  }),
  history_forgotten: event({
    summary:
      'Data past its retention time was deleted: messages from before that time, and these chats, which are now empty. Services that keep data about them delete it too. Several events for many chats.',
    payload: z.object({ before: Timestamp, chatIds: z.array(Id).max(500), at: Timestamp }),
    key: 'before',
  }),
  owner_changed: event({
    summary: 'A person set who answers in a chat. Taking it from the bot is an act with the id `changeId`.',
    payload: z.object({ changeId: Id, chatId: Id, owner: ChatOwner, at: Timestamp }),
    key: 'chatId',
  }),
  note_added: event({
    summary: 'A note about a chat was added for the staff.',
    payload: z.object({ noteId: Id, chatId: Id, who: Actor, at: Timestamp }),
    key: 'chatId',
  }),
  chat_assigned: event({
    summary: 'A person of the staff was put in charge of a chat, or nobody is. Also emitted for each former id of a merged chat.',
    payload: z.object({
      chatId: Id,
      personId: PersonId.nullable(),
      who: Actor.nullable().describe('Null when it follows from a merge or an erasure.'),
      at: Timestamp,
    }),
    key: 'chatId',
  }),
  phone_owners_changed: event({
    summary: 'The people in charge of the chats of a customer with a phone changed, or the phone did.',
    payload: z.object({
      customerId: CustomerId,
      phoneNumber: z
        .string()
        .max(20)
        .nullable()
        .meta({ pii: 'phone' })
        .describe('Null when the customer has no phone, or nobody is in charge of any of their chats.'),
      personIds: z.array(PersonId).max(100).describe('Empty when phoneNumber is null.'),
      at: Timestamp,
    }),
    key: 'customerId',
  }),
  chats_merged: event({
    summary: 'Two chats were merged: the former id now refers to the other chat.',
    payload: z.object({ chatId: Id, into: Id, at: Timestamp }),
    key: 'into',
  }),
  clients_merged: event({
    summary: 'A person of the staff merged a customer into another one: the id of the first refers to the second.',
    payload: z.object({ customerId: CustomerId, into: CustomerId, who: Actor, at: Timestamp }),
    key: 'into',
  }),
  number_changed: event({
    summary: 'A customer gave up the number of this chat; messages to it may now reach another person.',
    payload: z.object({ chatId: Id, at: Timestamp }),
    key: 'chatId',
  }),
  message_status: event({
    summary: 'Delivery status of an outbound message changed.',
    payload: z.object({
      channel: Channel,
      botId: BotId,
      externalId: ExternalId,
      status: DeliveryStatus,
      errorCode: z.string().max(16).nullable(),
      at: Timestamp,
    }),
    key: 'externalId',
  }),
});
