import { type Consumer, on } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { inbox } from '../../contracts/inbox.ts';
import { reopenInput } from './rows/sessions.ts';
import { turnDue } from './turn-due.ts';

/** The transcript of a voice message is text like any other, also if it comes after a turn that could not listen. */
export function onMessageTranscribed(): Consumer {
  return on(inbox.message_transcribed, async ({ messageId, chatId, at }, tx) => {
    await reopenInput(tx, chatId, { inputId: messageId, kind: 'text', data: null, at: new Date(at) });
    turnDue(tx, chatId, derivedKey(messageId, 'transcribed'));
  });
}
