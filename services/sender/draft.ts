import type { Call, Context, SendOptions } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import type { OutputOf, ParsedOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { messages } from '../../contracts/messages.ts';
import { forbidden, type Obstacle, type ReplyWindows, sentenceOf } from './may-send.ts';
import { type Limits, misfit } from './misfit.ts';
import { type Author, findDelivery, hasAnswer, insertDelivery, isAnswered, lockedChatState } from './rows.ts';

type Chat = OutputOf<typeof inbox.chat_context>['chat'];
type LatestMessages = OutputOf<typeof inbox.chat_context>['messages'];
type Delivery = ParsedOf<typeof messages.deliver>;
/** How many of the latest messages are searched for the customer's. */
const lookedThrough = 50;

/** A message as its author wrote it. */
export interface Wording extends Pick<Delivery, 'text' | 'template' | 'choices' | 'media' | 'isReceipt'> {
  readonly chatId: string;
  readonly channel?: string | undefined;
  /** Id of a message of the chat. */
  readonly replyTo?: string | undefined;
  readonly answers?: string | undefined;
  readonly knows?: string | undefined;
}
export interface By {
  readonly author: Author;
  readonly writtenBy: string;
  approvalIn(chat: Chat): 'none' | 'staff';
  /** Of the delivery. */
  readonly key: string;
}
/** The rules of the channels. */
export interface Rules {
  readonly replyWindows: ReplyWindows;
  readonly withTemplates: ReadonlySet<string>;
  limitsOf(channel: string): Limits;
}
export type Drafting = ReturnType<typeof drafting>;

/**
 * Stores the delivery and its draft in one transaction. The recipient is read from the chat, here and at the attempt; the text may be
 * edited until approval.
 */
export function drafting(
  { replyWindows, withTemplates, limitsOf }: Rules,
  asked: Pick<SendOptions, 'undoMs' | 'approvers'>,
  now: () => number,
) {
  return async (
    { chatId: given, channel, text, replyTo, answers: answered, knows: read, template, choices, media, isReceipt }: Wording,
    { author, writtenBy, approvalIn, key }: By,
    { call, commit }: Pick<Context, 'call' | 'commit'>,
  ): Promise<OutputOf<typeof messages.send_message>> => {
    const { chat, messages: last } = await call(inbox.chat_context, { chatId: given, limit: lookedThrough });
    const { chatId, botId } = chat;
    if (channel !== undefined && channel !== chat.channel) throw wrongChannel(`The chat belongs to ${chat.channel}, not to ${channel}.`);
    if (template !== null && !withTemplates.has(chat.channel)) throw wrongChannel(`The channel ${chat.channel} has no templates.`);
    const wrong = misfit({ text, choices, media }, limitsOf(chat.channel));
    if (wrong !== null) throw new PolybError('invalid_argument', wrong.message, { reason: wrong.reason });
    const repliedTo = replyTo === undefined ? null : await repliedMessage(call, replyTo, chatId);
    const approval = approvalIn(chat);
    const route = { channel: chat.channel, botId, to: chat.externalId, isGroup: chat.kind !== 'private' };
    const heard = lastOfCustomer(last);
    const seen = {
      lastActId: chat.lastActId,
      lastInboundId: heard?.messageId ?? null,
      lastInboundAt: chat.lastInboundAt === null ? null : new Date(chat.lastInboundAt),
    };
    return commit(async (tx) => {
      const existing = await findDelivery(tx, { key });
      if (existing !== null) return { id: existing.id, state: approval === 'none' ? 'queued' : 'pending' };
      const own = await lockedChatState(tx, chatId, route, seen);
      const known = { ...own, isBlocked: own.isBlocked || !chat.isReachable, isOff: chat.owner === 'off' };
      const answers = answered ?? known.lastInboundId;
      // An author who names the answered message knows at least that one.
      const knows = read ?? answered ?? known.lastActId;
      // A customer who refused messages gets one answer, and only one that names the question: mass messages do not.
      const isAnswer = answered !== undefined && !(known.isOptedOut && (await hasAnswer(tx, chatId, answered, 'queued')));
      const answersOnly = known.isOptedOut && !isAnswer ? null : answers;
      const replyWindowMs = replyWindows.get(chat.channel);
      const why = forbidden({ replyWindowMs, template, knows, answers: answersOnly, isReceipt }, known, now());
      if (why !== null) throw refusal(why);
      const isLate = author === 'program' && !isReceipt && answered !== undefined;
      if (isLate && (await isAnswered(tx, chatId, answered))) throw refusal('stale');
      const draft = {
        ...{ ...route, chatId, customer: customerOf(chat, heard) },
        ...{
          ...{ text, template, choices, media, isReceipt, answers, knows, author, writtenBy },
          replyTo: repliedTo?.externalId ?? null,
          threadId: (repliedTo ?? last.find(({ messageId }) => messageId === answers))?.threadId ?? null,
        },
      };
      const id = tx.send(messages.deliver, draft, { key, approval, ...asked });
      const of = { id, key, channel: chat.channel, chatId, botId, answers, knows, author, isReceipt };
      const createdAt = new Date(now());
      await insertDelivery(tx, { ...of, createdAt });
      tx.emit(messages.delivery_made, { id, chatId, at: createdAt.toISOString() });
      return { id, state: approval === 'none' ? 'queued' : 'pending' };
    });
  };
}

function lastOfCustomer(messages: LatestMessages): LatestMessages[number] | undefined {
  return messages.findLast(
    ({ direction, kind, sender }) => direction === 'in' && kind !== 'service' && sender !== null && !sender.isStaff && !sender.isBot,
  );
}

/** The recipient and their last words, for the approver. */
function customerOf(chat: Chat, heard: LatestMessages[number] | undefined): Delivery['customer'] {
  return { name: heard?.sender?.name || chat.title || null, channel: chat.channel, said: heard?.text || null, at: heard?.sentAt ?? null };
}

async function repliedMessage(call: Call, messageId: string, chatId: string) {
  const { chatId: of, externalId, threadId } = await call(inbox.get_message, { messageId });
  if (of !== chatId) throw new PolybError('invalid_argument', 'The message to reply to is in another chat.', { reason: 'other_chat' });
  return { externalId, threadId };
}

function wrongChannel(message: string): PolybError {
  return new PolybError('invalid_argument', message, { reason: 'wrong_channel' });
}
function refusal(why: Obstacle): PolybError {
  const code = {
    chat_off: 'conflict',
    stale: 'conflict',
    opted_out: 'permission_denied',
    blocked: 'failed_precondition',
    window_closed: 'failed_precondition',
  } as const;
  return new PolybError(code[why], sentenceOf[why], { reason: why });
}
