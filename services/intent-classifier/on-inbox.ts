import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { intents } from '../../contracts/intents.ts';
import { dropAnalyses, dropAnalysesBefore } from './rows.ts';

/**
 * Every version of a message is classified, except those of staff and those without text. A voice message is classified when its
 * transcript is available.
 */
export function onInbox(): readonly Consumer[] {
  return [
    on(inbox.message_received, async ({ messageId, isStaff, isBot, kind, isReadable }, tx) => {
      if ((isStaff && !isBot) || kind === 'service' || kind === 'voice' || !isReadable) return;
      tx.send(intents.classify_message, { messageId }, { key: messageId });
    }),
    on(inbox.message_changed, async ({ changeId, messageId, isStaff, isBot, kind }, tx) => {
      if ((isStaff && !isBot) || kind === 'service' || kind === 'voice') return;
      tx.send(intents.classify_message, { messageId }, { key: `${messageId}:${changeId}` });
    }),
    on(inbox.person_erased, ({ messageIds }, tx) => dropAnalyses(tx, messageIds)),
    on(inbox.history_forgotten, ({ before }, tx) => dropAnalysesBefore(tx, new Date(before))),
    on(inbox.message_transcribed, async ({ messageId }, tx) => {
      tx.send(intents.classify_message, { messageId }, { key: `${messageId}:transcript` });
    }),
  ];
}
