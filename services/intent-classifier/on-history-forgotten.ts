import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { dropAnalysesBefore } from './rows.ts';

export function onHistoryForgotten(): Consumer {
  return on(inbox.history_forgotten, async ({ before, chatIds }, tx) => {
    await dropAnalysesBefore(tx, new Date(before));
    await tx.query('delete from intent_classifier.assigned_chats where chat_id = any ($1)', [chatIds]);
  });
}
