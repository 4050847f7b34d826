import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { sessionOwners } from './chat-owners.ts';

export function onChatAssigned(): Consumer {
  return on(inbox.chat_assigned, ({ chatId, personId, at }, tx) => sessionOwners.set(tx, chatId, personId, at));
}
