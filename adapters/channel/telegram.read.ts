/** What an update of the Telegram Bot API says. Fields are read one by one: an update may be newer than the types, and anything may be missing. */
import type { Update as BotUpdate, Chat, Message, User } from 'telegraf/types';
import type { ReadChat, ReadFile, ReadMessage, ReadPart, ReadPerson, Update } from './port.ts';
import { storable } from './port.ts';

/** Those that Telegram is asked for; it delivers some only when they are named (Bot API, getUpdates, allowed_updates). */
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

/** A message with whatever of the many shapes it has. */
type AnyMessage = Partial<
  Message.TextMessage &
    Message.CaptionableMessage &
    Message.VoiceMessage &
    Message.PhotoMessage &
    Message.DocumentMessage &
    Message.ContactMessage &
    Message.LocationMessage &
    Message.MediaMessage
> & {
  readonly message_id: number;
  readonly chat: Chat;
  readonly date: number;
  readonly migrate_to_chat_id?: number;
  readonly migrate_from_chat_id?: number;
  readonly [field: string]: unknown;
};

/** @throws TypeError when it is no update at all. */
export function readUpdate(botId: string, raw: string): Update {
  const update: unknown = JSON.parse(raw);
  const id = (update as { update_id?: unknown } | null)?.update_id;
  if (typeof id !== 'number') throw new TypeError('an update without update_id');
  return { externalId: String(id), raw, parts: partsOf(botId, update as BotUpdate) };
}

function partsOf(botId: string, update: BotUpdate): readonly ReadPart[] {
  try {
    const fields = update as unknown as Readonly<Record<string, AnyMessage | undefined>>;
    for (const name of [
      'message',
      'edited_message',
      'channel_post',
      'edited_channel_post',
      'business_message',
      'edited_business_message',
    ]) {
      const message = fields[name];
      if (message) return [...migrationOf(message), { is: 'message', message: readMessage(botId, message, name.startsWith('edited_')) }];
    }
    if ('callback_query' in update) return pressOf(botId, update.callback_query as unknown as AnyPress);
    if ('my_chat_member' in update) {
      const { chat, date, new_chat_member } = update.my_chat_member;
      const isReachable = !['left', 'kicked'].includes(new_chat_member.status);
      return [{ is: 'reachable', chat: chatOf(chat), isReachable, at: date * 1000 }];
    }
  } catch (error) {
    // A shape that is not known must not stop the rest: it is kept raw and can be replayed by a newer reader.
    if (!(Error.isError(error) && (error as Error).name === 'TypeError')) throw error;
  }
  return [];
}

function migrationOf({ chat, migrate_to_chat_id: to, migrate_from_chat_id: from }: AnyMessage): readonly ReadPart[] {
  const id = String(chat.id);
  if (to !== undefined) return [{ is: 'migration', from: id, to: String(to) }];
  return from === undefined ? [] : [{ is: 'migration', from: String(from), to: id }];
}

function readMessage(botId: string, message: AnyMessage, isEdit: boolean): ReadMessage {
  if (!Number.isSafeInteger(message.message_id) || !Number.isSafeInteger(message.date))
    throw new TypeError('a message without its numbers');
  return {
    chat: chatOf(message.chat),
    sender: senderOf(botId, message),
    externalId: String(message.message_id),
    kind: kindOf(message),
    direction: message.from !== undefined && String(message.from.id) === botId ? 'out' : 'in',
    text: storable(String(message.text ?? message.caption ?? contactOf(message) ?? '')),
    content: [],
    threadId: message.is_topic_message && message.message_thread_id ? String(message.message_thread_id) : null,
    albumId: message.media_group_id ?? null,
    replyTo: message.reply_to_message ? String(message.reply_to_message.message_id) : null,
    isForwarded: message.forward_origin !== undefined || message.is_automatic_forward === true,
    sentAt: message.date * 1000,
    // An edit that says no time (the types forbid it, a reader of tomorrow may meet it) is as old as the message.
    editedAt: isEdit ? (message.edit_date ?? message.date) * 1000 : null,
    files: voiceOf(message),
  };
}

/** Fields by which the kind of a message is known, in the order in which they are looked for. */
const kinds = ['voice', 'photo', 'document', 'contact', 'location', 'text'] as const;
const otherContent = [
  'caption',
  'audio',
  'video',
  'video_note',
  'sticker',
  'animation',
  'dice',
  'poll',
  'venue',
  'game',
  'story',
  'invoice',
];
/** What every message has, besides which a service message holds only its own field. */
function kindOf(message: AnyMessage): ReadMessage['kind'] {
  const kind = kinds.find((name) => message[name] !== undefined);
  if (kind) return kind;
  if (otherContent.some((name) => message[name] !== undefined)) return 'other';
  return Object.keys(message).some((name) => serviceFields.test(name)) ? 'service' : 'other';
}
const serviceFields =
  /^(new_chat_|left_chat_|delete_chat_|group_chat_|supergroup_chat_|channel_chat_|migrate_|pinned_message$|forum_topic_|general_forum_topic_|video_chat_|message_auto_delete|users_shared$|chat_shared$|write_access_|boost_added$|proximity_alert)/;

function voiceOf({ voice }: AnyMessage): readonly ReadFile[] {
  if (!voice) return [];
  return [
    {
      id: String(voice.file_id),
      kind: 'voice',
      name: null,
      contentType: voice.mime_type ?? 'audio/ogg',
      bytes: voice.file_size ?? null,
      durationMs: typeof voice.duration === 'number' ? voice.duration * 1000 : null,
    },
  ];
}
function contactOf({ contact }: AnyMessage): string | undefined {
  return contact && [contact.first_name, contact.last_name, contact.phone_number].filter((part) => part !== undefined).join(' ');
}

function chatOf(chat: Chat): ReadChat {
  if (!Number.isSafeInteger(chat.id)) throw new TypeError('a chat without an id');
  const kind = (['private', 'group', 'supergroup', 'channel'] as const).find((each) => each === chat.type) ?? 'group';
  const title = 'title' in chat ? chat.title : 'first_name' in chat ? fullName(chat.first_name, chat.last_name) : null;
  return { externalId: String(chat.id), kind, title: title === null ? null : cut(storable(title), 300) };
}

/**
 * Who speaks: a person, or a chat in whose name somebody does (Bot API, Message.sender_chat; `from` is then a fake user).
 * A group that speaks in itself is one of its anonymous administrators; any other chat is a channel whose posts were forwarded.
 */
function senderOf(botId: string, { from, sender_chat: inNameOf, chat }: AnyMessage): ReadPerson | null {
  const speaker = inNameOf ?? (from === undefined && chat.type === 'channel' ? chat : undefined);
  if (speaker) {
    const { externalId, title } = chatOf(speaker);
    const isAdmin = speaker.id === chat.id && chat.type !== 'channel';
    const username = 'username' in speaker ? (speaker.username ?? null) : null;
    return { externalId, name: title ?? '', username, phoneNumber: null, firstRole: isAdmin ? 'admin' : 'broadcast_bot' };
  }
  return from ? personOf(botId, from) : null;
}
function personOf(botId: string, { id, first_name, last_name, username, is_bot }: User): ReadPerson {
  if (!Number.isSafeInteger(id)) throw new TypeError('a person without an id');
  const ownRole = String(id) === botId ? 'assistant_bot' : 'broadcast_bot';
  return {
    externalId: String(id),
    name: cut(storable(fullName(first_name, last_name)), 300),
    username: username === undefined ? null : cut(storable(username), 64),
    phoneNumber: null,
    firstRole: is_bot ? ownRole : 'client',
  };
}
const fullName = (first: string | undefined, last: string | undefined): string => [first, last].filter(Boolean).join(' ');
const cut = (text: string, length: number): string => text.slice(0, length).toWellFormed();

interface AnyPress {
  readonly id: string;
  readonly from: User;
  readonly message?: { readonly message_id: number; readonly chat: Chat };
  readonly data?: string;
}
function pressOf(botId: string, { id, from, message, data }: AnyPress): readonly ReadPart[] {
  if (data === undefined) return [];
  return [
    {
      is: 'button',
      press: {
        chatExternalId: message ? String(message.chat.id) : null,
        person: personOf(botId, from),
        messageExternalId: message ? String(message.message_id) : null,
        queryId: String(id),
        data: cut(storable(data), 256),
      },
    },
  ];
}
