import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { analysisOwners } from './chat-owners.ts';

export function onChatAssigned(): Consumer {
  return on(inbox.chat_assigned, ({ chatId, personId, at }, tx) => analysisOwners.set(tx, chatId, personId, at));
}
