import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { mergeConversations } from './rows/sessions.ts';

export function onChatsMerged(): Consumer {
  return on(inbox.chats_merged, ({ chatId, into }, tx) => mergeConversations(tx, chatId, into));
}
