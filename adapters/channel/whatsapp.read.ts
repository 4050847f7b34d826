/**
 * What a delivery of the WhatsApp Cloud API says. Fields are read one by one: any of them may be missing, a phone too since 2026,
 * when people could hide it behind a user name (…/whatsapp/business-scoped-user-ids).
 *
 * Who hides the phone comes with a user id alone. That it is somebody whom we know by phone is told only where WhatsApp names both: in a
 * message before it was hidden or after it is shown again, and in the status of a message that we sent to the phone. Until one of these
 * came, nothing tells it (names are chosen freely, and no call gives the phone of a user id), and they are taken for two people.
 *
 * Who changes the number gets another user id too, and WhatsApp tells both (…/webhooks/reference/messages/system; user ids since August 2026).
 * They go on under the new number, or the new user id where no number is told. Operators give old numbers to others: what was written under
 * one until then is theirs for ever, however late it comes, and who writes under it later is a new person. The notice is no message, since
 * nobody wrote it, and its words name somebody who may have been erased.
 */
import { z } from 'zod';
import type { ReadFile, ReadMessage, ReadPart, ReadPerson, Status } from './port.ts';
import { storable } from './port.ts';

const text = z.string().max(300_000);
const word = z.string().max(512);
const Media = z.object({
  id: word,
  mime_type: word.optional(),
  caption: text.optional(),
  filename: text.optional(),
  voice: z.boolean().optional(),
});
const Reply = z.object({ id: word.optional(), title: text.optional() });
const Message = z.object({
  id: word,
  from: word.optional(),
  from_user_id: word.optional(),
  timestamp: word,
  type: word,
  context: z.object({ id: word.optional(), forwarded: z.boolean().optional() }).optional(),
  text: z.object({ body: text }).optional(),
  image: Media.optional(),
  video: Media.optional(),
  audio: Media.optional(),
  document: Media.optional(),
  button: z.object({ text: text.optional() }).optional(),
  interactive: z.object({ button_reply: Reply.optional(), list_reply: Reply.optional() }).optional(),
  reaction: z.object({ message_id: word, emoji: word.optional() }).optional(),
  contacts: z
    .array(
      z.object({
        name: z.object({ formatted_name: text.optional() }).optional(),
        phones: z
          .array(z.object({ phone: word.optional() }))
          .max(20)
          .optional(),
      }),
    )
    .max(100)
    .optional(),
  system: z.object({ body: text, type: word, wa_id: word, user_id: word, previous_user_id: word }).partial().optional(),
});
const Contact = z.object({
  wa_id: word.optional(),
  user_id: word.optional(),
  profile: z.object({ name: text.optional(), username: word.optional() }).optional(),
});
const DeliveryOf = z.object({
  id: word,
  status: z.enum(['sent', 'delivered', 'read', 'played', 'failed']),
  timestamp: word,
  recipient_id: word.optional(),
  recipient_user_id: word.optional(),
  errors: z
    .array(z.object({ code: z.union([z.int(), word]) }))
    .max(20)
    .optional(),
});
const Value = z.object({
  metadata: z.object({ phone_number_id: z.string().max(32).regex(/^\d+$/) }),
  contacts: z.array(Contact).max(1000).optional(),
  messages: z.array(z.unknown()).max(1000).optional(),
  statuses: z.array(z.unknown()).max(1000).optional(),
});
const Body = z.object({
  object: z.literal('whatsapp_business_account'),
  entry: z
    .array(
      z.object({
        changes: z
          .array(z.object({ field: word, value: z.unknown() }))
          .max(1000)
          .optional(),
      }),
    )
    .max(1000),
});

/** One message or status with who it is of, as it is kept raw; what is of no kind that is known is kept whole. */
type Piece = { readonly message: unknown; readonly contact?: unknown } | { readonly status: unknown } | { readonly unknown: unknown };

/** @throws ZodError when it is not a delivery. */
export function changesOf(body: unknown): readonly { readonly botId: string; readonly pieces: readonly Piece[] }[] {
  return Body.parse(body).entry.flatMap(({ changes = [] }) =>
    changes.flatMap(({ value: given }) => {
      const value = Value.safeParse(given);
      if (!value.success) return [{ botId: '0', pieces: [{ unknown: given }] }];
      const { metadata, contacts = [], messages = [], statuses = [] } = value.data;
      const pieces: readonly Piece[] = [
        ...messages.map((message) => ({ message, contact: contactOf(contacts, message) })),
        ...statuses.map((status) => ({ status })),
      ];
      return [{ botId: metadata.phone_number_id, pieces: pieces.length > 0 ? pieces : [{ unknown: given }] }];
    }),
  );
}
/** Of a number's two spellings `from` and `wa_id` may have one each, so that a contact alone is that of a message with a phone. */
function contactOf(contacts: readonly z.output<typeof Contact>[], message: unknown): z.output<typeof Contact> | undefined {
  const { from, from_user_id } = (message ?? {}) as { from?: unknown; from_user_id?: unknown };
  const named = contacts.find(
    ({ wa_id, user_id }) => (wa_id !== undefined && wa_id === from) || (user_id !== undefined && user_id === from_user_id),
  );
  const isAlone = contacts.length === 1 && (from !== undefined || from_user_id === undefined);
  return named ?? (isAlone ? contacts[0] : undefined);
}

/** Nothing for a shape that is not known. */
export function partsOf(piece: unknown): readonly ReadPart[] {
  const { message: given, contact, status } = piece as { message?: unknown; contact?: unknown; status?: unknown };
  if (status !== undefined) {
    const read = DeliveryOf.safeParse(status);
    if (!read.success) return [];
    const { id, status: came, timestamp, recipient_id: phone, recipient_user_id: userId, errors } = read.data;
    return [
      { is: 'status', externalId: id, status: came satisfies Status, errorCode: codeOf(errors), at: msOf(timestamp) },
      ...(phoneNumberOf(phone) === null || !userId ? [] : aliasOf({ phone, userId }, msOf(timestamp))),
    ];
  }
  const read = Message.safeParse(given);
  if (!read.success) return [];
  const moved = movedOf(read.data);
  if (moved.length > 0) return moved;
  const about = Contact.safeParse(contact).data;
  const ids = idsOf(read.data, about);
  const sender = senderOf(ids, about);
  return sender === null ? [] : [...aliasOf(ids, msOf(read.data.timestamp)), { is: 'message', message: messageOf(read.data, sender) }];
}

function messageOf(message: z.output<typeof Message>, sender: ReadPerson): ReadMessage {
  const media = message.image ?? message.video ?? message.audio ?? message.document;
  return {
    // A chat of WhatsApp is one person.
    chat: { externalId: sender.externalId, kind: 'private', title: sender.name || null },
    sender,
    externalId: message.id.slice(0, 128),
    kind: kindOf(message),
    direction: 'in',
    text: storable(textOf(message, media)),
    content: [],
    threadId: null,
    albumId: null,
    replyTo: (message.context?.id ?? message.reaction?.message_id)?.slice(0, 128) ?? null,
    isForwarded: message.context?.forwarded === true,
    sentAt: msOf(message.timestamp),
    editedAt: null,
    files: voiceOf(message),
  };
}
function textOf(message: z.output<typeof Message>, media: z.output<typeof Media> | undefined): string {
  const { interactive, contacts } = message;
  const people = contacts?.map(({ name, phones = [] }) =>
    [name?.formatted_name, ...phones.map(({ phone }) => phone)].filter(Boolean).join(' '),
  );
  return (
    message.text?.body ??
    message.button?.text ??
    interactive?.button_reply?.title ??
    interactive?.list_reply?.title ??
    media?.caption ??
    message.reaction?.emoji ??
    message.system?.body ??
    people?.join('\n') ??
    ''
  );
}
const kinds: Readonly<Record<string, ReadMessage['kind']>> = {
  text: 'text',
  button: 'text',
  interactive: 'text',
  image: 'photo',
  document: 'document',
  contacts: 'contact',
  location: 'location',
  system: 'service',
};
function kindOf({ type, audio }: z.output<typeof Message>): ReadMessage['kind'] {
  return type === 'audio' && audio?.voice ? 'voice' : (kinds[type] ?? 'other');
}
function voiceOf({ audio }: z.output<typeof Message>): readonly ReadFile[] {
  if (!audio?.voice) return [];
  const [contentType = 'audio/ogg'] = (audio.mime_type ?? 'audio/ogg').split(';');
  return [{ id: audio.id, kind: 'voice', name: null, contentType: contentType.trim(), bytes: null, durationMs: null }];
}
interface Ids {
  /** Digits; `from` and `wa_id` are its names. */
  readonly phone: string | undefined;
  readonly userId: string | undefined;
}
function idsOf({ from, from_user_id }: z.output<typeof Message>, contact: z.output<typeof Contact> | undefined): Ids {
  // A contact that is not named by the message may be somebody else's: its name is taken then, and no id.
  const isNamed = !from || contact?.wa_id === from;
  return { phone: from || contact?.wa_id, userId: from_user_id || (isNamed ? contact?.user_id : undefined) };
}
/** The phone names a person where it is told, else the user id; an answer to the phone keeps WhatsApp telling it. */
function aliasOf({ phone, userId }: Ids, at: number): readonly ReadPart[] {
  const externalId = userId || phone;
  if (!externalId) return [];
  const of = userId && phone ? { externalId: phone.slice(0, 128), phoneNumber: phoneNumberOf(phone) } : null;
  return [{ is: 'alias', externalId: externalId.slice(0, 128), of, at, isFormer: false }];
}
/** Nothing when it does not tell both who it was and who it is. */
function movedOf({ from, timestamp, system }: z.output<typeof Message>): readonly ReadPart[] {
  if (system?.type !== 'user_changed_number' && system?.type !== 'user_changed_user_id') return [];
  const phoneNumber = phoneNumberOf(system.wa_id);
  const phone = phoneNumber === null ? undefined : system.wa_id;
  const externalId = (phone || system.user_id)?.slice(0, 128);
  const former = [system.previous_user_id, from].flatMap((id) => (id && id !== externalId ? [id.slice(0, 128)] : []));
  if (!externalId || former.length === 0) return [];
  const [of, at] = [{ externalId, phoneNumber }, msOf(timestamp)];
  return [
    ...former.map((id) => ({ is: 'alias', externalId: id, of, at, isFormer: true }) as const),
    ...aliasOf({ phone, userId: system.user_id }, at),
  ];
}
const phoneNumberOf = (phone: string | undefined): string | null => (/^[1-9]\d{6,14}$/.test(phone ?? '') ? `+${phone}` : null);
function senderOf({ phone, userId }: Ids, contact: z.output<typeof Contact> | undefined): ReadPerson | null {
  const externalId = phone || userId;
  if (!externalId) return null;
  return {
    externalId: externalId.slice(0, 128),
    name: storable(contact?.profile?.name ?? '')
      .slice(0, 300)
      .toWellFormed(),
    username: contact?.profile?.username === undefined ? null : storable(contact.profile.username).slice(0, 64).toWellFormed(),
    phoneNumber: phoneNumberOf(phone),
    firstRole: 'client',
  };
}
/** Unix seconds as text. */
const msOf = (timestamp: string): number => {
  const seconds = Number(timestamp);
  return Number.isSafeInteger(seconds * 1000) ? seconds * 1000 : 0;
};
const codeOf = (errors: readonly { readonly code: number | string }[] | undefined): string | null =>
  errors?.[0] === undefined ? null : String(errors[0].code).slice(0, 16);
