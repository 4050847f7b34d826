import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { messages } from '../../contracts/messages.ts';
import { sentenceOf } from './may-send.ts';
import { keysBefore, ownerSet } from './rows.ts';

/** Taking a chat from the bot makes drafts stale that do not know it; turning answers off, all of them. */
export function onOwnerChanged(): Consumer {
  return on(inbox.owner_changed, async ({ changeId, chatId, owner }, tx) => {
    await ownerSet(tx, chatId, owner, owner === 'bot' ? null : changeId);
    if (owner === 'off') tx.outdate(messages.deliver, await keysBefore(tx, chatId), sentenceOf.chat_off);
    if (owner === 'human')
      tx.outdate(
        messages.deliver,
        await keysBefore(tx, chatId, changeId),
        'A member of staff has taken over the chat since and answers in it.',
      );
  });
}
