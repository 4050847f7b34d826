import { type Consumer, on } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { inbox } from '../../contracts/inbox.ts';
import { pressInputId } from './ids.ts';
import { tokenPrefix } from './options.ts';
import { addInput } from './rows/sessions.ts';
import { turnDue } from './turn-due.ts';

/** A press does not wait for more. */
export function onButtonPressed(): Consumer {
  return on(inbox.button_pressed, async ({ chatId, messageId, queryId, isStaff, data, at }, tx) => {
    if (chatId === null) return;
    const inputId = messageId ?? (queryId === null ? null : pressInputId(chatId, queryId));
    if (inputId === null || isStaff || !data.startsWith(tokenPrefix)) return;
    await addInput(tx, chatId, { inputId, kind: 'press', data: data.slice(0, 64), at: new Date(at) });
    turnDue(tx, chatId, derivedKey(inputId, 'press'));
  });
}
