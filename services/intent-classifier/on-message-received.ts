import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { intents } from '../../contracts/intents.ts';

/** Classifies a new message, except of staff and without text. A voice message is classified when its transcript is available. */
export function onMessageReceived(): Consumer {
  return on(inbox.message_received, async ({ messageId, isStaff, isBot, kind, isReadable }, tx) => {
    if ((isStaff && !isBot) || kind === 'service' || kind === 'voice' || !isReadable) return;
    tx.send(intents.classify_message, { messageId }, { key: messageId });
  });
}
