import type { Handler } from '../../bus/service.ts';
import { actorOf } from '../../contracts/common.ts';
import { inbox } from '../../contracts/inbox.ts';
import { intents } from '../../contracts/intents.ts';
import { free } from './cascade.ts';
import { insertAnalysis, latestAnalysis } from './rows.ts';

/** The judgement of a person replaces the classification, which stays as the version before, for evaluation. */
export function correct(now: () => number): Handler<typeof intents.correct> {
  return async ({ messageId, intent, isUrgent, onBehalfOf, viewer }, { call, caller, commit }) => {
    const { chatId, sentAt } = await call(inbox.get_message, { messageId, ...(viewer === undefined ? {} : { viewer }) });
    return commit(async (tx) => {
      const was = await latestAnalysis(tx, messageId);
      const judged = {
        intent,
        isCertain: true,
        isUrgent: isUrgent ?? was?.isUrgent ?? false,
        confidence: 1,
        stage: was?.stage ?? ('pattern' as const),
      };
      const row = {
        messageId,
        chatId,
        messageAt: new Date(sentAt),
        ...judged,
        ...free,
        judgedAt: new Date(now()),
        who: actorOf(caller, onBehalfOf),
      };
      const version = await insertAnalysis(tx, row);
      tx.emit(intents.message_classified, { messageId, chatId, ...judged });
      return { messageId, chatId, version, ...judged };
    });
  };
}
