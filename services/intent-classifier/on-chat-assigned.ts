import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';

export function onChatAssigned(): Consumer {
  return on(inbox.chat_assigned, async ({ chatId, personId }, tx) => {
    await tx.query('delete from intent_classifier.assigned_chats where chat_id = $1', [chatId]);
    if (personId !== null)
      await tx.query('insert into intent_classifier.assigned_chats (chat_id, person_id) values ($1, $2)', [chatId, personId]);
  });
}
