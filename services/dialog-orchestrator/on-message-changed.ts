import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { addInput } from './rows/sessions.ts';
import type { DialogSettings } from './settings.ts';
import { turnDue } from './turn-due.ts';

/** A reply to the former text is stale, and is not sent: the turn of the edit answers, unless a reply was sent before. */
export function onMessageChanged({ DIALOG_GATHER_MS: gatherMs }: DialogSettings, now: () => number): Consumer {
  return on(inbox.message_changed, async ({ changeId, messageId, chatId, isStaff, isBot, change, at }, tx) => {
    if (isBot || isStaff || change !== 'edited') return;
    await addInput(tx, chatId, { inputId: changeId, kind: 'text', data: messageId, at: new Date(at) });
    turnDue(tx, chatId, changeId, new Date(now() + gatherMs));
  });
}
