import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { addInput } from './rows/sessions.ts';
import type { DialogSettings } from './settings.ts';
import { turnDue } from './turn-due.ts';

/** What a customer wrote becomes an input, and a turn is due. */
export function onMessageReceived({ DIALOG_GATHER_MS, DIALOG_FRAGMENT_MS }: DialogSettings, now: () => number): Consumer {
  return on(inbox.message_received, async ({ messageId, chatId, isStaff, isBot, kind, at }, tx) => {
    if (isBot || isStaff || kind === 'service') return;
    await addInput(tx, chatId, { inputId: messageId, kind: 'text', data: null, at: new Date(at) });
    turnDue(tx, chatId, messageId, new Date(now() + (kind === 'text' ? DIALOG_GATHER_MS : DIALOG_FRAGMENT_MS)));
  });
}
