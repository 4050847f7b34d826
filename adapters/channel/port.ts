/**
 * A channel as one value that states what it can, the ports of its parts, and a common form for what it delivers.
 *
 * Glossary: an *update* is one item that the channel delivers; *reading* it extracts the stored parts. An unknown update has no parts.
 */

import type { z } from 'zod';
import type { MediaKind } from '../../contracts/choices.ts';
import type { Content, FileKind } from '../../contracts/content.ts';
import type { Channel, ChatKind, DeliveryStatus, inbox, MessageKind } from '../../contracts/inbox.ts';
import type { Effect, OutputOf, ParsedOf } from '../../contracts/kit/define.ts';
import type { messages } from '../../contracts/messages.ts';
import type { Quota } from '../quota.ts';

export type ChannelName = z.output<typeof Channel>;
export type Kind = z.output<typeof MessageKind>;
export type Status = z.output<typeof DeliveryStatus>;

export interface ReadChat {
  /** Address of the chat for the bot; in a Telegram Business account, `<connection>:<chat>`. */
  readonly externalId: string;
  readonly kind: z.output<typeof ChatKind>;
  readonly title: string | null;
}
export interface ReadPerson {
  readonly externalId: string;
  readonly name: string;
  readonly username: string | null;
  /** E.164, if the channel gives it. */
  readonly phoneNumber: string | null;
  /** The role of a new person; later changes by people remain. */
  readonly firstRole: 'manager' | 'broadcast_bot' | 'assistant_bot' | 'client';
}
export interface ReadFile {
  /** Fetches the bytes through `Intake.fetchFile`. */
  readonly id: string;
  readonly kind: z.output<typeof FileKind>;
  /** As named by the sender. */
  readonly name: string | null;
  /** Without parameters. */
  readonly contentType: string;
  readonly bytes: number | null;
  readonly durationMs: number | null;
}
export interface ReadMessage {
  readonly chat: ReadChat;
  /** Null if the channel does not name the sender. */
  readonly sender: ReadPerson | null;
  readonly externalId: string;
  readonly kind: Kind;
  /** `out`: written by the business, through this bot or elsewhere (a phone, another program). */
  readonly direction: 'in' | 'out';
  /** The text as received, untrusted; null bytes and lone surrogates are replaced. */
  readonly text: string;
  /** At most 100 parts. */
  readonly content: readonly Content[];
  readonly threadId: string | null;
  readonly albumId: string | null;
  readonly replyTo: string | null;
  readonly isForwarded: boolean;
  /** Unix ms. */
  readonly sentAt: number;
  /** Unix ms; null for the first version of a message. */
  readonly editedAt: number | null;
  readonly files: readonly ReadFile[];
}
export type ReadPart =
  | { readonly is: 'message'; readonly message: ReadMessage }
  /** A group became a supergroup: one chat with two ids. */
  | { readonly is: 'migration'; readonly from: string; readonly to: string }
  /** One person with two ids: `of` is the current one, whichever is reported; null if only this one is known. */
  | {
      readonly is: 'alias';
      readonly externalId: string;
      readonly of: Pick<ReadPerson, 'externalId' | 'phoneNumber'> | null;
      /** When the statement held, in Unix ms. */
      readonly at: number;
      /** The person gave the id up then; a later user of it is another person. */
      readonly isFormer: boolean;
    }
  | { readonly is: 'reachable'; readonly chat: ReadChat; readonly isReachable: boolean; readonly at: number }
  | { readonly is: 'button'; readonly press: ReadPress }
  /** Messages deleted by their author, or in a business chat. An edit is a `message` with `editedAt`. */
  | {
      readonly is: 'removal';
      readonly chat: ReadChat;
      readonly externalIds: readonly string[];
      /** Unix ms; null if the channel gives no time. */
      readonly at: number | null;
    }
  | { readonly is: 'status'; readonly externalId: string; readonly status: Status; readonly errorCode: string | null; readonly at: number }
  /** A live location moved: not a message, but the position of one. */
  | {
      readonly is: 'position';
      readonly chat: ReadChat;
      readonly externalId: string;
      readonly place: Extract<Content, { type: 'location' }>;
    }
  /** All current reactions of a person to a message; empty after their removal. */
  | {
      readonly is: 'reaction';
      readonly chat: ReadChat;
      readonly externalId: string;
      readonly person: ReadPerson;
      readonly emojis: readonly string[];
      readonly at: number;
    }
  | ReadConnection
  /** Content unknown to this reader; `type` is the channel's name of it. */
  | { readonly is: 'unread'; readonly type: string };
/** A business account connected this bot, changed its permissions, or disconnected it. */
export interface ReadConnection {
  readonly is: 'connection';
  readonly connectionId: string;
  readonly owner: ReadPerson;
  /** The connection is enabled, and the bot may answer. */
  readonly isUsable: boolean;
  /** Unix ms of the first connection; the same for each change of it. */
  readonly establishedAt: number;
  /** Orders the changes of one connection. */
  readonly order: number;
}
export interface ReadPress {
  readonly chatExternalId: string | null;
  readonly person: ReadPerson;
  /** The message that offered the option. */
  readonly messageExternalId: string | null;
  /** Names the press where the channel wants an answer to it. */
  readonly queryId: string | null;
  /** The message of the person that is the press, in the same update; null where a press is no message. */
  readonly pressExternalId: string | null;
  /** Id of the option, untrusted. */
  readonly data: string;
  /** Title of the option; at most 64 UTF-16 units. */
  readonly title: string | null;
}
/** One update, raw and read. */
export interface Update {
  /** The channel's number of the update, or a digest if it has none. */
  readonly externalId: string;
  /** JSON as received. */
  readonly raw: string;
  readonly parts: readonly ReadPart[];
}
/** Updates delivered to one bot. */
export interface UpdateBatch {
  readonly botId: string;
  readonly updates: readonly Update[];
}
export interface WebhookRequest {
  readonly bot?: string | undefined;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Empty for a GET. */
  readonly body: Uint8Array;
}
export interface WebhookDelivery {
  readonly batches: readonly UpdateBatch[];
  /** Plain text that the channel expects as the reply; by default it gets the counts of what was stored. */
  readonly reply?: string;
}

/** One part of a channel, and the settings that it reads. `never`: the settings and dependencies are those that it declares. */
export interface ChannelPart<T> {
  readonly settings: z.ZodObject;
  create(options: never, deps: never): T;
}
/** A channel: its parts, and the rules that follow from its documents. */
export interface ChannelAdapter {
  /** As in contracts, rows and, in upper case, names of settings. */
  readonly name: string;
  /** Of the API, `bot_api`. */
  readonly provider: string;
  readonly intake?: ChannelPart<Intake>;
  readonly sending?: ChannelPart<Sending>;
  readonly notices?: ChannelPart<Notices | null>;
  /** How long after the customer's last message free text is accepted; later only a template. Default: always. */
  readonly replyWindowMs?: number;
  readonly hasTemplates?: boolean;
  /** A phone that the channel gives is that of the person: verified by the channel, or shared as their own contact. */
  readonly provesPhones?: boolean;
  /** Whether a button in this chat can request the contact of the customer. Absent: in none. */
  readonly canRequestContact?: (chat: Pick<ReadChat, 'externalId' | 'kind'>) => boolean;
  /** Options under a message. Absent: the channel shows none. */
  readonly choices?: ChoiceLimits;
  /** Files with a message. Absent: the channel sends none. */
  readonly media?: MediaLimits;
  /** Fields of a raw update that contain the id of a person. */
  readonly personFields?: readonly string[];
}

/** How many options a message shows, as buttons or in a list. Buttons that do not fit become a list. */
export interface ChoiceLimits {
  readonly buttons: number;
  readonly list: number;
  /** Longest text of a message with options, in UTF-16 units. */
  readonly longestText: number;
  /** A message may have options and a file. */
  readonly withMedia: boolean;
}
export interface MediaLimits {
  /** Longest caption, in UTF-16 units. */
  readonly longestText: number;
  readonly maxBytes: Readonly<Record<z.output<typeof MediaKind>, number>>;
}

export interface Intake {
  /** Reads a stored update again. */
  read(botId: string, raw: string): Update;
  /**
   * Reads a webhook request after verifying its sender. Absent if the channel has no webhook.
   * @throws PolybError permission_denied/bad_signature; invalid_argument when the body is not a delivery of the channel.
   */
  receive?(delivered: WebhookRequest): WebhookDelivery;
  /** The bytes of a file. @throws PolybError not_found when the channel no longer has it. */
  fetchFile?(botId: string, fileId: string, limits: { readonly maxBytes: number; readonly signal: AbortSignal }): Promise<Uint8Array>;
  /** Bots that fetch their updates. */
  readonly pollers?: readonly Poller[];
  /** Registers the webhook at the channel; may be repeated. Absent if there is nothing to register. */
  register?(signal: AbortSignal): Promise<void>;
  /** A message of `put_message` as an update of the one bot of the channel. @param id used if the message has none. @param at Unix ms. */
  accept?(message: ParsedOf<typeof inbox.store_message>, id: string, at: number): { readonly botId: string; readonly update: Update };
}
/** A bot that polls its channel for updates. */
export interface Poller {
  readonly botId: string;
  /** Prepares the channel for polling; may be called again. */
  open(signal: AbortSignal): Promise<void>;
  /**
   * Updates after `confirmed`, which the channel deletes by this call; waits up to `waitMs` for one.
   * `confirmed` is null for the first poll, which returns all unconfirmed updates.
   */
  poll(confirmed: string | null, waitMs: number, signal: AbortSignal): Promise<readonly Update[]>;
}

export interface Sending {
  readonly deliver: Delivering;
  /** The narrowest first. */
  quotas(message: ParsedOf<typeof messages.deliver>): readonly Quota[];
  /** A page of the templates of all bots. Absent: the channel has none. @throws PolybError invalid_argument for a bad cursor. */
  listTemplates?(page: { readonly limit: number; readonly cursor?: string | undefined }, signal: AbortSignal): Promise<TemplatePage>;
  /** Answers a press, and removes the buttons of the message if one is named. May be repeated. Absent: the channel wants no answer. */
  settlePress?(press: SettledPress, signal: AbortSignal): Promise<void>;
}
/** Without the channel. */
export interface TemplatePage {
  readonly items: readonly Omit<OutputOf<typeof messages.list_templates>['items'][number], 'channel'>[];
  readonly nextCursor: string | null;
}
export type SettledPress = Omit<ParsedOf<typeof messages.settle_press>, 'channel'>;
export interface Delivering extends Effect<typeof messages.deliver> {
  attempt(message: ParsedOf<typeof messages.deliver>, at: DeliveryAttempt): Promise<OutputOf<typeof messages.deliver>>;
}
export interface DeliveryAttempt {
  readonly ref: string;
  readonly signal: AbortSignal;
  /** The bytes of the file, if the message has one. */
  readonly file?: Uint8Array | undefined;
}

/** A message to staff, with buttons under it. */
export interface Notice {
  readonly text: string;
  readonly buttons: readonly { readonly text: string /** Returned with a press; at most 64 bytes. */; readonly data: string }[];
}
export interface NoticeRef {
  /** The chat of the message: a group may have become a supergroup. */
  readonly chat: string;
  readonly messageId: string;
}
export interface Notices {
  readonly botId: string;
  /** The buckets that a refusal cools down: the bot, and the chat if there is one. Named as in `Sending.quotas`. */
  buckets(chat: string | null): readonly string[];
  /** In UTF-16 units. */
  readonly longestText: number;
  post(chat: string, notice: Notice, signal: AbortSignal): Promise<NoticeRef>;
  /** Changes the message; no error if it already looks so. False if the message no longer exists. */
  redraw(posted: NoticeRef, notice: Notice, signal: AbortSignal): Promise<boolean>;
  /** Shown to the person who pressed a button; the channel accepts it once and for a short time. */
  answer(queryId: string, said: { readonly text: string; readonly isAlert: boolean }, signal: AbortSignal): Promise<void>;
}

/** Text that PostgreSQL and UTF-8 can store: a null byte and a lone surrogate become U+FFFD. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}
