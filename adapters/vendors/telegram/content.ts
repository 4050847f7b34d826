/** Content of a Telegram message besides text (Bot API, Message), and its files. */

import { Phone } from '../../../contracts/common.ts';
import type { Content } from '../../../contracts/content.ts';
import {
  type Fields,
  fieldsOf,
  integerOf,
  minorMoneyOf,
  msOf,
  numberOf,
  objectOf,
  objectsOf,
  textOf,
  timeOf,
} from '../../channel/fields.ts';
import { type ContentFacts, withLine } from '../../channel/lines.ts';
import type { Kind, ReadFile } from '../../channel/port.ts';

/** At most 100 parts, the main content first. */
export function contentOf(message: Fields): readonly Content[] {
  return [...mainOf(message), ...aboutOf(message)].slice(0, 100);
}

/** The name of content of an unknown kind. */
export function unknownOf(message: Fields): string | null {
  if (textOf(message.text ?? message.caption, 1) !== null || mainOf(message).some(({ type }) => type !== 'unknown')) return null;
  return Object.keys(message).find(isContent)?.slice(0, 64) ?? 'empty';
}

/** Fields that every kind of message may have; any other field names its content (Bot API 10.3, Message). */
const common =
  /^(message_id|message_thread_id|direct_messages_topic|from|sender_.*|date|business_connection_id|chat|forward_.*|is_.*|has_.*|reply_.*|external_reply|quote|via_bot|edit_date|media_group_id|author_signature|paid_star_count|text|entities|link_preview_options|suggested_post_info|effect_id|caption|caption_entities|show_caption_above_media|guest_.*)$/;
const isContent = (name: string): boolean => !common.test(name);

/** Service messages: notices of the chat, without an author. */
const notices =
  /^(new_chat_|left_chat_|delete_chat_|group_chat_|supergroup_chat_|channel_chat_|migrate_|pinned_message$|forum_topic_|general_forum_topic_|video_chat_|message_auto_delete|user_shared$|users_shared$|chat_shared$|write_access_|boost_added$|proximity_alert|connected_website$|passport_data$|gift$|unique_gift$|gift_upgrade_sent$|chat_background_set$|chat_owner_|checklist_tasks_|direct_message_price_|paid_message_price_|suggested_post_(?!info)|giveaway)/;

/** Fields that determine the kind of the message, in this order. */
const kinds = ['voice', 'photo', 'document', 'contact', 'location', 'text'] as const satisfies readonly Kind[];
export function kindOf(message: Fields): Kind {
  const kind = kinds.find((name) => message[name] !== undefined);
  if (kind !== undefined) return kind;
  const content = Object.keys(message).filter(isContent);
  return content.length > 0 && content.every((name) => notices.test(name)) ? 'service' : 'other';
}

function mainOf(message: Fields): readonly Content[] {
  const parts: ContentFacts[] = filesOf(message)
    .filter(({ kind }) => kind !== 'sticker')
    .map(({ kind, name }) => ({ type: 'file', kind, name }));
  for (const [name, read] of Object.entries(readers)) {
    const given = objectOf(message[name]);
    const part = given === null ? null : read(given, message);
    if (part !== null) parts.push(part);
  }
  if (parts.length > 0 || textOf(message.text ?? message.caption, 1) !== null) return parts.map(withLine);
  const content = Object.keys(message).filter(isContent);
  const notice = content.find((name) => notices.test(name));
  if (notice !== undefined) return [noticeOf(notice, message[notice])];
  return [withLine({ type: 'unknown', of: (content[0] ?? 'empty').slice(0, 64) })];
}

const readers: Readonly<Record<string, (given: Fields, message: Fields) => ContentFacts | null>> = {
  venue: (venue, message) => {
    const place = locationOf(fieldsOf(venue.location), message);
    return place && { ...place, name: textOf(venue.title, 1000), address: textOf(venue.address, 1000) };
  },
  location: (location, message) => (objectOf(message.venue) === null ? locationOf(location, message) : null),
  contact: (contact, message) => ({
    type: 'contact',
    name: fullName(contact, 300),
    organization: null,
    phoneNumbers: [textOf(contact.phone_number, 64)].filter((each) => each !== null),
    emails: [],
    addresses: [],
    isOwn: isOwnContact(contact, message),
  }),
  sticker: (sticker) => ({ type: 'sticker', emoji: textOf(sticker.emoji, 64), set: textOf(sticker.set_name, 256) }),
  dice: (dice) => ({ type: 'dice', emoji: textOf(dice.emoji, 64) ?? '🎲', value: integerOf(dice.value, 0, 1000) ?? 0 }),
  game: (game) => ({ type: 'game', title: textOf(game.title, 1000) ?? '', description: textOf(game.description, 1000) }),
  poll: (poll) => ({
    type: 'poll',
    question: textOf(poll.question, 1000) ?? '',
    options: objectsOf(poll.options).map(({ text, voter_count }) => ({
      text: textOf(text, 1000) ?? '',
      votes: integerOf(voter_count, 0, 1_000_000_000) ?? 0,
    })),
    isClosed: poll.is_closed === true,
    takesSeveral: poll.allows_multiple_answers === true,
  }),
  checklist: (list) => ({
    type: 'checklist',
    title: textOf(list.title, 1000) ?? '',
    tasks: objectsOf(list.tasks).map((task) => ({
      text: textOf(task.text, 1000) ?? '',
      isDone: (numberOf(task.completion_date) ?? 0) > 0,
    })),
  }),
  web_app_data: (data) => ({ type: 'web_app', button: textOf(data.button_text, 1000) ?? '', data: textOf(data.data, 16_384) ?? '' }),
  invoice: (invoice) => ({
    type: 'invoice',
    title: textOf(invoice.title, 1000) ?? '',
    description: textOf(invoice.description, 1000),
    amount: minorMoneyOf(invoice.total_amount, invoice.currency),
  }),
  successful_payment: (payment) => paymentOf(payment, false),
  refunded_payment: (payment) => paymentOf(payment, true),
  story: (story) => storyOf(story),
};

function locationOf(location: Fields, message: Fields): Extract<ContentFacts, { type: 'location' }> | null {
  const [latitude, longitude] = [numberOf(location.latitude), numberOf(location.longitude)];
  if (latitude === null || longitude === null || Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return null;
  return {
    type: 'location',
    ...{ latitude, longitude, name: null, address: null, url: null },
    isLive: location.live_period !== undefined,
    at: timeOf(msOf(message.edit_date) ?? msOf(message.date) ?? 0),
  };
}
const paymentOf = (payment: Fields, isRefund: boolean): ContentFacts => ({
  type: 'payment',
  amount: minorMoneyOf(payment.total_amount, payment.currency),
  isRefund,
  payload: textOf(payment.invoice_payload, 1000),
  reference: textOf(payment.provider_payment_charge_id, 512) ?? textOf(payment.telegram_payment_charge_id, 512),
});
function storyOf(story: Fields): ContentFacts {
  const chat = fieldsOf(story.chat);
  const [username, id] = [textOf(chat.username, 64), textOf(story.id, 32)];
  return { type: 'story', from: nameOf(chat), url: username !== null && id !== null ? `https://t.me/${username}/s/${id}` : null };
}
function noticeOf(name: string, given: unknown): Content {
  const part = withLine({ type: 'notice', of: name.slice(0, 64) });
  const people = (Array.isArray(given) ? objectsOf(given, 20) : [fieldsOf(given)]).map((person) => fullName(person, 300)).filter(Boolean);
  const said: Readonly<Record<string, string>> = {
    new_chat_members: `Вошли в чат: ${people.join(', ')}`,
    left_chat_member: `Вышли из чата: ${people.join(', ')}`,
    new_chat_title: `Новое название чата: ${textOf(given, 300) ?? ''}`,
    pinned_message: `Закреплено: ${textOf(fieldsOf(given).text ?? fieldsOf(given).caption, 200) ?? 'сообщение'}`,
    forum_topic_created: `Новая тема: ${textOf(fieldsOf(given).name, 300) ?? ''}`,
  };
  return { ...part, line: said[name] ?? part.line };
}

/** Context of the message: a forward, a quote, links in its text. */
function aboutOf(message: Fields): readonly Content[] {
  const parts: ContentFacts[] = [];
  const origin = objectOf(message.forward_origin);
  if (origin !== null) parts.push(forwardOf(origin));
  const external = objectOf(message.external_reply);
  const quoted = textOf(fieldsOf(message.quote).text, 4096);
  if (external !== null || quoted !== null)
    parts.push({
      type: 'quote',
      text:
        quoted ??
        (external === null
          ? ''
          : mainOf(external)
              .map(({ line }) => line)
              .join('; ')
              .slice(0, 4096)
              .toWellFormed()),
      from: external === null ? null : forwardOf(fieldsOf(external.origin)).from,
    });
  const story = objectOf(message.reply_to_story);
  if (story !== null) parts.push(storyOf(story));
  const [words, entities] = message.text === undefined ? [message.caption, message.caption_entities] : [message.text, message.entities];
  if (typeof words === 'string') parts.push(...objectsOf(entities).flatMap((entity) => linkOf(words, entity)));
  return parts.map(withLine);
}
/** MessageOrigin of the Bot API. */
function forwardOf(origin: Fields): Extract<ContentFacts, { type: 'forward' }> {
  const at = msOf(origin.date);
  const base = { type: 'forward', at: at === null ? null : timeOf(at), url: null } as const;
  switch (origin.type) {
    case 'user':
      return { ...base, of: 'person', from: fullName(fieldsOf(origin.sender_user), 300) || null };
    case 'chat':
      return { ...base, of: 'chat', from: nameOf(fieldsOf(origin.sender_chat)) };
    case 'channel': {
      const chat = fieldsOf(origin.chat);
      const [username, id] = [textOf(chat.username, 64), textOf(origin.message_id, 32)];
      return {
        ...base,
        of: 'channel',
        from: nameOf(chat),
        url: username !== null && id !== null ? `https://t.me/${username}/${id}` : null,
      };
    }
    default:
      return { ...base, of: 'hidden_person', from: textOf(origin.sender_user_name, 300) };
  }
}
/** Entities are counted in UTF-16 units, as strings here are. A plain URL is in the text already. */
function linkOf(words: string, { type, offset, length, url, user }: Fields): readonly ContentFacts[] {
  const [from, count] = [integerOf(offset, 0, words.length), integerOf(length, 1, words.length)];
  const id = textOf(fieldsOf(user).id, 32);
  const to = type === 'text_link' ? textOf(url, 2048) : type === 'text_mention' && id !== null ? `tg://user?id=${id}` : null;
  if (from === null || count === null || to === null) return [];
  return [{ type: 'link', text: textOf(words.slice(from, from + count), 1000) ?? '', url: to }];
}

export function filesOf(message: Fields): readonly ReadFile[] {
  const paid = objectsOf(fieldsOf(message.paid_media).paid_media, 20).flatMap(filesOf);
  // An animation is also included as a document, for older clients.
  const isAnimation = objectOf(message.animation) !== null;
  const named = fileKinds.filter(([field]) => !(field === 'document' && isAnimation));
  return [...named.flatMap(([field, kind, contentType]) => fileOf(largestOf(message[field]), kind, contentType)), ...paid];
}
const fileKinds = [
  ['voice', 'voice', 'audio/ogg'],
  ['photo', 'photo', 'image/jpeg'],
  ['video', 'video', 'video/mp4'],
  ['video_note', 'round_video', 'video/mp4'],
  ['animation', 'animation', 'video/mp4'],
  ['audio', 'audio', 'audio/mpeg'],
  ['document', 'document', 'application/octet-stream'],
  ['sticker', 'sticker', 'image/webp'],
] as const;
/** The sizes of a photo are in one list, the largest last. */
const largestOf = (given: unknown): Fields | null => objectOf(Array.isArray(given) ? given.at(-1) : given);
function fileOf(file: Fields | null, kind: ReadFile['kind'], contentType: string): readonly ReadFile[] {
  const id = textOf(file?.file_id, 512);
  if (file === null || id === null) return [];
  const seconds = integerOf(file.duration, 0, 100_000_000);
  return [
    {
      id,
      kind,
      name: textOf(file.file_name, 300),
      contentType: (textOf(file.mime_type, 100) ?? contentType).split(';', 1)[0]?.trim() || contentType,
      bytes: integerOf(file.file_size, 0, Number.MAX_SAFE_INTEGER),
      durationMs: seconds === null ? null : seconds * 1000,
    },
  ];
}

/** The sender shared their own contact. A forwarded one proves nothing: anybody may have forwarded it. */
const isOwnContact = (contact: Fields, message: Fields): boolean => {
  const id = textOf(contact.user_id, 32);
  return id !== null && id === textOf(fieldsOf(message.from).id, 32) && !isForwarded(message);
};
/** `forward_date` is the field of Bot API versions before 7.0. */
export const isForwarded = (message: Fields): boolean =>
  objectOf(message.forward_origin) !== null || message.forward_date !== undefined || message.is_automatic_forward === true;
/** The phone of a person who shared their own contact, E.164. */
export function ownPhoneOf(message: Fields): string | null {
  const contact = objectOf(message.contact);
  if (contact === null || !isOwnContact(contact, message)) return null;
  const digits = (textOf(contact.phone_number, 32) ?? '').replace(/^\+?/, '+');
  return Phone.safeParse(digits).data ?? null;
}

export const fullName = ({ first_name, last_name }: Fields, max: number): string =>
  [textOf(first_name, max), textOf(last_name, max)]
    .filter((part) => part !== null)
    .join(' ')
    .slice(0, max)
    .toWellFormed();
/** Name of a chat or a person. */
export const nameOf = (chat: Fields): string | null => textOf(chat.title, 300) ?? (fullName(chat, 300) || null);
