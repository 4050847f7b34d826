import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { mergeChats } from './rows/sessions.ts';

export function onChatsMerged(): Consumer {
  return on(inbox.chats_merged, ({ chatId, into }, tx) => mergeChats(tx, chatId, into));
}
