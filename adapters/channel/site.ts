/** Chats of a website, or of another source without an adapter: messages arrive over the HTTP API, and replies are read there. */
import { z } from 'zod';
import { inbox } from '../../contracts/inbox.ts';
import { review } from '../../contracts/kit/define.ts';
import type { ChannelAdapter, Intake, Sending, Update } from './port.ts';
import { storable } from './port.ts';

/** There is one connection of this kind, and it has no number. */
const botId = '0';
const Kept = inbox.put_message.input.required({ messageId: true }).extend({ at: z.int() });

function read(_botId: string, raw: string): Update {
  const { from, name, phoneNumber = null, text, messageId, at } = Kept.parse(JSON.parse(raw));
  const title = storable(name ?? '');
  return {
    externalId: messageId,
    raw,
    parts: [
      {
        is: 'message',
        message: {
          chat: { externalId: from, kind: 'private', title: title === '' ? null : title },
          sender: { externalId: from, name: title, username: null, phoneNumber, firstRole: 'client' },
          externalId: messageId,
          kind: 'text',
          direction: 'in',
          text: storable(text),
          content: [],
          threadId: null,
          albumId: null,
          replyTo: null,
          isForwarded: false,
          sentAt: at,
          editedAt: null,
          files: [],
        },
      },
    ],
  };
}

const intake: Intake = {
  read,
  accept(given, id, at) {
    const raw = JSON.stringify({ ...given, messageId: given.messageId ?? id, at } satisfies z.input<typeof Kept>);
    return { botId, update: read(botId, raw) };
  },
};

/** Nothing is sent: the site can read the message once it has the status sent. */
const sending: Sending = {
  deliver: {
    attempt: async ({ to, text, threadId, replyTo }, { ref }) => ({
      externalId: ref,
      to,
      text,
      threadId,
      replyTo,
      at: new Date().toISOString(),
    }),
    onUnknown: review,
  },
  quotas: () => [],
};

export const site: ChannelAdapter = {
  name: 'site',
  provider: 'http_api',
  intake: { settings: z.object({}), create: () => intake },
  sending: { settings: z.object({}), create: () => sending },
  personFields: ['from'],
};
