import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { chatsInGateway } from './owners.ts';

/** @param changed The event stream reads its lists again: items come to one manager and leave another. */
export function onChatAssigned(changed: () => void): Consumer {
  return on(inbox.chat_assigned, async ({ chatId, personId, at }, tx) => {
    await chatsInGateway.set(tx, chatId, personId, at);
    changed();
  });
}
