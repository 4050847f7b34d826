/**
 * What people write to us: messages of every channel, stored once each, and who wrote them.
 *
 * Glossary: a *chat* is a conversation as one bot sees it (private, a group, a channel); a *client* is a person who is neither staff nor a bot;
 * a *bot* is one connection of ours to a channel, a Telegram bot or a WhatsApp number; an *update* is what a channel delivers, a message or anything else;
 * an *act* is a message of a person, customer or staff, or a change of one. Ids of messages and of changes come from one sequence and sort by the order of storing.
 */
import { z } from 'zod';
import { Bytes, bytesUpTo, Cursor, Id, PageInput, PersonText, Phone, pageOf, Timestamp } from './common.ts';
import { Content, FileKind } from './content.ts';
import { Classified, Intent } from './intents.ts';
import { contract, event, method } from './kit/define.ts';

/** site: what comes over our own API, e.g. from the chat of a website. */
export const Channel = z.enum(['telegram', 'whatsapp', 'site']);
export const ChatKind = z.enum(['private', 'group', 'supergroup', 'channel']);
export const MessageKind = z.enum(['text', 'voice', 'photo', 'document', 'contact', 'location', 'service', 'other']);
export const UserRole = z.enum(['admin', 'director', 'manager', 'broadcast_bot', 'assistant_bot', 'client']);
/** Who answers in a chat: the bot; a person of the staff, who approves each draft of a program; or nobody, so that nothing is sent at all. */
export const ChatOwner = z.enum(['bot', 'human', 'off']);
/** What became of a message: its words were replaced, or it was withdrawn. */
export const MessageChange = z.enum(['edited', 'removed']);
/** How far a message of ours came. It never goes back; failed is an end. */
export const DeliveryStatus = z.enum(['sent', 'delivered', 'read', 'played', 'failed']);

const count = z.int().min(0);
/** An identifier of a channel, as the channel writes it. */
const ExternalId = z.string().min(1).max(128);
/** Of a bot: a Telegram bot's number, or the id of a WhatsApp phone number. */
const BotId = z
  .string()
  .max(32)
  .regex(/^\d{1,32}$/, 'the digits of a bot or a phone number id');
const Name = z.string().max(300).meta({ pii: 'name' });
const Sender = z.object({ userId: Id, name: Name, role: UserRole, isStaff: z.boolean(), isBot: z.boolean() });
const Message = z.object({
  messageId: Id,
  chatId: Id,
  channel: Channel,
  botId: BotId,
  externalId: ExternalId,
  sender: Sender.nullable(),
  direction: z.enum(['in', 'out']),
  kind: MessageKind,
  text: PersonText.describe('Of a voice message what was said, once that is known. Cut to 4,096 characters; get_message has the whole.'),
  isCut: z.boolean(),
  content: z.array(Content).max(100).describe('What the message carries beside its words: a location, an order, a choice, a forward, …'),
  threadId: ExternalId.nullable().describe('The topic of a forum.'),
  albumId: ExternalId.nullable().describe('The same for messages that were sent as one album.'),
  replyToExternalId: ExternalId.nullable(),
  isForwarded: z.boolean(),
  sentAt: Timestamp,
  editedAt: Timestamp.nullable(),
  removedAt: Timestamp.nullable().describe('When the message was withdrawn; it has no words then.'),
  receivedAt: Timestamp,
  intent: Intent.nullable().describe('Null until the message is judged.'),
  isCertain: Classified.shape.isCertain.nullable(),
  confidence: Classified.shape.confidence.nullable(),
  isUrgent: z.boolean(),
  file: z
    .object({ contentType: z.string().max(100), bytes: count.nullable(), durationMs: count.nullable(), isKept: z.boolean() })
    .nullable()
    .describe('A voice message; isKept once we have it.'),
  files: z
    .array(
      z.object({
        n: z.int().min(0).max(99),
        kind: FileKind,
        name: Name.nullable(),
        contentType: z.string().max(100),
        bytes: count.nullable(),
        durationMs: count.nullable(),
        isKept: z.boolean().describe('True once it can be read.'),
      }),
    )
    .max(100)
    .describe('Read under /api/v1/messages/{messageId}/files/{n}.'),
  reactions: z
    .array(z.object({ userId: Id, emojis: z.array(z.string().max(64)).max(20), at: Timestamp }))
    .max(1000)
    .describe('What people react to the message with.'),
});
const Chat = z.object({
  chatId: Id,
  channel: Channel,
  botId: BotId,
  externalId: ExternalId,
  kind: ChatKind,
  title: Name.nullable(),
  owner: ChatOwner,
  isReachable: z.boolean().describe('False once the customer blocked the bot, or it was removed.'),
  lastInboundAt: Timestamp.nullable().describe('When a client wrote last; WhatsApp takes free text for 24 hours from then.'),
  lastMessageId: Id.nullable(),
  lastActId: Id.nullable().describe('The youngest act of a person in the chat. send_message takes it as `knows`.'),
});
const Client = z.object({
  clientId: Id,
  channel: Channel,
  name: Name,
  username: z.string().max(64).nullable().meta({ pii: 'name' }),
  phoneNumber: z.string().max(20).nullable().meta({ pii: 'phone' }),
  role: UserRole,
  messages: count,
  firstSeenAt: Timestamp,
  lastSeenAt: Timestamp,
});
const Part = {
  offset: z.int().min(0).max(1_073_741_824).default(0),
  length: z.int().min(1).max(262_144).default(262_144),
};
const FilePart = z.object({
  contentType: z.string().max(100),
  name: Name.nullable(),
  bytes: count.describe('Of the whole file.'),
  version: z.string().max(64).describe('Another one when the bytes are others.'),
  body: Bytes,
});
const Span = { since: Timestamp.optional(), until: Timestamp.optional() };
/** What a channel delivered over HTTP, byte for byte, since signatures are made over bytes. */
const Delivered = {
  headers: z.record(z.string().max(100), z.string().max(8192)).meta({ maxProperties: 100 }).describe('Names in lower case.'),
  // WhatsApp writes a letter as \u0436: 100 KB of text come as 300 KB.
  body: bytesUpTo(786_432),
};
const Stored = z.object({ updates: count, messages: count.describe('Of them, stored by this call for the first time.') });

export const inbox = contract('inbox', '1.0.0', {
  list_messages: method({
    summary: 'Messages, youngest first; or in the order of storing, to follow them.',
    input: z.strictObject({
      order: z
        .enum(['sent', 'stored'])
        .default('sent')
        .describe(
          'stored: oldest first, in the order in which messages became visible. nextCursor is never null; ask again with it, and no message is missed.',
        ),
      storedSince: Timestamp.optional().describe(
        'Where order=stored begins without a cursor. A time in the future: with the next message.',
      ),
      chatId: Id.optional(),
      clientId: Id.optional().describe('Who wrote.'),
      intent: Intent.optional(),
      role: UserRole.optional().describe('Of who wrote.'),
      ...Span,
      q: z
        .string()
        .trim()
        .min(1)
        .max(200)
        .optional()
        .meta({ pii: 'text' })
        .describe(
          'Words in any form; "in quotes" together, -word without it. Numbers and phones by any four digits or more of them; also emoji, parts of an address, and words typed in the other keyboard layout or alphabet.',
        ),
      ...PageInput,
    }),
    output: pageOf(Message.extend({ cursor: Cursor.optional().describe('With order=stored: leads on after this message.') })),
    idempotency: 'read',
    http: 'GET /api/v1/messages',
    examples: [{ q: 'цветок', role: 'client' }],
  }),
  get_message: method({
    summary: 'One message, whole, with the versions it had before it was edited.',
    input: z.strictObject({ messageId: Id }),
    output: Message.extend({
      text: z.string().max(300_000).meta({ pii: 'text' }),
      versions: z.array(z.object({ at: Timestamp, text: PersonText })).max(100),
      answers: z
        .object({ messageId: Id, text: PersonText, isOurs: z.boolean().describe('Sent by the business: by its staff or a bot.') })
        .nullable()
        .describe('The message that it replies to, else the last one before it that somebody else sent.'),
    }),
    idempotency: 'read',
    http: 'GET /api/v1/messages/{messageId}',
  }),
  message_totals: method({
    summary: 'How many messages there are, and of what kind.',
    input: z.strictObject(Span),
    output: z.object({
      messages: count,
      inbound: count,
      outbound: count,
      chats: count,
      clients: count.describe('Who wrote at least one of them.'),
      byKind: z.record(MessageKind, count),
      byRole: z.record(UserRole, count),
    }),
    idempotency: 'read',
    http: 'GET /api/v1/messages/stats/total',
  }),
  list_clients: method({
    summary: 'People by when they wrote last, the latest first.',
    input: z.strictObject({
      role: UserRole.default('client'),
      channel: Channel.optional(),
      q: z
        .string()
        .trim()
        .min(1)
        .max(100)
        .optional()
        .meta({ pii: 'name' })
        .describe('A part of the name, the user name, or the phone number in any spelling.'),
      ...PageInput,
    }),
    output: pageOf(Client),
    idempotency: 'read',
    http: 'GET /api/v1/clients',
  }),
  get_client: method({
    summary: 'One person.',
    input: z.strictObject({ clientId: Id }),
    output: Client,
    idempotency: 'read',
    http: 'GET /api/v1/clients/{clientId}',
  }),
  client_messages: method({
    summary: 'What one person wrote, youngest first.',
    input: z.strictObject({ clientId: Id, ...Span, ...PageInput }),
    output: pageOf(Message),
    idempotency: 'read',
    http: 'GET /api/v1/clients/{clientId}/messages',
  }),
  active_clients: method({
    summary: 'Clients by how many messages they wrote lately.',
    input: z.strictObject({ days: z.int().min(1).max(366).default(7), limit: z.int().min(1).max(200).default(20) }),
    output: z.object({ since: Timestamp, total: count, items: z.array(Client.extend({ recentMessages: count })).max(200) }),
    idempotency: 'read',
    http: 'GET /api/v1/clients/stats/active',
  }),
  set_role: method({
    summary: 'Say who somebody is.',
    input: z.strictObject({ userId: Id, role: UserRole }),
    output: Client,
    idempotency: 'idempotent',
    roles: ['operator', 'gateway'],
  }),
  erase_person: method({
    summary:
      'Erase one person: the name, the phone, every id of the channel, every word and file, in messages, drafts, the journal, events and raw updates. Rows stay, blank. What is under way for them is cancelled.',
    input: z.strictObject({ userId: Id }),
    output: z.object({ userId: Id, messages: count.describe('Of theirs, and in their private chats.') }),
    idempotency: 'idempotent',
    timeoutMs: 60_000,
    roles: ['operator', 'gateway'],
  }),
  erase_external_id: method({
    summary:
      'Erase somebody by the id of their channel, e.g. the phone: also a person who is not known, of whom an unreadable update may be left.',
    input: z.strictObject({ channel: Channel, externalId: ExternalId.min(5).meta({ pii: 'phone' }) }),
    output: z.object({ userId: Id.nullable(), messages: count }),
    idempotency: 'idempotent',
    timeoutMs: 60_000,
    roles: ['operator', 'gateway'],
  }),
  chat_context: method({
    summary: 'A chat with its last messages, oldest first.',
    input: z.strictObject({ chatId: Id, limit: z.int().min(1).max(50).default(20) }),
    output: z.object({ chat: Chat, messages: z.array(Message).max(50) }),
    idempotency: 'read',
  }),
  set_chat_owner: method({
    summary: 'Say who answers in a chat. The staff that writes in it takes it for a while by itself.',
    input: z.strictObject({ chatId: Id, owner: ChatOwner }),
    output: Chat,
    idempotency: 'idempotent',
    roles: ['operator', 'gateway', 'sender'],
  }),
  read_file: method({
    summary: 'A part of a file of a message. Over HTTP the whole file or a Range of it.',
    input: z.strictObject({ messageId: Id, n: z.int().min(0).max(99), ...Part }),
    output: FilePart,
    idempotency: 'read',
    http: { route: 'GET /api/v1/messages/{messageId}/files/{n}', reply: 'ranged' },
    errors: { not_kept: 'failed_precondition' },
  }),
  get_voice: method({
    summary: 'A part of the recording of a voice message. Over HTTP the whole or a Range of it.',
    input: z.strictObject({ messageId: Id, ...Part }),
    output: FilePart,
    idempotency: 'read',
    http: { route: 'GET /api/v1/messages/{messageId}/voice', reply: 'ranged' },
    errors: { not_kept: 'failed_precondition' },
  }),
  put_message: method({
    summary:
      "Take a message from a website's chat, or from anything else that we do not connect ourselves. What we write back is read in its chat.",
    input: z.strictObject({
      from: ExternalId.describe('Who writes, as the site knows them. Their chat is theirs alone.'),
      name: Name.optional(),
      phoneNumber: Phone.optional(),
      text: PersonText.regex(/\S/, 'some words'),
      messageId: ExternalId.optional().describe("The site's own name of the message; the same one again is the same message."),
    }),
    output: z.object({ messageId: Id, chatId: Id }),
    idempotency: 'keyed',
    http: 'POST /api/v1/messages',
    examples: [{ from: 'visitor-17', name: 'Анна', text: 'Сколько стоит доставка?' }],
  }),
  telegram_webhook: method({
    summary: 'Take an update that Telegram delivers. Answers once it is stored.',
    input: z.strictObject({ bot: BotId.optional().describe('Needed where bots share one secret token.'), ...Delivered }),
    output: Stored,
    idempotency: 'idempotent',
    roles: ['operator', 'gateway'],
    limits: { concurrency: 1024 },
    http: { route: 'POST /api/v1/telegram/webhook', body: 'raw' },
    errors: { bad_signature: 'permission_denied' },
  }),
  whatsapp_webhook: method({
    summary: 'Take what WhatsApp delivers: messages and the statuses of ours. Answers once it is stored.',
    input: z.strictObject({ bot: BotId.optional(), ...Delivered }),
    output: Stored,
    idempotency: 'idempotent',
    roles: ['operator', 'gateway'],
    limits: { concurrency: 1024 },
    http: { route: 'POST /api/v1/whatsapp/webhook', body: 'raw' },
    errors: { bad_signature: 'permission_denied' },
  }),
  whatsapp_verify: method({
    summary: 'Answer the question by which WhatsApp makes sure that the webhook is ours.',
    input: z
      .record(z.string().max(64), z.string().max(1024))
      .meta({ maxProperties: 20 })
      .describe('The query: hub.mode, hub.challenge, hub.verify_token.'),
    output: z.object({ contentType: z.string().max(100), body: Bytes.describe('The bare challenge.') }),
    idempotency: 'read',
    http: { route: 'GET /api/v1/whatsapp/webhook', reply: 'bytes', scope: 'none' },
    errors: { bad_signature: 'permission_denied' },
  }),
  replay_updates: method({
    summary: 'Read the raw updates of a time anew and store what was not understood when they came.',
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
    summary: 'Do what a command says: first keep whether we may write, then answer.',
    input: z.strictObject({ messageId: Id, chatId: Id, command: z.enum(['start', 'help', 'stop']) }),
    output: z.object({ isAnswered: z.boolean() }),
    idempotency: 'keyed',
    lane: 'chatId',
    roles: ['collector'],
  }),
  message_received: event({
    summary: 'A message was stored; told once each.',
    payload: z.object({
      messageId: Id,
      channel: Channel,
      chatId: Id,
      senderId: Id.nullable(),
      isStaff: z.boolean(),
      isBot: z.boolean(),
      kind: MessageKind,
      isReadable: z.boolean().default(true).describe('It has words, or content of a known kind.'),
      at: Timestamp,
    }),
    key: 'chatId',
  }),
  message_changed: event({
    summary: 'A stored message was edited or withdrawn; emitted once for each change of its words.',
    payload: z.object({
      changeId: Id.describe('Sorts among the ids of messages by the order of storing.'),
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
      'A customer gave the bot a command in a private chat: the message begins with it, or asks in plain words not to be written to.',
    payload: z.object({
      messageId: Id.describe('Or of the change that made an older message say so.'),
      chatId: Id,
      command: z.string().max(32).describe('`start` of `/Start 7`, `stop` of «Не пишите мне больше».'),
      at: Timestamp,
    }),
    key: 'chatId',
  }),
  message_transcribed: event({
    summary: 'The words of a voice message are known.',
    payload: z.object({ messageId: Id, chatId: Id, at: Timestamp }),
    key: 'messageId',
  }),
  button_pressed: event({
    summary: 'Somebody pressed a button under a message of ours.',
    payload: z.object({
      channel: Channel,
      botId: BotId,
      chatId: Id.nullable(),
      chatExternalId: ExternalId.nullable().default(null),
      userId: Id,
      role: UserRole,
      isStaff: z.boolean(),
      messageExternalId: ExternalId.nullable(),
      queryId: ExternalId.nullable().describe('Names the press where the channel wants an answer to it.'),
      data: z.string().max(256),
      at: Timestamp,
    }),
    key: 'userId',
  }),
  person_erased: event({
    summary:
      'A person was erased; whoever keeps something about these chats and messages erases it too. Several for one person with many messages.',
    payload: z.object({ userId: Id, chatIds: z.array(Id).max(500), messageIds: z.array(Id).max(500), at: Timestamp }),
    key: 'userId',
  }),
  history_forgotten: event({
    summary:
      'What is older than the inbox keeps it is gone: messages from before that time, and these chats, in which nothing is left. Who keeps something about them forgets it too. Several for many chats.',
    payload: z.object({ before: Timestamp, chatIds: z.array(Id).max(500), at: Timestamp }),
    key: 'before',
  }),
  owner_changed: event({
    summary: 'A person set who answers in a chat. Taking it from the bot is an act, under `changeId`.',
    payload: z.object({ changeId: Id, chatId: Id, owner: ChatOwner, at: Timestamp }),
    key: 'chatId',
  }),
  chats_merged: event({
    summary: 'Two chats turned out to be one: the former id means the other one from now on.',
    payload: z.object({ chatId: Id, into: Id, at: Timestamp }),
    key: 'into',
  }),
  number_changed: event({
    summary: 'A customer gave up the number that the chat was known by: what goes there now may reach somebody else.',
    payload: z.object({ chatId: Id, at: Timestamp }),
    key: 'chatId',
  }),
  message_status: event({
    summary: 'A message of ours came further, or failed.',
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
