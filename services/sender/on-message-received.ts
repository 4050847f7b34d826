import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { messages } from '../../contracts/messages.ts';
import { customerWrote, keysBefore, personActed } from './rows.ts';

/** A message of a customer or of staff makes every draft to the chat stale that does not know it. */
export function onMessageReceived(): Consumer {
  return on(inbox.message_received, async ({ messageId, chatId, senderId, isStaff, isBot, kind, at }, tx) => {
    if (senderId === null || isBot || kind === 'service') return;
    if (isStaff) await personActed(tx, chatId, messageId);
    else await customerWrote(tx, chatId, messageId, new Date(at));
    const why = isStaff
      ? 'Staff has written in the chat since; read the chat, and write only what is still needed.'
      : 'The customer has written since; read the chat, and answer the last message.';
    tx.outdate(messages.deliver, await keysBefore(tx, chatId, messageId), why);
  });
}
