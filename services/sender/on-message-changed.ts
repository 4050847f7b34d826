import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { messages } from '../../contracts/messages.ts';
import { keysBefore, personActed } from './rows.ts';

/** A draft may be based on a text that was edited or withdrawn later. */
export function onMessageChanged(): Consumer {
  return on(inbox.message_changed, async ({ changeId, chatId, senderId, isBot, kind }, tx) => {
    if (senderId === null || isBot || kind === 'service') return;
    await personActed(tx, chatId, changeId);
    const why = 'A message of the chat has been edited or withdrawn since; read it again, and answer its current text.';
    tx.outdate(messages.deliver, await keysBefore(tx, chatId, changeId), why);
  });
}
