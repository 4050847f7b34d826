import { type Consumer, on } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { approvals } from '../../contracts/approvals.ts';
import { inbox } from '../../contracts/inbox.ts';
import { choiceOf } from './notice-of.ts';
import { chatCalled } from './rows.ts';

/** @param own the bot that shows the approvals. */
export function onButtonPressed(chats: readonly string[], own: { readonly botId: string }): Consumer {
  return on(inbox.button_pressed, async ({ channel, botId, data, chatExternalId, messageExternalId, queryId, userId, isStaff }, tx) => {
    const choice = choiceOf(data);
    if (choice === null || channel !== 'telegram' || botId !== own.botId) return;
    if (chatExternalId === null || messageExternalId === null || queryId === null) return;
    const pressed = { chat: chatExternalId, messageId: messageExternalId };
    const chat = await chatCalled(tx, chats, chatExternalId);
    tx.send(
      approvals.press_button,
      { ...choice, chat, pressed, queryId, userId, isStaff },
      {
        key: derivedKey(botId, queryId, chatExternalId, messageExternalId, data),
      },
    );
  });
}
