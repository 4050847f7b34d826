import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { intents } from '../../contracts/intents.ts';

export function onMessageTranscribed(): Consumer {
  return on(inbox.message_transcribed, async ({ messageId }, tx) => {
    tx.send(intents.classify_message, { messageId }, { key: `${messageId}:transcript` });
  });
}
