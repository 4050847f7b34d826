import { type Consumer, on } from '../../bus/service.ts';
import { messages } from '../../contracts/messages.ts';
import { putOwn } from './put.ts';

/** Stores outbound messages in the chat beside inbound ones. */
export function storeOwn(): Consumer {
  return on(messages.message_sent, async ({ chatId, channel, botId, externalId, text, author, threadId, replyToExternalId, at }, tx) => {
    const [chat] = await tx.query<{ external_id: string; kind: 'private' | 'group' | 'supergroup' | 'channel'; title: string | null }>(
      `select external_id, kind, title from collector.chats
       where chat_id = (select coalesce(merged_into, chat_id) from collector.chats where chat_id = $1)
       and not starts_with(external_id, 'erased:') for no key update`,
      [chatId],
    );
    if (chat === undefined) return;
    const sentAt = Date.parse(at);
    // A person who answers takes the chat over, in any channel.
    if (author === 'person')
      await tx.query(
        `update collector.chats set staff_wrote_at = greatest(staff_wrote_at, $2)
         where chat_id = (select coalesce(merged_into, chat_id) from collector.chats where chat_id = $1)`,
        [chatId, at],
      );
    await putOwn(
      tx,
      { channel, botId },
      {
        chat: { externalId: chat.external_id, kind: chat.kind, title: chat.title },
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
