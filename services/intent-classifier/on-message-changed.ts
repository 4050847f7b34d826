import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { intents } from '../../contracts/intents.ts';

export function onMessageChanged(): Consumer {
  return on(inbox.message_changed, async ({ changeId, messageId, isStaff, isBot, kind }, tx) => {
    if ((isStaff && !isBot) || kind === 'service' || kind === 'voice') return;
    tx.send(intents.classify_message, { messageId }, { key: `${messageId}:${changeId}` });
  });
}
