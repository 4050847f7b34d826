import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { analysisOwners } from './chat-owners.ts';
import { dropAnalysesBefore } from './rows.ts';

export function onHistoryForgotten(): Consumer {
  return on(inbox.history_forgotten, async ({ before, chatIds }, tx) => {
    await dropAnalysesBefore(tx, new Date(before));
    await analysisOwners.forget(tx, chatIds);
  });
}
