import { withLine } from '../../adapters/channel/lines.ts';
import type { ReadMessage } from '../../adapters/channel/port.ts';
import { type Consumer, on } from '../../bus/service.ts';
import type { Choices, Media } from '../../contracts/choices.ts';
import type { Content, FileKind } from '../../contracts/content.ts';
import { messages } from '../../contracts/messages.ts';
import { lockChat, staffWrote } from './rows/chats.ts';
import { wantCopy } from './rows/files.ts';
import { setAuthors } from './rows/messages.ts';
import { putOwn, storedAs } from './rows/put.ts';

/** Stores outbound messages in the chat beside inbound ones. */
export function onMessageSent(): Consumer {
  return on(
    messages.message_sent,
    async ({ chatId, channel, botId, externalId, text, author, threadId, choices, media, knows, ...sent }, tx) => {
      const chat = await lockChat(tx, chatId);
      if (chat === null) return;
      // A person who answers takes the chat over, in any channel.
      if (author === 'person') await staffWrote(tx, chatId, sent.at);
      const bot = { channel, botId };
      const message: ReadMessage = {
        chat,
        sender: { externalId: botId, name: '', username: null, phoneNumber: null, firstRole: 'assistant_bot' },
        externalId,
        kind: media === null ? 'text' : kinds[media.kind],
        direction: 'out',
        text,
        content: [...(media === null ? [] : [fileOf(media)]), ...(choices === null ? [] : [optionsOf(choices)])],
        threadId,
        albumId: null,
        replyTo: sent.replyToExternalId,
        isForwarded: false,
        sentAt: Date.parse(sent.at),
        editedAt: null,
        files: [],
      };
      await putOwn(tx, bot, message, knows);
      const { messageId } = await storedAs(tx, { ...bot, chat: chat.externalId, externalId });
      await setAuthors(tx, messageId, sent);
      if (media === null) return;
      await wantCopy(tx, bot, { messageId, kind: fileKinds[media.kind], blob: media.blob, name: media.name ?? null });
    },
  );
}

const kinds = { image: 'photo', document: 'document', audio: 'other' } as const;
const fileKinds = { image: 'photo', document: 'document', audio: 'audio' } as const satisfies Record<Media['kind'], FileKindName>;
type FileKindName = (typeof FileKind)['_output'];
const fileOf = ({ kind, name }: Media): Content => withLine({ type: 'file', kind: fileKinds[kind], name: name ?? null });

function optionsOf(choices: Choices): Content {
  const options =
    choices.as === 'contact_request'
      ? [{ id: null, title: choices.title, description: null }]
      : choices.options.map(({ id, title, description }) => ({ id, title, description: description ?? null }));
  return withLine({ type: 'options', as: choices.as, options });
}
