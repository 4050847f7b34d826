/**
 * What a channel delivers, in one form for all of them, and what a channel can be asked.
 *
 * Glossary: an *update* is one thing that the channel delivers; *reading* it gives what we keep of it, and an update that is not known reads as nothing.
 */
import type { z } from 'zod';
import type { Content, FileKind } from '../../contracts/content.ts';
import type { Channel, ChatKind, DeliveryStatus, MessageKind } from '../../contracts/inbox.ts';
import type { Effect, ParsedOf } from '../../contracts/kit/define.ts';
import type { messages } from '../../contracts/messages.ts';

export type ChannelName = z.output<typeof Channel>;
export type Kind = z.output<typeof MessageKind>;
export type Status = z.output<typeof DeliveryStatus>;

export interface ReadChat {
  /** Its address within the bot; a chat of a Telegram Business account is `<connection>:<chat>`. */
  readonly externalId: string;
  readonly kind: z.output<typeof ChatKind>;
  readonly title: string | null;
}
export interface ReadPerson {
  readonly externalId: string;
  readonly name: string;
  readonly username: string | null;
  /** E.164, where the channel tells it. */
  readonly phoneNumber: string | null;
  /** The role in which somebody is met for the first time; what people set later stays. */
  readonly firstRole: 'manager' | 'broadcast_bot' | 'assistant_bot' | 'client';
}
export interface ReadFile {
  /** Fetches the bytes through `Intake.fetchFile`. */
  readonly id: string;
  readonly kind: z.output<typeof FileKind>;
  /** As the sender named it. */
  readonly name: string | null;
  /** Without parameters. */
  readonly contentType: string;
  readonly bytes: number | null;
  readonly durationMs: number | null;
}
export interface ReadMessage {
  readonly chat: ReadChat;
  /** Null where the channel does not say who wrote. */
  readonly sender: ReadPerson | null;
  readonly externalId: string;
  readonly kind: Kind;
  /** `out`: written by the business, through this bot or past it (a phone, another program). */
  readonly direction: 'in' | 'out';
  /** The words as they came, hostile or not; null bytes and halves of characters are replaced. */
  readonly text: string;
  /** At most 100 parts. */
  readonly content: readonly Content[];
  readonly threadId: string | null;
  readonly albumId: string | null;
  readonly replyTo: string | null;
  readonly isForwarded: boolean;
  /** Unix ms. */
  readonly sentAt: number;
  /** Unix ms; null for a message as it was first sent. */
  readonly editedAt: number | null;
  readonly files: readonly ReadFile[];
}
export type ReadPart =
  | { readonly is: 'message'; readonly message: ReadMessage }
  /** A group became a supergroup: one chat under two ids. */
  | { readonly is: 'migration'; readonly from: string; readonly to: string }
  /** One person under two ids: `of` names them from now on, whichever of the two is told; null where only this one was. */
  | {
      readonly is: 'alias';
      readonly externalId: string;
      readonly of: Pick<ReadPerson, 'externalId' | 'phoneNumber'> | null;
      /** When it was so, in Unix ms. */
      readonly at: number;
      /** They gave the id up then: who comes under it later is somebody else. */
      readonly isFormer: boolean;
    }
  | { readonly is: 'reachable'; readonly chat: ReadChat; readonly isReachable: boolean; readonly at: number }
  | { readonly is: 'button'; readonly press: ReadPress }
  /** Messages deleted by their writer, or in a business chat. An edit is a `message` with `editedAt`. */
  | {
      readonly is: 'removal';
      readonly chat: ReadChat;
      readonly externalIds: readonly string[];
      /** Unix ms; null where the channel gives no time. */
      readonly at: number | null;
    }
  | { readonly is: 'status'; readonly externalId: string; readonly status: Status; readonly errorCode: string | null; readonly at: number }
  /** A live location moved: no message, the place of one. */
  | {
      readonly is: 'position';
      readonly chat: ReadChat;
      readonly externalId: string;
      readonly place: Extract<Content, { type: 'location' }>;
    }
  /** All reactions that a person has on a message now; none when they took them back. */
  | {
      readonly is: 'reaction';
      readonly chat: ReadChat;
      readonly externalId: string;
      readonly person: ReadPerson;
      readonly emojis: readonly string[];
      readonly at: number;
    }
  | ReadConnection
  /** Something that this reader does not know; `type` is the channel's name of it. */
  | { readonly is: 'unread'; readonly type: string };
/** A business account connected this bot, changed what it may do, or disconnected it. */
export interface ReadConnection {
  readonly is: 'connection';
  readonly connectionId: string;
  readonly owner: ReadPerson;
  /** It is enabled, and the bot may answer. */
  readonly isUsable: boolean;
  /** Unix ms, when it was first made; the same for each change of it. */
  readonly establishedAt: number;
  /** Orders changes of one connection. */
  readonly order: number;
}
export interface ReadPress {
  readonly chatExternalId: string | null;
  readonly person: ReadPerson;
  readonly messageExternalId: string | null;
  readonly queryId: string;
  readonly data: string;
}
/** One update as it came, and what it says. */
export interface Update {
  /** The channel's own number of it, or a digest where it gives none. */
  readonly externalId: string;
  /** JSON as it came. */
  readonly raw: string;
  readonly parts: readonly ReadPart[];
}
/** What one bot was delivered. */
export interface Delivery {
  readonly botId: string;
  readonly updates: readonly Update[];
}
export interface Webhook {
  readonly bot?: string | undefined;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface Intake {
  readonly channel: ChannelName;
  /** What a webhook body holds, once its sender is proved.
   *  @throws PolybError permission_denied/bad_signature; invalid_argument when it is not what the channel sends. */
  receive(delivered: Webhook): readonly Delivery[];
  /** Reads a stored update anew. */
  read(botId: string, raw: string): Update;
  /** A voice message's bytes. @throws PolybError not_found when the channel has it no more. */
  fetchFile(botId: string, fileId: string, limits: { readonly maxBytes: number; readonly signal: AbortSignal }): Promise<Uint8Array>;
}
/** A bot that asks its channel for updates. */
export interface Poller {
  readonly botId: string;
  /** Makes the channel ready to be asked; may be called again. */
  open(signal: AbortSignal): Promise<void>;
  /** Updates after `confirmed`, which the channel forgets by this call for ever; waits up to `waitMs` for one.
   *  `confirmed` is null for a first question: then it gives all that was not confirmed. */
  poll(confirmed: string | null, waitMs: number, signal: AbortSignal): Promise<readonly Update[]>;
}

/** What a channel allows: `limit` messages in any `windowMs` for all that share the bucket. */
export interface Quota {
  readonly bucket: string;
  readonly limit: number;
  readonly windowMs: number;
  /** Whether a refusal of the channel itself, by its reason, shuts this bucket for its `retryAfterMs`; absent: each does. */
  readonly shutBy?: (reason: string | undefined) => boolean;
}
export interface Sending {
  readonly deliver: Effect<typeof messages.deliver>;
  /** The narrowest first. */
  quotas(message: ParsedOf<typeof messages.deliver>): readonly Quota[];
}

/** A message of ours to people of ours, with buttons under it. */
export interface Notice {
  readonly text: string;
  readonly buttons: readonly { readonly text: string /** Comes back with a press; at most 64 bytes. */; readonly data: string }[];
}
export interface Posted {
  /** Where it went: a group may have become a supergroup. */
  readonly chat: string;
  readonly messageId: string;
}
export interface Notices {
  readonly botId: string;
  /** What a refusal shuts: the bot, and the chat if there is one. As `Sending.quotas` names them. */
  buckets(chat: string | null): readonly string[];
  /** In UTF-16 units. */
  readonly longestText: number;
  post(chat: string, notice: Notice, signal: AbortSignal): Promise<Posted>;
  /** The message as it shall look now; that it looks so already is no failure. False when there is no such message any more. */
  redraw(posted: Posted, notice: Notice, signal: AbortSignal): Promise<boolean>;
  /** What whoever pressed a button sees; the channel takes it for a short time and once. */
  answer(queryId: string, said: { readonly text: string; readonly isAlert: boolean }, signal: AbortSignal): Promise<void>;
}

/** Text that PostgreSQL and UTF-8 can hold: a null byte and half of a surrogate pair become U+FFFD. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}
