import { type Consumer, on } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { approvalPress } from '../../contracts/approvals.ts';
import { inbox } from '../../contracts/inbox.ts';
import { messages } from '../../contracts/messages.ts';
import { findSent } from './rows.ts';

/**
 * Answers each press, so that the client of the person does not wait, and removes the buttons of a message of this service. In a group
 * they stay: the press may be another person's. The journal answers presses of approvals.
 */
export function onButtonPressed(): Consumer {
  return on(inbox.button_pressed, async ({ channel, botId, chatId, chatExternalId, messageExternalId, queryId, data, title }, tx) => {
    if (queryId === null) return;
    const externalId = messageExternalId ?? '';
    const sent = chatId === null ? null : await findSent(tx, { channel, botId, externalId }, chatId);
    if (sent === null && messageExternalId !== null && approvalPress.test(data)) return;
    const offered = sent?.isPrivate && chatExternalId !== null ? { to: chatExternalId, externalId } : null;
    // A query id of another chat or button that the platform gave twice must not stop the presses behind it.
    const key = derivedKey(channel, botId, queryId, chatExternalId ?? '', externalId, data);
    tx.send(messages.settle_press, { channel, botId, queryId, title, offered }, { key });
  });
}
