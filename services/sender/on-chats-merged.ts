import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { messages } from '../../contracts/messages.ts';
import { sentenceOf } from './may-send.ts';
import { chatState, keysBefore, mergeChats } from './rows.ts';

/** A draft must not miss a refusal or a message of the customer that arrived in the other chat. */
export function onChatsMerged(): Consumer {
  return on(inbox.chats_merged, async ({ chatId, into }, tx) => {
    await mergeChats(tx, chatId, into);
    const { isOff, isOptedOut, lastActId } = await chatState(tx, into);
    if (isOff) tx.outdate(messages.deliver, await keysBefore(tx, into), sentenceOf.chat_off);
    else if (isOptedOut) tx.outdate(messages.deliver, await keysBefore(tx, into), sentenceOf.opted_out);
    else if (lastActId !== null) tx.outdate(messages.deliver, await keysBefore(tx, into, lastActId), sentenceOf.stale);
  });
}
