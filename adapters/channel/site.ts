/** Chats of a website, or of another source without an adapter: messages arrive over the HTTP API, and replies are read there. */
import { z } from 'zod';
import { inbox } from '../../contracts/inbox.ts';
import { review } from '../../contracts/kit/define.ts';
import type { Intake, Sending, Update } from './port.ts';
import { storable } from './port.ts';

/** There is one connection of this kind, and it has no number. */
export const siteBotId = '0';
type SiteMessage = z.output<typeof inbox.put_message.input>;
const Kept = inbox.put_message.input.required({ messageId: true }).extend({ at: z.int() });

/** The message as a storable update. @param id used if the site gave none. @param at Unix ms. */
export function siteUpdate(given: SiteMessage, id: string, at: number): Update {
  return readSite(siteBotId, JSON.stringify({ ...given, messageId: given.messageId ?? id, at } satisfies z.input<typeof Kept>));
}

function readSite(_botId: string, raw: string): Update {
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

export const site: Pick<Intake, 'channel' | 'read'> = { channel: 'site', read: readSite };

/** Nothing is sent: the site can read the message once it has the status sent. */
export const siteSending: Sending = {
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
