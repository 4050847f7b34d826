import type { Call, Handler, SendOptions } from '../../bus/service.ts';
import { actorOf, apiKeyOf } from '../../contracts/common.ts';
import { inbox } from '../../contracts/inbox.ts';
import type { OutputOf, ParsedOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { messages } from '../../contracts/messages.ts';
import { forbidden, type Obstacle, sentenceOf } from './may-send.ts';
import { type Author, findDelivery, hasAnswer, insertDelivery, isAnswered, lockedStanding, type Standing } from './rows.ts';
import type { Policy } from './settings.ts';

type Context = OutputOf<typeof inbox.chat_context>;
/** How many of a chat's last messages are looked through for the customer's. */
const lookedThrough = 50;

/** The delivery and its draft come to be in one transaction. Whom it reaches is read from the chat, here and at the attempt; what it says is open until it is approved. */
export function sendMessage(
  policy: Policy,
  asked: Pick<SendOptions, 'undoMs' | 'approvers'>,
  now: () => number,
): Handler<typeof messages.send_message> {
  return async (
    { chatId: given, channel, text, replyTo, answers: answered, knows: read, template = null, onBehalfOf },
    { call, caller, commit, key },
  ) => {
    const { chat, messages: last } = await call(inbox.chat_context, { chatId: given, limit: lookedThrough });
    const { chatId, botId } = chat;
    if (channel !== undefined && channel !== chat.channel) throw wrongChannel(`The chat belongs to ${chat.channel}, not to ${channel}.`);
    if (template !== null && chat.channel !== 'whatsapp')
      throw wrongChannel(`Templates are for WhatsApp; the chat belongs to ${chat.channel}.`);
    const repliedTo = replyTo === undefined ? null : await repliedMessage(call, replyTo, chatId);
    const writtenBy = actorOf(caller, onBehalfOf);
    const author = authorOf(writtenBy);
    // A person who has taken the chat over looks at whatever a program writes in it.
    const approval = author === 'program' && chat.owner === 'human' ? 'staff' : policy[chat.channel];
    const route = { channel: chat.channel, botId, to: chat.externalId, isGroup: chat.kind !== 'private' };
    return commit(async (tx) => {
      const existing = await findDelivery(tx, { key });
      if (existing !== null) return { id: existing.id, state: approval === 'none' ? 'queued' : 'pending' };
      const known = together(await lockedStanding(tx, chatId, route), chat, last);
      const answers = answered ?? known.lastInboundId;
      // Who names what they answer proves to know no more than that.
      const knows = read ?? answered ?? known.lastActId;
      // Who asked us not to write is answered once, and only by what says what it answers: what is sent to many does not.
      const isAnswer = answered !== undefined && !(known.isOptedOut && (await hasAnswer(tx, chatId, answered, 'queued')));
      const answersOnly = known.isOptedOut && !isAnswer ? null : answers;
      const why = forbidden({ channel: chat.channel, template, knows, answers: answersOnly }, known, now());
      if (why !== null) throw refusal(why);
      if (author === 'program' && answered !== undefined && (await isAnswered(tx, chatId, answered))) throw refusal('stale');
      const draft = {
        ...{ ...route, chatId, customer: customerOf(chat, last) },
        ...{
          text,
          template,
          answers,
          knows,
          author,
          writtenBy,
          replyTo: repliedTo?.externalId ?? null,
          threadId: (repliedTo ?? last.find(({ messageId }) => messageId === answers))?.threadId ?? null,
        },
      };
      const id = tx.send(messages.deliver, draft, { key, approval, ...asked });
      await insertDelivery(tx, { id, key, channel: chat.channel, chatId, botId, answers, knows, author, createdAt: new Date(now()) });
      return { id, state: approval === 'none' ? 'queued' : 'pending' };
    });
  };
}

/** What we were told, and what the inbox shows: it may know a message of which we have not heard yet. */
function together(own: Standing, chat: Context['chat'], last: Context['messages']): Standing {
  const ids = last
    .filter(
      ({ direction, kind, sender }) => direction === 'in' && kind !== 'service' && sender !== null && !sender.isStaff && !sender.isBot,
    )
    .map(({ messageId }) => messageId);
  const latest = [...ids, ...(own.lastInboundId === null ? [] : [own.lastInboundId])].sort().at(-1) ?? null;
  const acts = [own.lastActId, chat.lastActId].filter((id) => id !== null);
  const times = [chat.lastInboundAt === null ? 0 : Date.parse(chat.lastInboundAt), own.lastInboundAt?.getTime() ?? 0];
  return {
    lastActId: acts.sort().at(-1) ?? null,
    lastInboundId: latest,
    lastInboundAt: new Date(Math.max(...times)),
    isBlocked: own.isBlocked || !chat.isReachable,
    isOptedOut: own.isOptedOut,
    optedOutActId: own.optedOutActId,
    isOff: chat.owner === 'off',
    channel: chat.channel,
  };
}

/** Who reads it and what they said last, for whoever approves it. */
function customerOf(chat: Context['chat'], last: Context['messages']): ParsedOf<typeof messages.deliver>['customer'] {
  const heard = last.findLast(
    ({ direction, kind, sender }) => direction === 'in' && kind !== 'service' && sender !== null && !sender.isStaff && !sender.isBot,
  );
  return { name: heard?.sender?.name || chat.title || null, channel: chat.channel, said: heard?.text || null, at: heard?.sentAt ?? null };
}

/** The command line is used by a person, and so is an API key that names one; all else is a program. */
const authorOf = (actor: string): Author => (/^operator(:|$)/.test(actor) || apiKeyOf(actor)?.person !== undefined ? 'person' : 'program');

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
