import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { forgetConversations } from './rows/sessions.ts';

export function onHistoryForgotten(): Consumer {
  return on(inbox.history_forgotten, ({ chatIds }, tx) => forgetConversations(tx, chatIds));
}
