import { type Guard, guard } from '../../bus/service.ts';
import { messages } from '../../contracts/messages.ts';
import { type Limits, misfit } from './misfit.ts';
import { type ChatState, chatState, hasAnswer } from './rows.ts';

const dayMs = 86_400_000;
/** By channel: how long after the customer's last message free text is accepted. */
export type ReplyWindows = ReadonlyMap<string, number>;

interface Draft {
  /** Undefined: free text is always accepted. */
  readonly replyWindowMs: number | undefined;
  readonly template: unknown;
  readonly knows: string | null;
  readonly answers: string | null;
  /** States what was done: no later act makes it stale. */
  readonly isReceipt: boolean;
}
export type Obstacle = 'chat_off' | 'opted_out' | 'blocked' | 'window_closed' | 'stale';
/** Message for people, with what they can do. */
export const sentenceOf: Readonly<Record<Obstacle, string>> = {
  opted_out:
    'The customer refuses messages. A question asked after that can be answered once: name it as `answers`. set_consent lifts the refusal when the customer agrees again.',
  chat_off: 'A person has turned off answers in this chat; set_chat_owner turns them on again.',
  stale: 'The customer or staff has written since, or changed a message; read the chat, and answer its current state.',
  blocked: 'The customer has blocked this sender; no message arrives until the customer writes again.',
  window_closed: 'The customer has been silent for too long; the channel accepts only a template.',
};
/** Why a draft may not be sent now, or null. Ids of messages sort by their time of storing. */
export function forbidden({ replyWindowMs, template, knows, answers, isReceipt }: Draft, chat: ChatState, now: number): Obstacle | null {
  if (chat.isOff) return 'chat_off';
  if (chat.isOptedOut && !(template === null && answers !== null && isAsked(answers, chat, now))) return 'opted_out';
  if (chat.isBlocked) return 'blocked';
  if (!isReceipt && chat.lastActId !== null && (knows === null || knows < chat.lastActId)) return 'stale';
  const silentMs = now - (chat.lastInboundAt?.getTime() ?? 0);
  if (replyWindowMs !== undefined && template === null && silentMs >= replyWindowMs) return 'window_closed';
  return null;
}

/** A customer who refused messages and writes afterwards may be answered for a day. */
export function isAsked(answers: string, { lastInboundId, lastInboundAt, optedOutActId }: ChatState, now: number): boolean {
  const isLater = optedOutActId !== null && answers > optedOutActId && answers === lastInboundId;
  return isLater && now - (lastInboundAt?.getTime() ?? 0) < dayMs;
}

/** The final check, just before a message is sent: whatever happened since its approval, and the edits of a person. */
export function maySend(replyWindows: ReplyWindows, limitsOf: (channel: string) => Limits, now: () => number): Guard {
  return guard(messages.deliver, async (draft, tx) => {
    const knows = draft.knows ?? draft.answers;
    const chat = await chatState(tx, draft.chatId);
    const isRepeated = chat.isOptedOut && draft.answers !== null && (await hasAnswer(tx, draft.chatId, draft.answers, null));
    const replyWindowMs = replyWindows.get(chat.channel ?? draft.channel);
    const refuse = isRepeated ? 'opted_out' : forbidden({ ...draft, replyWindowMs, knows }, chat, now());
    if (refuse !== null) return { refuse, why: sentenceOf[refuse] };
    const wrong = misfit(draft, limitsOf(chat.channel ?? draft.channel));
    return wrong === null ? 'go' : { refuse: wrong.reason, why: wrong.message };
  });
}
