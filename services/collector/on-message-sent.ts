import { type Consumer, on } from '../../bus/service.ts';
import { messages } from '../../contracts/messages.ts';
import { lockChat, staffWrote } from './rows/chats.ts';
import { putOwn } from './rows/put.ts';

/** Stores outbound messages in the chat beside inbound ones. */
export function onMessageSent(): Consumer {
  return on(messages.message_sent, async ({ chatId, channel, botId, externalId, text, author, threadId, replyToExternalId, at }, tx) => {
    const chat = await lockChat(tx, chatId);
    if (chat === null) return;
    const sentAt = Date.parse(at);
    // A person who answers takes the chat over, in any channel.
    if (author === 'person') await staffWrote(tx, chatId, at);
    await putOwn(
      tx,
      { channel, botId },
      {
        chat,
        sender: { externalId: botId, name: '', username: null, phoneNumber: null, firstRole: 'assistant_bot' },
        externalId,
        kind: 'text',
        direction: 'out',
        text,
        content: [],
        threadId,
        albumId: null,
        replyTo: replyToExternalId,
        isForwarded: false,
        sentAt,
        editedAt: null,
        files: [],
      },
    );
  });
}
