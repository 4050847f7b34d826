/**
 * Reads deliveries of the WhatsApp Cloud API. Fields are read one by one: any may be missing, since 2026 also the phone, which people
 * can hide behind a user name (…/whatsapp/business-scoped-user-ids).
 *
 * A person who hides the phone arrives with a user id only. WhatsApp links it to a known phone only where it names both: in a
 * message before the phone was hidden or after it is shown again, and in the status of a message sent to the phone. Until one of these
 * arrives, nothing links them (names are chosen freely, and no call returns the phone of a user id), and they count as two people.
 *
 * A person who changes the number gets another user id too, and WhatsApp reports both (…/webhooks/reference/messages/system; user ids since August 2026).
 * Their chats continue under the new number, or the new user id if no number is given. Operators reassign old numbers: messages written under
 * one before the change belong to the former owner, however late they arrive, and a later author under it is a new person. The notice is not
 * a message, since it has no author, and its text names a person who may have been erased.
 */
import { z } from 'zod';
import { type Fields, fieldsOf, msOf, objectsOf, textOf } from '../../channel/fields.ts';
import type { ReadChat, ReadMessage, ReadPart, ReadPerson, Status } from '../../channel/port.ts';
import { contentOf, filesOf, isForwarded, kindOf, unknownOf, wordsOf } from './content.ts';

const Value = z.object({
  metadata: z.object({ phone_number_id: z.string().max(32).regex(/^\d+$/) }),
  contacts: z.unknown().optional(),
  messages: z.array(z.unknown()).max(1000).optional().catch(undefined),
  message_echoes: z.array(z.unknown()).max(1000).optional().catch(undefined),
  statuses: z.array(z.unknown()).max(1000).optional().catch(undefined),
});
const Body = z.object({
  object: z.literal('whatsapp_business_account'),
  entry: z
    .array(
      z.object({
        changes: z
          .array(z.object({ field: z.string().max(512), value: z.unknown() }))
          .max(1000)
          .optional(),
      }),
    )
    .max(1000),
});

/**
 * One message or status with its contact, as stored raw; an echo is a message that the business wrote outside the API; other values
 * are stored whole.
 */
type Piece =
  | { readonly message: unknown; readonly contact?: unknown }
  | { readonly echo: unknown; readonly contact?: unknown }
  | { readonly status: unknown }
  | { readonly unknown: unknown; readonly field: string };

/** @throws ZodError when it is not a delivery. */
export function changesOf(body: unknown): readonly { readonly botId: string; readonly pieces: readonly Piece[] }[] {
  return Body.parse(body).entry.flatMap(({ changes = [] }) =>
    changes.flatMap(({ field, value: given }) => {
      const value = Value.safeParse(given);
      if (!value.success) return [{ botId: '0', pieces: [{ unknown: given, field }] }];
      const { metadata, contacts: people, messages = [], message_echoes: echoes = [], statuses = [] } = value.data;
      const contacts = objectsOf(people, 1000);
      const pieces: readonly Piece[] = [
        ...messages.map((message) => ({ message, contact: contactOf(contacts, message) })),
        ...echoes.map((echo) => ({ echo, contact: contacts.length === 1 ? contacts[0] : undefined })),
        ...statuses.map((status) => ({ status })),
      ];
      return [{ botId: metadata.phone_number_id, pieces: pieces.length > 0 ? pieces : [{ unknown: given, field }] }];
    }),
  );
}
/** `from` and `wa_id` may have different spellings of a number, so a single contact belongs to a message with a phone. */
function contactOf(contacts: readonly Fields[], message: unknown): Fields | undefined {
  const { from, from_user_id } = fieldsOf(message);
  const named = contacts.find(
    ({ wa_id, user_id }) => (wa_id !== undefined && wa_id === from) || (user_id !== undefined && user_id === from_user_id),
  );
  const isAlone = contacts.length === 1 && (from !== undefined || from_user_id === undefined);
  return named ?? (isAlone ? contacts[0] : undefined);
}

const unread = (type: string): ReadPart => ({ is: 'unread', type: type.slice(0, 64) });
/** An identifier, at most as long as the store accepts. */
const id = (value: unknown): string | null => textOf(value, 128);

export function partsOf(piece: unknown): readonly ReadPart[] {
  const { message, echo, contact, status, field } = fieldsOf(piece);
  if (status !== undefined) return statusOf(fieldsOf(status));
  if (echo !== undefined) return echoOf(fieldsOf(echo), fieldsOf(contact));
  if (message === undefined) return [unread(textOf(field, 64) ?? 'unknown')];
  return messagePartsOf(fieldsOf(message), fieldsOf(contact));
}

const statuses = ['sent', 'delivered', 'read', 'played', 'failed'] as const satisfies readonly Status[];
function statusOf(given: Fields): readonly ReadPart[] {
  const [externalId, at, status] = [id(given.id), msOf(given.timestamp), statuses.find((each) => each === given.status)];
  if (externalId === null || at === null || status === undefined) return [unread(`status.${textOf(given.status, 64) ?? 'unknown'}`)];
  const [phone, userId] = [id(given.recipient_id), id(given.recipient_user_id)];
  const errorCode = textOf(objectsOf(given.errors, 1)[0]?.code, 16);
  return [
    { is: 'status', externalId, status, errorCode, at },
    ...(phoneNumberOf(phone) === null || userId === null ? [] : aliasOf({ phone, userId }, at)),
  ];
}

function messagePartsOf(message: Fields, contact: Fields): readonly ReadPart[] {
  const at = msOf(message.timestamp);
  const type = textOf(message.type, 64) ?? 'unknown';
  if (at === null) return [unread(`message.${type}`)];
  const moved = movedOf(message, at);
  if (moved.length > 0) return moved;
  const ids = idsOf(message, contact);
  const sender = senderOf(ids, contact);
  if (sender === null) return [unread(`message.${type}`)];
  return [...aliasOf(ids, at), ...saidOf(message, { sender, chat: chatOf(message, sender), direction: 'in', at })];
}
/** A message that the business wrote in the WhatsApp Business app (…/webhooks/reference/smb_message_echoes): `to` is the customer. */
function echoOf(message: Fields, contact: Fields): readonly ReadPart[] {
  const at = msOf(message.timestamp);
  const [to, from] = [id(message.to) ?? id(message.to_user_id) ?? id(contact.wa_id) ?? id(contact.user_id), id(message.from)];
  if (at === null || to === null || from === null) return [unread(`echo.${textOf(message.type, 64) ?? 'unknown'}`)];
  const sender: ReadPerson = { externalId: from, name: '', username: null, phoneNumber: phoneNumberOf(from), firstRole: 'manager' };
  const groupId = id(message.group_id);
  const chat: ReadChat = { externalId: groupId ?? to, kind: groupId === null ? 'private' : 'group', title: null };
  return [{ is: 'alias', externalId: to, of: null, at, isFormer: false }, ...saidOf(message, { sender, chat, direction: 'out', at })];
}
interface By {
  readonly sender: ReadPerson;
  readonly chat: ReadChat;
  readonly direction: ReadMessage['direction'];
  /** Unix ms. */
  readonly at: number;
}
function saidOf(message: Fields, by: By): readonly ReadPart[] {
  const { chat, sender: person, at } = by;
  const type = textOf(message.type, 64) ?? 'unknown';
  const externalId = id(message.id);
  switch (type) {
    case 'reaction': {
      const to = id(fieldsOf(message.reaction).message_id);
      const emoji = textOf(fieldsOf(message.reaction).emoji, 64);
      return to === null ? [unread(type)] : [{ is: 'reaction', chat, externalId: to, person, emojis: emoji === null ? [] : [emoji], at }];
    }
    case 'revoke': {
      const of = id(fieldsOf(message.revoke).original_message_id);
      return of === null ? [unread(type)] : [{ is: 'removal', chat, externalIds: [of], at }];
    }
    case 'edit': {
      const { original_message_id, message: edited } = fieldsOf(message.edit);
      const of = id(original_message_id);
      // An edit has the id of the first version, and its own time.
      return of === null ? [unread(type)] : messagesOf({ ...fieldsOf(edited), id: of }, of, { ...by, isEdit: true });
    }
    default:
      return externalId === null ? [unread(`message.${type}`)] : messagesOf(message, externalId, { ...by, isEdit: false });
  }
}
function messagesOf(
  message: Fields,
  externalId: string,
  { sender, chat, direction, at, isEdit }: By & { isEdit: boolean },
): readonly ReadPart[] {
  const context = fieldsOf(message.context);
  const unknown = unknownOf(message);
  const read: ReadMessage = {
    chat,
    sender,
    externalId,
    kind: kindOf(message),
    direction,
    text: wordsOf(message),
    content: contentOf(message, at),
    threadId: null,
    albumId: null,
    replyTo: id(context.id),
    isForwarded: isForwarded(context),
    sentAt: at,
    editedAt: isEdit ? at : null,
    files: filesOf(message),
  };
  const press = direction === 'in' && !isEdit ? pressOf(read, sender) : [];
  return [{ is: 'message', message: read }, ...press, ...(unknown === null ? [] : [unread(`message.${unknown}`)])];
}
/** A chosen button or row of a list is a message with the id of the option; the answers of a form are none. */
function pressOf({ chat, externalId, replyTo, content }: ReadMessage, person: ReadPerson): readonly ReadPart[] {
  const choice = content.find((part) => part.type === 'choice');
  if (choice === undefined || choice.of === 'form' || choice.id === null) return [];
  const press = {
    ...{ chatExternalId: chat.externalId, person, messageExternalId: replyTo, queryId: null, pressExternalId: externalId },
    data: choice.id.slice(0, 256).toWellFormed(),
    title: choice.title.slice(0, 64).toWellFormed() || null,
  };
  return [{ is: 'button', press }];
}
/** A chat is one person, or a group (…/webhooks/reference/messages/group). */
function chatOf(message: Fields, sender: ReadPerson): ReadChat {
  const group = id(message.group_id);
  return group === null
    ? { externalId: sender.externalId, kind: 'private', title: sender.name || null }
    : { externalId: group, kind: 'group', title: null };
}

interface Ids {
  /** Digits; from `from` or `wa_id`. */
  readonly phone: string | null;
  readonly userId: string | null;
}
function idsOf({ from: given, from_user_id }: Fields, contact: Fields): Ids {
  const from = id(given);
  // A contact that the message does not name may belong to another person: its name is used, but no id.
  const isNamed = from === null || contact.wa_id === from;
  return { phone: from ?? id(contact.wa_id), userId: id(from_user_id) ?? (isNamed ? id(contact.user_id) : null) };
}
/** The phone identifies a person if it is given, otherwise the user id; replies to the phone keep WhatsApp reporting it. */
function aliasOf({ phone, userId }: Ids, at: number): readonly ReadPart[] {
  const externalId = userId ?? phone;
  if (externalId === null) return [];
  const of = userId !== null && phone !== null ? { externalId: phone, phoneNumber: phoneNumberOf(phone) } : null;
  return [{ is: 'alias', externalId, of, at, isFormer: false }];
}
/** Empty if it does not name both the former and the new id. */
function movedOf({ from, system: given }: Fields, at: number): readonly ReadPart[] {
  const system = fieldsOf(given);
  if (system.type !== 'user_changed_number' && system.type !== 'user_changed_user_id') return [];
  const phoneNumber = phoneNumberOf(id(system.wa_id));
  const phone = phoneNumber === null ? null : id(system.wa_id);
  const userId = id(system.user_id);
  const externalId = phone ?? userId;
  const former = [id(system.previous_user_id), id(from)].filter((each) => each !== null && each !== externalId);
  if (externalId === null || former.length === 0) return [];
  const of = { externalId, phoneNumber };
  return [
    ...former.flatMap((each) => (each === null ? [] : [{ is: 'alias', externalId: each, of, at, isFormer: true } as const])),
    ...aliasOf({ phone, userId }, at),
  ];
}
const phoneNumberOf = (phone: string | null): string | null => (/^[1-9]\d{6,14}$/.test(phone ?? '') ? `+${phone}` : null);
function senderOf({ phone, userId }: Ids, contact: Fields): ReadPerson | null {
  const externalId = phone ?? userId;
  if (externalId === null) return null;
  const profile = fieldsOf(contact.profile);
  return {
    externalId,
    name: textOf(profile.name, 300) ?? '',
    username: textOf(profile.username, 64),
    phoneNumber: phoneNumberOf(phone),
    firstRole: 'client',
  };
}
