/** Classification of a given text, and of a stored message. */
import type { Handler } from '../../bus/service.ts';
import type { Content } from '../../contracts/content.ts';
import { inbox } from '../../contracts/inbox.ts';
import { intents } from '../../contracts/intents.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { asks } from './assents.ts';
import { type Cascade, free, type Judgement } from './cascade.ts';
import { intentsTotal } from './metrics.ts';
import { isOrder, judgeContent } from './of-content.ts';
import { insertAnalysis } from './rows.ts';
import { isUrgent } from './urgency.ts';

export function classifyIntent(judge: Cascade): Handler<typeof intents.classify_intent> {
  return async ({ text, answersQuestion }, { signal }) => {
    const { cost: _, ...judged } = await judge(text, { answersQuestion, signal });
    return judged;
  };
}

/** Messages of own bots need no classification: the role decides. */
const ofRole: Readonly<Record<string, Judgement>> = {
  broadcast_bot: { intent: 'broadcast', isCertain: true, isUrgent: false, confidence: 1, stage: 'pattern' },
  assistant_bot: { intent: 'none', isCertain: true, isUrgent: false, confidence: 1, stage: 'pattern' },
};

/**
 * Undefined when the text decides. @throws PolybError failed_precondition/nothing_to_judge for a message without text and known
 * content.
 */
function ofContent(text: string, content: readonly Content[]): Judgement | undefined {
  if (text.trim() !== '' && !isOrder(content)) return undefined;
  const judged = judgeContent(content);
  if (judged === null)
    throw new PolybError('failed_precondition', 'The message has neither text nor content of a supported kind; read it in its channel.', {
      reason: 'nothing_to_judge',
    });
  return { ...judged, isUrgent: isUrgent(text) };
}

export function classifyMessage(judge: Cascade, now: () => number): Handler<typeof intents.classify_message> {
  return async ({ messageId }, { call, commit, signal }) => {
    const { chatId, sentAt, text, content, sender, answers } = await call(inbox.get_message, { messageId });
    const known = (sender === null ? undefined : ofRole[sender.role]) ?? ofContent(text, content);
    const answersQuestion = answers?.isOurs === true && asks(answers.text);
    const { cost, ...judged } =
      known === undefined ? await judge(text, { ref: messageId, answersQuestion, signal }) : { ...known, cost: free };
    return commit(async (tx) => {
      const row = { messageId, chatId, messageAt: new Date(sentAt), ...judged, ...cost, judgedAt: new Date(now()), who: null };
      const version = await insertAnalysis(tx, row);
      tx.emit(intents.message_classified, { messageId, chatId, ...judged });
      tx.count(intentsTotal, { intent: judged.intent, urgent: judged.isUrgent });
      return { messageId, chatId, version, ...judged };
    });
  };
}
