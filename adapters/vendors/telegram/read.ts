/**
 * Reads updates of the Telegram Bot API. Fields are read one by one: an update may be newer than this reader, and any field may be
 * missing.
 */
import { businessAddress } from '../../channel/address.ts';
import { type Fields, fieldsOf, integerOf, msOf, objectOf, objectsOf, textOf } from '../../channel/fields.ts';
import type { ReadChat, ReadMessage, ReadPart, ReadPerson, Update } from '../../channel/port.ts';
import { storable } from '../../channel/port.ts';
import { contentOf, filesOf, fullName, isForwarded, kindOf, nameOf, ownPhoneOf, unknownOf } from './content.ts';

/** The requested updates; Telegram delivers some only if they are named (Bot API, getUpdates, allowed_updates). */
export const allowedUpdates = [
  'message',
  'edited_message',
  'channel_post',
  'edited_channel_post',
  'callback_query',
  'my_chat_member',
  'chat_member',
  'message_reaction',
  'business_connection',
  'business_message',
  'edited_business_message',
  'deleted_business_messages',
] as const;

/** @throws TypeError when it is not an update. */
export function readUpdate(botId: string, raw: string): Update {
  const update = objectOf(JSON.parse(raw));
  const id = update?.update_id;
  if (update === null || typeof id !== 'number') throw new TypeError('an update without update_id');
  return { externalId: String(id), raw, parts: partsOf(botId, update) };
}

function partsOf(botId: string, update: Fields): readonly ReadPart[] {
  // Every update has exactly one field besides its number.
  const type = Object.keys(update).find((name) => name !== 'update_id') ?? 'empty';
  const given = fieldsOf(update[type]);
  try {
    switch (type) {
      case 'message':
      case 'edited_message':
      case 'channel_post':
      case 'edited_channel_post':
      case 'business_message':
      case 'edited_business_message':
        return messagePartsOf(botId, given, type.startsWith('edited_'));
      case 'callback_query':
        return pressOf(botId, given);
      case 'my_chat_member':
        return reachableOf(given);
      case 'message_reaction':
        return reactionOf(botId, given);
      case 'business_connection':
        return [connectionOf(botId, given, integerOf(update.update_id, 0, Number.MAX_SAFE_INTEGER) ?? 0)];
      case 'deleted_business_messages':
        return [removalOf(given)];
      case 'chat_member':
        return []; // Membership of others is not stored.
      default:
        return [unread(type)];
    }
  } catch (error) {
    // An unknown shape must not stop the rest: it is kept raw, and a newer reader can replay it.
    if (!(Error.isError(error) && (error as Error).name === 'TypeError')) throw error;
    return [unread(type)];
  }
}
const unread = (type: string): ReadPart => ({ is: 'unread', type: type.slice(0, 64) });

function messagePartsOf(botId: string, message: Fields, isEdit: boolean): readonly ReadPart[] {
  const read = readMessage(botId, message, isEdit);
  const [place] = read.content;
  // Each movement of a live location is an edit without a change of text.
  if (isEdit && place?.type === 'location') return [{ is: 'position', chat: read.chat, externalId: read.externalId, place }];
  const unknown = unknownOf(message);
  return [...migrationOf(message), { is: 'message', message: read }, ...(unknown === null ? [] : [unread(`message.${unknown}`)])];
}

function migrationOf(message: Fields): readonly ReadPart[] {
  const id = idOf(fieldsOf(message.chat));
  const [to, from] = [integer(message.migrate_to_chat_id), integer(message.migrate_from_chat_id)];
  if (to !== null) return [{ is: 'migration', from: id, to: String(to) }];
  return from === null ? [] : [{ is: 'migration', from: String(from), to: id }];
}

function readMessage(botId: string, message: Fields, isEdit: boolean): ReadMessage {
  const [id, sentAt] = [integer(message.message_id), msOf(message.date)];
  if (id === null || sentAt === null) throw new TypeError('a message without its numbers');
  const sender = senderOf(botId, message);
  const repliesTo = integer(fieldsOf(message.reply_to_message).message_id);
  const thread = message.is_topic_message === true ? integer(message.message_thread_id) : null;
  const written = message.text ?? message.caption;
  return {
    chat: chatOf(message),
    sender,
    externalId: String(id),
    kind: kindOf(message),
    direction: isOurs(botId, message) ? 'out' : 'in',
    text: typeof written === 'string' ? storable(written) : '',
    content: contentOf(message),
    threadId: thread === null ? null : String(thread),
    albumId: textOf(message.media_group_id, 128),
    replyTo: repliesTo === null ? null : String(repliesTo),
    isForwarded: isForwarded(message),
    sentAt,
    // An edit without a time (which the documents forbid) gets the time of the message.
    editedAt: isEdit ? (msOf(message.edit_date) ?? sentAt) : null,
    files: filesOf(message),
  };
}

const integer = (value: unknown): number | null =>
  typeof value === 'number' ? integerOf(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) : null;
function idOf(chat: Fields): string {
  const id = integer(chat.id);
  if (id === null) throw new TypeError('a chat or a person without an id');
  return String(id);
}
/** The chat of a message or of another update. A chat of a business account differs from the bot's own chat with the same person. */
function chatOf(update: Fields): ReadChat {
  const chat = fieldsOf(update.chat);
  const connection = textOf(update.business_connection_id, 96);
  const kind = (['private', 'group', 'supergroup', 'channel'] as const).find((each) => each === chat.type) ?? 'group';
  const id = idOf(chat);
  return { externalId: connection === null ? id : businessAddress(connection, id), kind, title: nameOf(chat) };
}

/** In a chat of a business account (always private, named after the customer) everyone but the customer writes for the business. */
function isOurs(botId: string, message: Fields): boolean {
  const from = integer(fieldsOf(message.from).id);
  if (textOf(message.business_connection_id, 96) === null) return String(from) === botId;
  return objectOf(message.sender_business_bot) !== null || from !== integer(fieldsOf(message.chat).id);
}

/**
 * The author: a person, or a chat in whose name a person writes (Bot API, Message.sender_chat; `from` is then a fake user). A group that
 * writes as itself is one of its anonymous administrators; it counts as a customer until staff gives it another role, since the group may belong
 * to a customer. A channel is a broadcast if its posts are forwarded automatically, and otherwise a person's mask.
 */
function senderOf(botId: string, message: Fields): ReadPerson | null {
  const chat = fieldsOf(message.chat);
  const from = objectOf(message.from);
  const speaker = objectOf(message.sender_chat) ?? (from === null && chat.type === 'channel' ? chat : null);
  if (speaker !== null) {
    const isBroadcast = chat.type === 'channel' || message.is_automatic_forward === true;
    return {
      externalId: idOf(speaker),
      name: nameOf(speaker) ?? '',
      username: textOf(speaker.username, 64),
      phoneNumber: null,
      firstRole: isBroadcast ? 'broadcast_bot' : 'client',
    };
  }
  const bot = objectOf(message.sender_business_bot);
  if (bot !== null) return personOf(botId, bot);
  if (from === null) return null;
  const person = { ...personOf(botId, from), phoneNumber: ownPhoneOf(message) };
  return person.firstRole === 'client' && isOurs(botId, message) ? { ...person, firstRole: 'manager' } : person;
}
function personOf(botId: string, person: Fields): ReadPerson {
  const externalId = idOf(person);
  const ownRole = externalId === botId ? 'assistant_bot' : 'broadcast_bot';
  return {
    externalId,
    name: fullName(person, 300),
    username: textOf(person.username, 64),
    phoneNumber: null,
    firstRole: person.is_bot === true ? ownRole : 'client',
  };
}

function pressOf(botId: string, { id, from, message: given, data }: Fields): readonly ReadPart[] {
  const [queryId, said] = [textOf(id, 128), textOf(data, 256)];
  if (queryId === null || said === null) return [];
  const message = objectOf(given);
  return [
    {
      is: 'button',
      press: {
        chatExternalId: message === null ? null : chatOf(message).externalId,
        person: personOf(botId, fieldsOf(from)),
        messageExternalId: textOf(message?.message_id, 128),
        queryId,
        pressExternalId: null,
        data: said,
        title: titleOf(message, said),
      },
    },
  ];
}
/** The text of the button with this data, as the message had it: the data comes from a client, the message from Telegram. */
function titleOf(message: Fields | null, data: string): string | null {
  const rows = fieldsOf(message?.reply_markup).inline_keyboard;
  const buttons = (Array.isArray(rows) ? rows : []).flatMap((row) => objectsOf(row));
  return textOf(buttons.find(({ callback_data }) => callback_data === data)?.text, 64);
}
function reachableOf(update: Fields): readonly ReadPart[] {
  const { status } = fieldsOf(update.new_chat_member);
  const at = msOf(update.date);
  if (typeof status !== 'string' || at === null) throw new TypeError('a change of membership without its status or time');
  return [{ is: 'reachable', chat: chatOf(update), isReachable: !['left', 'kicked'].includes(status), at }];
}
/** MessageReactionUpdated: all current reactions of the person. */
function reactionOf(botId: string, update: Fields): readonly ReadPart[] {
  const [messageId, at, user, actor] = [integer(update.message_id), msOf(update.date), objectOf(update.user), objectOf(update.actor_chat)];
  if (messageId === null || at === null) throw new TypeError('a reaction without its numbers');
  const person = user !== null ? personOf(botId, user) : actor !== null ? senderOf(botId, { chat: update.chat, sender_chat: actor }) : null;
  if (person === null) return [];
  const emojis = objectsOf(update.new_reaction, 20).map(({ type, emoji }) => textOf(emoji, 64) ?? (type === 'paid' ? '⭐' : '❔'));
  return [{ is: 'reaction', chat: chatOf(update), externalId: String(messageId), person, emojis, at }];
}
/** BusinessConnection. Its date is that of the connection, not of the change, so the update number orders changes. */
function connectionOf(botId: string, given: Fields, order: number): ReadPart {
  const [id, establishedAt] = [textOf(given.id, 96), msOf(given.date)];
  if (id === null || establishedAt === null) throw new TypeError('a business connection without its id or time');
  const canReply = fieldsOf(given.rights).can_reply === true || given.can_reply === true;
  const owner: ReadPerson = { ...personOf(botId, fieldsOf(given.user)), firstRole: 'manager' };
  return { is: 'connection', connectionId: id, owner, isUsable: given.is_enabled === true && canReply, establishedAt, order };
}
/** BusinessMessagesDeleted has no time. */
function removalOf(update: Fields): ReadPart {
  const ids = Array.isArray(update.message_ids) ? update.message_ids.map(integer).filter((id) => id !== null) : [];
  return { is: 'removal', chat: chatOf(update), externalIds: ids.slice(0, 1000).map(String), at: null };
}
